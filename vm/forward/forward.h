/* Sending on: what a worker does with packets that services and translation take (forward/bind/README.md, the life of a
 * packet that is sent on). Programs without either have none of it. */
#ifndef VM_FORWARD_FORWARD_H
#define VM_FORWARD_FORWARD_H

#include "vm/flow/leave.h"
#include "vm/worker.h"

struct forward; /* a worker's */

/* NULL: out of memory. */
struct forward *forward_new(const struct program *p, const struct vm_cfg *cfg, struct track *t, struct balance *b);
void forward_free(struct forward *f);
const struct forward_counters *forward_counters(const struct forward *f);
const struct nat_counters *forward_nat_counters(const struct forward *f); /* NULL: there are no nats */

/* Before anything is judged: this machine's addresses. */
void forward_facts(struct forward *f, const struct facts *facts);

/* Is the packet a reply of a flow that is sent on, or an error that quotes what was? Then it is not judged. */
bool forward_follows(const struct vm *vm, const struct track_seen *seen);
/* It goes back to the client, or on to the server; its verdict is known and
 * counted. */
void forward_back(const struct job *j, struct packet_ctx *c);

/* Does the packet prove a cookie that answered its SYN? The rules have let that one in, so this one is not judged: its
 * flow begins, its verdict is known and
 * counted. A packet that proves it again while the server is awaited asks the server
 * again. False: it is any other packet. */
bool forward_proves(const struct vm *vm, const struct key *key, const struct pkt *pkt, const struct track_seen *seen);
bool forward_prove(const struct job *j, struct packet_ctx *c);

/* A packet that the rules accepted. True: it was sent on, or refused, its verdict is known and counted; false: no
 * service and no translation takes it. */
bool forward_take(const struct job *j, struct packet_ctx *c);

/* The branch and pool of the flow that the packet is of, where it is bound, and its server in words; or the server that
 * its source keeps. False: neither. */
bool forward_explain(struct vm *vm, const struct key *key, const struct pkt *pkt, struct served *s);

/* A later fragment leaves as its first did, by c->left: REASON_NONE, or why not. */
enum pkt_reason forward_follow(const struct job *j, struct packet_ctx *c);
/* The addresses that traffic to servers comes from. */
struct outside *forward_outside(const struct forward *f);

/* Flows whose server is down end, a bounded number at a time. True while there may be more of them. */
bool forward_tick(const struct job *j);
/* Servers that have not answered a client's SYN yet, which a cookie answered, are asked again; the next deadline. */
uint64_t forward_ask_again(const struct job *j);

#endif
