/* What a packet met in the flow table: its flow as it was before it, and as what that is sent on. It is told with
 * packets of which the table itself is not at hand, and a packet beside it is looked at once more: same tuple, same
 * code, so the same `state` and the same class. */
#pragma once

#include "vm/flow/bind.h"
#include "vm/flow/track/track.h"

enum met_has {
    MET_SAID = 1 << 0,     /* the table was asked; without it nothing else counts but MET_OUT */
    MET_FLOW = 1 << 1,     /* there was one */
    MET_BOUND = 1 << 2,    /* it was sent on, and that is known: to_src and on */
    MET_JOINT = 1 << 3,    /* it was joined, and its server has spoken */
    MET_PICKS_UP = 1 << 4, /* mid-stream TCP might begin a flow */
    MET_OUT = 1 << 5,      /* the host itself was sending the packet, whatever address it has */
    MET_CHANGED = 1 << 6,  /* another packet changed the flow while this one was judged */
    MET_OPENED = 1 << 7,   /* there was none, and a connection of the host's had it (PICKS_OPENED) */
};

/* As it is written to files, too. */
struct flow_met {
    struct flow_id own; /* the flow's own tuple */
    uint32_t to_src[4], to_dst[4];
    uint32_t server, branch; /* as in struct flow_bind, and so on */
    uint16_t to_src_port, to_dst_port, nat;
    uint8_t kind, has; /* enum bind_kind, enum met_has */
    struct tcp_track tcp;
    uint32_t delta; /* of a joined flow */
    struct flow_joint joint;
    uint8_t state, flags, joined, zero[5]; /* as in struct flow */
};
static_assert(sizeof(struct flow_met) == 136, "as written to files: no padding");

/* What a packet would meet now; *s as track_peek says it. */
void track_met(const struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s,
               struct flow_met *m);
/* What another processor says that one has met. */
struct met_told {
    const struct flow *line; /* of the flow, where it had one */
    int32_t slot;            /* of that line */
    uint8_t has;             /* enum met_has, as far as it knows */
    uint64_t now_ns;         /* by a clock that moves in ticks of 10 ms at most */
};
/* What else there is of the flow is asked now, while nothing ends. Where the slot is another's by now nothing is said.
 */
void track_met_at(const struct track *t, const struct met_told *told, struct flow_met *m);

/* What is said is hostile. Look at the packet as it would have been with that in the table: *s and key->marks as
 * track_look fills them in, where slots are 0 for the flow that was met. */
void met_look(const struct flow_met *m, struct key *key, const struct pkt *pkt, struct track_seen *s);

/* The tuple that its flow was met with, from the side that opened it. */
struct track_tuple met_own(const struct flow_met *m);
