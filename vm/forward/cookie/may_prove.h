/* Test of headers and flows for segments that may prove a cookie, for both executors */
#pragma once

#include "vm/flow/track/track.h"
#include "vm/packet/key.h"

/* True for a whole segment with ACK that belongs to no live flow; while the server is awaited, all segments of the
 * client count as such. flow: the segment's, NULL if there is none. */
static inline bool cookie_may_prove(const struct key *key, const struct track_seen *seen, const struct flow *flow,
                                    bool awaited)
{
    const uint32_t needs = KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS | KIND_FRAG_NO;
    if ((key->kind & needs) != needs || (key->marks & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK) return false;
    if (!flow) return !(key->kind & KIND_OUT);
    if (seen->dir != FLOW_ORIGINAL || seen->mark != MARK_INVALID) return false;
    return awaited || flow->state == FLOW_STATE_CLOSING || flow->state == FLOW_STATE_RESET;
}
