/* TCP as a stateful firewall sees it: from both sides' segments to "within window" or not, pure.
 *
 * After RFC 9293 (states), RFC 7323 (window scale), RFC 5961 (RST and SYN), and Guido van Rooij, "Real Stateful TCP
 * Packet Filtering in IP Filter" (2001), whose four bounds decide what is within window. */
#pragma once

#include "vm/flow/flow.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

struct tcp_segment {
    uint32_t seq, ack;   /* ack: 0 without the flag */
    uint32_t len;        /* sequence numbers it takes: payload, SYN, FIN */
    uint16_t window;     /* as on the wire */
    uint8_t flags;       /* enum tcp_flag */
    uint8_t scale;       /* of the window scale option, at most 14; SCALE_ABSENT */
    uint16_t mss;        /* of the MSS option, 0: absent */
    bool first_fragment; /* more payload follows than is here: its end is not known */
};
enum { SCALE_ABSENT = 255, SCALE_MOST = 14 };

/* Read the segment of a parsed TCP packet (not a later fragment). Options that lie about their length end the list. */
void tcp_read(const struct pkt *pkt, const struct key *key, struct tcp_segment *s);

/* What the flow's state and track are before and after a segment. */
struct tcp_step {
    struct tcp_track track;
    uint8_t state; /* enum flow_state */
    bool refresh;  /* the segment keeps the flow alive */
    bool reopen;   /* after acceptance a new flow stands in its place: a new SYN on one that is closing, or by_other */
    bool by_other; /* the segment answers a SYN that was ignored: the other side opened the new flow */
};

/* A segment of direction `dir` on a flow: what `state` says of it, and in *next what the flow becomes if it is
 * accepted. MARK_INVALID: *next is the flow unchanged. */
enum flow_mark tcp_follow(enum flow_state state, const struct tcp_track *now, enum flow_dir dir,
                          const struct tcp_segment *s, struct tcp_step *next);

/* A segment without a flow: MARK_NEW for a SYN without ACK (and, while `pickup` lasts, for mid-stream segments: with
 * ACK, without SYN and RST), else MARK_INVALID. *next: the flow that it makes. */
enum flow_mark tcp_begin(const struct tcp_segment *s, bool pickup, struct tcp_step *next);

/* A segment with ACK and data alone on a flow that is open, FIN and SYN long past: is it within window; and what it
 * tells of its side. tcp_follow in two halves, for what changes nothing else. */
bool tcp_within(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s);
void tcp_take(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s);

/* May an ICMP error quote this sequence number of direction `dir`? Within what that side has sent and one window before
 * (RFC 5927, 4.1). True where no window is checked. */
bool tcp_quoted(const struct tcp_track *t, enum flow_dir dir, uint32_t seq);
