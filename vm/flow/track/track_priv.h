/* What the parts of track.c share: a worker's flows, and how packets become tuples. */
#pragma once

#include "vm/flow/bind.h"
#include "vm/flow/grain.h"
#include "vm/flow/track/track.h"

struct track {
    const struct program *program;
    bool events; /* ends of flows are told */
    struct flow_table *table;
    struct stacks *stacks;
    struct sources *sources; /* NULL: nobody asks how many flows a source holds */
    struct grains grains;    /* and by what networks they count */
    uint64_t now_ns;
    uint64_t pickup_until_ns; /* before it mid-stream TCP counts as new */
    bool begun;               /* a time was seen */
    uint64_t sweep_ns;        /* when the next part of the table is due; 0: at once */
    uint64_t stacks_full;
    bool live;           /* as in cfg */
    uint32_t sweep_left; /* groups of the part that is due: it is swept in smaller ones */
    struct vm_tx *tx;    /* of the call at hand */
    track_unbound_fn *unbound;
    void *unbound_arg;
    track_renew_fn *renew; /* NULL: all bindings are of the program */
    void *renew_arg;
    uint32_t renew_hand;
    uint8_t age; /* BIND_AGE of new bindings */
};

/* The next flow of a walk, of which a live worker takes a step at a time; FLOW_NONE: none here. */
static inline int32_t track_step(const struct track *t, uint32_t *hand)
{
    enum { STEP_GROUPS = 64 };
    return flow_next_near(t->table, hand, t->live ? STEP_GROUPS : UINT32_MAX);
}

/* renew.c: the binding of a slot whose flow is bound, with numbers of the program. */
struct flow_bind *track_bind_at(const struct track *t, int32_t slot);

/* track.c: the flow that the packet's tuple had ends, for another begins. */
void track_reopen(struct track *t, const struct track_seen *s);

/* What can be said of a packet, track_seen.how. */
enum track_how {
    HOW_NONE,    /* it has no state: not IP, or a later fragment */
    HOW_LOOSE,   /* new, and makes no flow: ICMP that is neither error nor query */
    HOW_INVALID, /* an error that quotes nothing that could be a flow, or is not for the sender of what it quotes */
    HOW_TCP,
    HOW_PLAIN, /* UDP, others, ICMP queries: established once both sides have spoken */
    HOW_REPLY, /* ICMP: answers a query */
    HOW_ERROR, /* the tuple is that of the packet which it quotes */
};

/* Where its tuple stands, track_seen.at. */
enum track_at {
    AT_HIGH = 1 << 0,    /* the source is the high side */
    AT_SAME = 1 << 1,    /* both sides are equal (LAND) */
    AT_GROUP = 1 << 2,   /* to multicast or broadcast: it has no flow and makes none */
    AT_QUERY = 1 << 4,   /* ICMP: the side that asks has opened the flow */
    AT_ANSWER = 1 << 5,  /* likewise, and this is the other side */
    AT_STACKED = 1 << 3, /* a stack whose id may change: it is looked up in the packet's turn */
};

static inline bool same_address(const uint32_t a[4], const uint32_t b[4])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* What track_source_flows says where the packet's source, or its network of `len` bits, holds so many. f: the flow of
 * s->slot, if there is one. */
static inline uint32_t flows_with(uint32_t held, const struct key *key, unsigned len, const struct track_seen *s,
                                  const struct flow *f)
{
    if (s->mark != MARK_NEW || s->how < HOW_TCP || s->at & AT_GROUP) return held;
    if (s->slot == FLOW_NONE) return held + 1;
    /* In the place of one that this side opened it is no more than before. */
    const bool same = s->dir == FLOW_ORIGINAL || grain_same(key->src, key->dst, len);
    return held + (s->next.reopen && !(same && f->flags & FLOW_COUNTED));
}

/* Can a flow with this packet's tuple exist? Not without a tuple, to a group, or with an unknown VLAN stack. */
static inline bool may_have_flow(const struct track_seen *s)
{
    return s->how >= HOW_TCP && !(s->at & AT_GROUP) && s->id.stack != STACK_UNKNOWN;
}
/* An association that was shut down or aborted. */
static inline bool flow_has_ended(const struct flow *f)
{
    return f->state == FLOW_STATE_SCTP_CLOSING || f->state == FLOW_STATE_SCTP_RESET;
}

/* The flow that begins with the packet takes its stack; false: there is no room for it. */
bool track_take_stack(struct track *t, const struct pkt *pkt, struct track_seen *s);
/* The flow that the packet begins, its stack taken; flags besides, and how long it may be silent with FLOW_OWN_IDLE.
 * False only where others change the table: it could not be made, and the stack is given back. */
bool track_add(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s, uint8_t flags,
               uint64_t idle_ns);

/* The tuple of a packet with these headers, and where it stands in it; `query` is an ICMP query's identifier, `stack`
 * the id of the VLAN stack. Below HOW_TCP there is none. */
enum track_how tuple_of(const struct key *key, uint16_t query, uint16_t stack, struct flow_id *id, uint8_t *at);

/* That tuple in the order of the table, otherwise like that of an id; query: of ICMP queries. */
void tuple_in_order(const struct flow_id *like, bool query, const struct track_tuple *tuple, struct flow_tuple *out);

/* What an ICMP error quotes, as a tuple: HOW_ERROR, s->id, ->at, of TCP ->seq; HOW_INVALID. */
enum track_how related_tuple(const struct key *key, const struct pkt *pkt, uint16_t stack, struct track_seen *s);
/* May it speak of that flow? dir: of the packet that it quotes. */
bool related_to(const struct flow *f, enum flow_dir dir, uint32_t seq);
