/* Conversations through a router, and what each side has seen of them */
#ifndef TESTS_DIFF_ROUTERS_TALK_H
#define TESTS_DIFF_ROUTERS_TALK_H

#include "tests/diff/routers/packet.h"
#include "tests/diff/routers/side.h"
#include "tests/diff/routers/world.h"

enum { TALKS = 12, NAMES_MOST = 8, FRAGMENTS_SEEN_MOST = 8, FRAGMENT_BYTES = 400, HISTORY_MOST = 24 };

/* Packets that a step sends. Those of the second part are made of packets that left before, separately on each side. */
enum step_kind {
    STEP_OPEN,        /* the first packet: a SYN, a datagram, a query */
    STEP_MORE,        /* the opener's next packet */
    STEP_CLOSE,       /* a FIN, or a reset */
    STEP_STRAY,       /* an ACK, a SYN ACK, a reset, an answer or an error of no connection */
    STEP_FRAGMENTS,   /* a datagram or a query in fragments, in some order */
    STEP_LAST_HOP,    /* TTL 1 */
    STEP_REPLY,       /* the answer to the last packet that left */
    STEP_REPLY_AGAIN, /* the same, once more */
    STEP_RESET_BACK,  /* a reset in place of it */
    STEP_ERROR_BACK,  /* an ICMP error about a packet that left */
    STEP_ERROR_ON,    /* an ICMP error about the answer that came in */
    STEP_CROSSED,     /* a SYN from the other end, to the end outside */
    STEP_STRANGER,    /* a stranger's packet to the end outside */
    STEP_UNDER,       /* an answer to the inside tuple, past the translation */
    STEP_INWARDS,     /* another host inside asks for the end outside */
    STEP_KINDS
};
const char *step_name(enum step_kind kind);

/* Ports and identifiers that a side chose, in the order of their appearance. */
struct names {
    uint16_t at[NAMES_MOST];
    unsigned count;
};

struct seen_of { /* a side's view of a conversation; parted: a known difference ended its comparison */
    bool left, answered, parted, fin_left; /* fin_left: a FIN of no connection */
    struct frame last, answer;             /* of the opener, as it left; the other end's, as it came in */
    struct frame heard;                    /* the answer as it reached the opener */
    unsigned last_at, heard_at;            /* steps of the conversation before `last` and `heard` */
    /* Of what was compared: the side's, and those of netfilter that are beside them. */
    struct names names, netfilters;
};

struct talk {
    bool begun, v6;
    uint8_t proto, iface;
    uint8_t net, host; /* of the opener */
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port;
    uint32_t seq, other_seq;                      /* next numbers of both ends */
    unsigned steps;                               /* that went well, as far according to netfilter */
    bool opened, joined;                          /* TCP: the SYN, the SYN ACK have passed */
    bool over;                                    /* nothing that comes of it is worth saying */
    uint8_t history[HISTORY_MOST], history_count; /* all of them */
    struct seen_of of[SIDES];
};

/* Begin another conversation in its place. */
void talk_draw(struct talk *t, const struct world *w, struct rng *rng, unsigned number);
/* A step that makes sense now. */
enum step_kind talk_step(const struct talk *t, struct rng *rng);

/* Frames of a step for one side; how: the same number for all sides, from which the step draws. Returns the number
 * of packets, 0 where this side has nothing to send, since nothing left, or not what left on netfilter's. */
unsigned step_frames(const struct talk *t, const struct world *w, enum step_kind kind, enum side_kind side,
                     uint64_t how, struct frame f[FRAGMENTS_SEEN_MOST]);
/* Note the packets that left on this side, and those that the step sent. */
void talk_note(struct talk *t, enum step_kind kind, enum side_kind side, const struct frame *sent,
               const struct frame *left, unsigned count);
/* Count numbers on, once for all sides. */
void talk_go_on(struct talk *t, enum step_kind kind);

#endif
