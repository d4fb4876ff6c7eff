/* A packet's findings in the flow table: its flow before the packet, and its binding. Recorded with packets, so that
 * the same code finds the same `state` and class again without the table. */
#pragma once

#include "vm/flow/bind.h"
#include "vm/flow/track/track.h"

enum met_has {
    MET_SAID = 1 << 0,     /* the table was searched; without this bit only MET_OUT is valid */
    MET_FLOW = 1 << 1,     /* the packet had a flow */
    MET_BOUND = 1 << 2,    /* the flow was sent on, and its binding is known: to_src and following */
    MET_JOINT = 1 << 3,    /* the flow was joined, and its server has spoken */
    MET_FOREIGN = 1 << 3,  /* without MET_FLOW: the tuple belongs to the other side of a flow (AT_FOREIGN) */
    MET_PICKS_UP = 1 << 4, /* mid-stream TCP could begin a flow */
    MET_OUT = 1 << 5,      /* the host itself was sending the packet, whatever its address */
    MET_CHANGED = 1 << 6,  /* another packet changed the flow while this one was judged */
    MET_OPENED = 1 << 7,   /* no flow, but the host had a connection, or a request, of this tuple (PICKS_OPENED) */
};

/* The findings; also written to files */
struct flow_met {
    struct flow_id own; /* the flow's own tuple */
    uint32_t to_src[4], to_dst[4];
    uint32_t server, branch; /* these and the next fields as in struct flow_bind */
    uint16_t to_src_port, to_dst_port, nat;
    uint8_t kind, has; /* enum bind_kind, enum met_has */
    struct tcp_track tcp;
    uint32_t delta; /* joined flows: as in struct track_seen */
    struct flow_joint joint;
    uint8_t state, flags, joined, zero; /* as in struct flow */
    uint16_t came; /* not a finding: for a packet first seen where it leaves, 1 + the id in rules of the device by which
                      it came in; 0: unknown, or none */
    uint8_t zeros[2];
};
static_assert(sizeof(struct flow_met) == 136, "as written to files: no padding");

/* Find what a packet would meet in the table now; *s as track_peek fills it in. */
void track_met(const struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s,
               struct flow_met *m);
/* Findings of another processor about a packet */
struct met_told {
    const struct flow *line; /* line of the packet's flow, if it had one */
    int32_t slot;            /* slot of the flow's line */
    uint8_t has;             /* enum met_has, as far as known there */
    uint64_t now_ns;         /* time of the findings, by a clock with ticks of at most 10 ms */
};
/* Complete such findings from the table while no flow ends. If the slot has another flow by now, *m has no flow. */
void track_met_at(const struct track *t, const struct met_told *told, struct flow_met *m);

/* Look at the packet as if the table held those findings, which are hostile input. Fill in *s and key->marks as
 * track_look does; slots are 0 for the flow that was met. */
void met_look(const struct flow_met *m, struct key *key, const struct pkt *pkt, struct track_seen *s);

/* Return the tuple of the flow that was met, from the side that opened it. */
struct track_tuple met_own(const struct flow_met *m);
