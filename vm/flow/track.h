/* Following flows: from parsed packets to `state`, and from verdicts to the table. What vm.c knows of flows.
 *
 * A packet is looked up before it is judged and changes the table only when it is accepted, in the order in which packets
 * come: the state of each depends on what became of those before. Only the memory is asked for a batch at a time. */
#ifndef VM_FLOW_TRACK_H
#define VM_FLOW_TRACK_H

#include "vm/flow/sources.h"
#include "vm/flow/stacks.h"
#include "vm/flow/table.h"
#include "vm/flow/tcp.h"
#include "vm/vm.h"

struct track; /* a worker's */

/* What is known of one packet between look-up and verdict. */
struct track_seen {
    struct flow_id id;
    uint64_t hash;
    int32_t slot;   /* its flow, or the one that an error quotes; FLOW_NONE */
    uint8_t dir;    /* enum flow_dir of the packet, of an error: of the packet that it quotes */
    uint8_t how;    /* private to track.c */
    uint16_t mark;  /* enum flow_mark */
    struct tcp_step next;
};

struct track *track_new(const struct program *p, const struct vm_cfg *cfg); /* NULL when memory is out */
void track_free(struct track *t);

/* Tuple and hash of the packets of `todo`, and their memory asked for. */
void track_ahead(struct track *t, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                 struct track_seen seen[]);

/* One packet, in its turn: its flow and its state, which is also written into key->marks. */
void track_look(struct track *t, uint64_t now_ns, struct key *key, const struct pkt *pkt, struct track_seen *s);
/* The same and nothing changes: what explain and tests ask. */
enum flow_mark track_peek(const struct track *t, uint64_t now_ns, const struct key *key, const struct pkt *pkt);

/* The packet was accepted: its flow is made, or goes on. May the flow of another packet have ended by this, which is
 * told through `ended` events. */
void track_accept(struct track *t, uint64_t now_ns, const struct key *key, const struct pkt *pkt, struct track_seen *s);

/* Flows that the packet's source holds, one more if the packet would open one. For `flows over`. */
uint32_t track_source_flows(const struct track *t, const struct key *key, const struct track_seen *s);

/* Timed work: returns the next deadline, UINT64_MAX for none. */
uint64_t track_tick(struct track *t, uint64_t now_ns);

#endif
