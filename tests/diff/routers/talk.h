/* Conversations through a router, and the packets that each side saw of them */
#ifndef TESTS_DIFF_ROUTERS_TALK_H
#define TESTS_DIFF_ROUTERS_TALK_H

#include "tests/diff/routers/packet.h"
#include "tests/diff/routers/side.h"
#include "tests/diff/routers/world.h"

enum { TALKS = 12, NAMES_MOST = 8, FRAGMENTS_SEEN_MOST = 8, FRAGMENT_BYTES = 400, HISTORY_MOST = 24 };

/* Packets that a step sends. Those of the second part are built from packets that left before, separately on each
 * side. */
enum step_kind {
    STEP_OPEN,        /* the first packet: a SYN, a datagram, a query */
    STEP_MORE,        /* the opener's next packet */
    STEP_CLOSE,       /* a FIN, or a reset */
    STEP_STRAY,       /* an ACK, a SYN ACK, a reset, a reply or an error without a connection */
    STEP_FRAGMENTS,   /* a datagram or a query in fragments, in some order */
    STEP_LAST_HOP,    /* TTL 1 */
    STEP_REPLY,       /* the reply to the last packet that left */
    STEP_REPLY_AGAIN, /* the same reply again */
    STEP_RESET_BACK,  /* a reset instead of the reply */
    STEP_ERROR_BACK,  /* an ICMP error about a packet that left */
    STEP_ERROR_ON,    /* an ICMP error about the reply that came in */
    STEP_CROSSED,     /* a SYN from the peer to the outside address and port */
    STEP_STRANGER,    /* a stranger's packet to the outside address and port */
    STEP_UNDER,       /* a reply to the inside tuple that bypasses the translation */
    STEP_INWARDS,     /* another inside host's packet to the outside address and port */
    STEP_KINDS
};
const char *step_name(enum step_kind kind);

/* Ports and identifiers that a side chose, in order of appearance. */
struct names {
    uint16_t at[NAMES_MOST];
    unsigned count;
};

struct seen_of { /* one side's view of a conversation; parted: a known difference ended its comparison */
    bool left, answered, parted, fin_left; /* fin_left: a FIN without a connection left */
    struct frame last, answer;             /* the opener's packet as it left; the peer's as it came in */
    struct frame heard;                    /* the peer's packet as it reached the opener */
    unsigned last_at, heard_at;            /* number of steps before `last` and `heard` */
    /* Names in the compared frames: this side's, and netfilter's beside them. */
    struct names names, netfilters;
};

struct talk {
    bool begun, v6;
    uint8_t proto, iface;
    uint8_t net, host; /* opener's */
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port;
    uint32_t seq, other_seq;                      /* next sequence numbers of both ends */
    unsigned steps;                               /* successful ones, according to netfilter */
    bool opened, joined;                          /* TCP: the SYN has passed, the SYN ACK has passed */
    bool over;                                    /* further results aren't worth comparing */
    uint8_t history[HISTORY_MOST], history_count; /* all steps */
    struct seen_of of[SIDES];
};

/* Begin another conversation in this place. */
void talk_draw(struct talk *t, const struct world *w, struct rng *rng, unsigned number);
/* Draw a step that makes sense now. */
enum step_kind talk_step(const struct talk *t, struct rng *rng);

/* Write the frames of a step for one side. how: a number for the step's draws, the same for all sides. Returns the
 * number of packets; 0 if this side has nothing to send because nothing left, or because its packet differs from
 * netfilter's. */
unsigned step_frames(const struct talk *t, const struct world *w, enum step_kind kind, enum side_kind side,
                     uint64_t how, struct frame f[FRAGMENTS_SEEN_MOST]);
/* Record the packets that left on this side, and those that the step sent. */
void talk_note(struct talk *t, enum step_kind kind, enum side_kind side, const struct frame *sent,
               const struct frame *left, unsigned count);
/* Advance the sequence numbers, once for all sides. */
void talk_go_on(struct talk *t, enum step_kind kind);

#endif
