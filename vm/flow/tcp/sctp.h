/* SCTP as seen between its two sides (RFC 9260): which packets begin an association, belong to it, or end it.
 *
 * Each side names the verification tag that packets to it carry, in its INIT or INIT ACK. A tag holds once the cookie
 * of that handshake comes back: until then an INIT, which anybody may send in a host's name, changes nothing. */
#pragma once

#include "vm/flow/flow.h"
#include "vm/packet/parse/read.h"

/* Follow a packet of direction `dir` in the flow `now`. Return its `state`, and in *next the flow after the packet is
 * accepted. */
enum flow_mark sctp_follow(const struct flow *now, enum flow_dir dir, const struct sctp_packet *p,
                           struct tcp_step *next);
/* Judge a packet without a flow: MARK_NEW if it may begin one. pickup: an association that began unseen may go on.
 * *next: the flow that begins, even for MARK_INVALID, because a service or a nat may begin a flow with such a
 * packet. */
enum flow_mark sctp_begin(const struct sctp_packet *p, bool pickup, struct tcp_step *next);
/* True if the packet may begin a flow without a test of `state`: it does not end an association. */
static inline bool sctp_may_begin(const struct tcp_step *next) { return next->state == FLOW_STATE_SCTP_ONE_WAY; }
