/* Shared by the parts of track.c: a worker's flows, and the making of tuples from packets */
#pragma once

#include "vm/flow/bind.h"
#include "vm/flow/grain.h"
#include "vm/flow/inquiry.h"
#include "vm/flow/track/track.h"

struct track {
    const struct program *program;
    bool events; /* ends of flows are reported */
    struct flow_table *table;
    struct stacks *stacks;
    struct sources *sources; /* NULL: flows by source are not counted */
    struct grains grains;    /* networks by which flows are counted */
    uint64_t now_ns;
    uint64_t pickup_until_ns;   /* time until which mid-stream TCP counts as new */
    bool begun;                 /* the time was set at least once */
    uint64_t sweep_ns;          /* time when the next part of the table is due; 0: at once */
    struct inquiries inquiries; /* inquiries of this machine; with a shared table the kernel has its own */
    uint64_t stacks_full;
    bool live;           /* live worker, as in cfg */
    uint32_t sweep_left; /* groups left of the part that is due, which is swept in smaller steps */
    struct vm_tx *tx;    /* output of the current call */
    track_unbound_fn *unbound;
    void *unbound_arg;
    track_renew_fn *renew; /* NULL: all bindings are renewed */
    void *renew_arg;
    uint32_t renew_hand;
    uint32_t cut_hand;       /* slot at which track_cut goes on */
    struct lending *lending; /* NULL: nothing is lent */
    uint8_t age;             /* BIND_AGE of new bindings */
    struct {
        uint32_t bound; /* bound flows among those read in advance */
        bool recounts;  /* flows by source are to be counted again at the end */
    } advance;
};

/* Return the next flow of a walk; FLOW_NONE: no flow in this step. A live worker takes short steps. */
static inline int32_t track_step(const struct track *t, uint32_t *hand)
{
    enum { STEP_GROUPS = 64 };
    return flow_next_near(t->table, hand, t->live ? STEP_GROUPS : UINT32_MAX);
}

/* renew.c: return the binding of a bound flow's slot, renewed for the program. */
struct flow_bind *track_bind_at(const struct track *t, int32_t slot);

/* track.c: end the flow with the packet's tuple, because another begins. */
void track_reopen(struct track *t, const struct track_seen *s);

/* Kind of a packet for tracking, track_seen.how */
enum track_how {
    HOW_NONE,    /* not IP, or a later fragment: no state */
    HOW_LOOSE,   /* ICMP that is neither error nor query: new, but makes no flow */
    HOW_INVALID, /* an error that quotes no possible flow, or is not addressed to the sender of the quoted packet */
    HOW_TCP,
    HOW_PLAIN, /* UDP, others, ICMP queries: established once both sides have spoken */
    HOW_REPLY, /* ICMP: reply to a query */
    HOW_ERROR, /* an ICMP error; the tuple is that of the quoted packet */
};

/* Position of the packet in its tuple, track_seen.at */
enum track_at {
    AT_HIGH = 1 << 0,    /* the source is the high side */
    AT_SAME = 1 << 1,    /* both sides are equal (LAND) */
    AT_GROUP = 1 << 2,   /* to multicast or broadcast: has no flow and makes none */
    AT_QUERY = 1 << 4,   /* ICMP query: the asking side opened the flow */
    AT_ANSWER = 1 << 5,  /* ICMP query: the packet comes from the other side */
    AT_STACKED = 1 << 3, /* the id of the packet's stack may change, so it is looked up in the packet's turn */
    AT_FOREIGN = 1 << 6, /* the tuple belongs to a flow whose sides know each other by different tuples: the packet
                          * has no flow, and begins none */
};

/* Report the result of track_is_turned. */
static inline bool seen_is_turned(const struct track_seen *s)
{
    if (s->how != HOW_ERROR) return s->class == SEEN_NONE && s->at & AT_FOREIGN;
    return s->slot != FLOW_NONE && s->mark == MARK_INVALID && !s->twin && s->dir == FLOW_ORIGINAL;
}

/* Return what track_source_flows returns if the packet's source, or its network of `len` bits, holds `held` flows.
 * f: the flow of s->slot, if there is one. */
static inline uint32_t flows_with(uint32_t held, const struct key *key, unsigned len, const struct track_seen *s,
                                  const struct flow *f)
{
    if (s->mark != MARK_NEW || s->how < HOW_TCP || s->at & (AT_GROUP | AT_FOREIGN)) return held;
    if (s->slot == FLOW_NONE) return held + 1;
    /* A new flow in place of one from the same side does not add to the number. */
    const bool same = s->dir == FLOW_ORIGINAL || grain_same(key->src, key->dst, len);
    return held + (s->next.reopen && !(same && f->flags & FLOW_COUNTED));
}

/* True if a flow with this packet's tuple can exist. False: no tuple, to a group, or an unknown VLAN stack. */
static inline bool may_have_flow(const struct track_seen *s)
{
    return s->how >= HOW_TCP && !(s->at & AT_GROUP) && s->id.stack != STACK_UNKNOWN;
}
/* Make the flow that the packet begins, with its stack taken. flags: added; start: idle_ns and twin. False, only in
 * a shared table: the flow could not be made, and the stack is given back. */
bool track_add(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s, uint8_t flags,
               const struct track_start *start);

/* Make the tuple of a packet with these headers, and its position. query: identifier of an ICMP query; stack: id of the
 * VLAN stack. A result below HOW_TCP has no tuple. */
enum track_how tuple_of(const struct key *key, uint16_t query, uint16_t stack, struct flow_id *id, uint8_t *at);

/* Put the tuple's sides in the table's order; the other fields are as in `like`. query: for ICMP queries. */
void tuple_in_order(const struct flow_id *like, bool query, const struct track_tuple *tuple, struct flow_tuple *out);

/* Read the packet that an ICMP error quotes as a tuple. Return HOW_ERROR, with s->id, ->at and, for TCP, ->seq; else
 * HOW_INVALID. */
enum track_how related_tuple(const struct key *key, const struct pkt *pkt, uint16_t stack, struct track_seen *s);
/* True if the error may belong to that flow. dir: direction of the quoted packet. */
bool related_to(const struct flow *f, enum flow_dir dir, uint32_t seq);

/* Numbers of a track's flows by opener (track.h): each flow counts once for every network that the grains name */

/* Begin to count by the program's grains, for `flows` flows. Out of memory leaves t->sources NULL. */
void openers_begin(struct track *t, const struct program *p, uint64_t flows, uint64_t seed);
/* The same with other grains, for as many flows as the table holds */
void openers_again(struct track *t, const struct grains *grains);

/* Count one more flow of that opener, as in struct key. False: no room for a network, and nothing was counted. */
bool openers_add(struct track *t, const uint32_t opener[4], bool v6);
/* Count the flow of that id once more, or once less (second function). */
bool openers_count(struct track *t, const struct flow *f, const struct flow_id *id);
void openers_drop(struct track *t, const struct flow *f, const struct flow_id *id);
/* Return the number of flows of the opener's network. */
uint32_t openers_flows(const struct track *t, const struct pbc_grain *grain, const uint32_t opener[4], bool v6);

/* True if grains read from an archive are valid. */
bool grains_sound(const struct grains *g);
