/* The inside of sending on: what forward.c (flows that are bound), forward_new.c (binding one) and forward_down.c
 * (servers that went down) share. */
#ifndef VM_FORWARD_PRIV_H
#define VM_FORWARD_PRIV_H

#include "vm/bind/affinity.h"
#include "vm/bind/bind.h"
#include "vm/bind/conns.h"
#include "vm/bind/nat.h"
#include "vm/bind/outside.h"
#include "vm/forward.h"
#include "vm/mode/mode.h"

struct forward {
    const struct program *p;
    struct track *track;
    struct balance *balance;
    struct outside *outside;
    struct nat *nat;      /* NULL: nothing is translated but for services */
    uint64_t udp_idle_ns; /* of what it translates; 0: as the timeouts say */
    struct conns conns;
    struct clients *clients; /* NULL: no service asks what its clients hold or keep */
    struct forward_counters counters;
    struct leave left; /* of the packet at hand */
    uint32_t datagram; /* identification of the next outer packet that may be cut */
    /* Looking for flows whose server is down. */
    uint64_t generation;
    const struct facts *facts;
    bool sweeping;
    uint32_t hand;
};

/* One packet on its way through. */
struct passing {
    const struct job *j;
    struct forward *f;
    unsigned at;
    struct pkt *pkt;
    const struct key *key;
    struct track_seen *seen;
    struct verdict *v;
};

static inline const struct pbc_service *service_of(const struct program *p, uint32_t branch)
{
    return &p->services[p->branches[branch].service];
}

/* What `to` has to change of a packet with that key, of what `may` be: ports that it has, or a query's identifier. */
uint8_t forward_changes(const struct key *key, const struct translation *to, uint8_t may);
/* Send it as f->left says, counted. quoted: of an error. False: refused, and p->v says why. */
bool forward_send(const struct passing *p, const struct translation *quoted);
/* Drop it for that reason; its verdict is not counted yet. */
void forward_refuse(const struct passing *p, enum pkt_reason reason);
/* What the original direction of a binding leaves as. */
void forward_to_server(const struct passing *p, const struct flow_bind *b, uint32_t hash);
/* Where replies of the packet's sender go. */
void forward_note_client(const struct pkt *pkt, struct flow_bind *b);

/* forward_new.c: the packet, which was accepted and is of no flow, or reopens one, is taken by the branch. */
void forward_begin(const struct passing *p, uint32_t branch);
/* The key of the client of a flow at a service. */
struct client_key forward_client(uint32_t service, const uint32_t addr[4], bool v6);

/* forward_nat.c: a packet, which was accepted and which no service takes, begins a flow that is translated. False: no
 * statement fits. */
bool forward_nat_begin(const struct passing *p);
/* One of the opener's packets of such a flow. */
void forward_nat_on(const struct passing *p, struct flow_bind *b);
/* What the original direction of its binding leaves as. */
void forward_to_end(const struct passing *p, const struct flow_bind *b);

/* forward_down.c: has the flow's server gone, and is the flow to end for it? */
bool forward_is_down(const struct program *p, const struct facts *facts, const struct flow_bind *b);
/* End the flow of the packet at hand: both sides are reset as far as their numbers are known. */
void forward_reset(const struct passing *p);

#endif
