/* Joining two TCP flows: the endpoint that terminated both (a proxy, SYN cookies) leaves, and from then on the
 * segments of each flow are rewritten for the other. Nothing is buffered, and each peer sees only its own flow.
 *
 *     peer 0  ── flow 0 ──  prey  ── flow 1 ──  peer 1
 *
 *     sequence number         moved by the offset between the flows
 *     acknowledgement, SACK   moved the other way; no blocks (RFC 2018) if the receiver did not agree to them
 *     timestamps (RFC 7323)   moved, each flow in its own clock; left out, or generated, if only one side has them
 *     window                  from its sender's shift to the one that prey announced, at most 65,535; rounded down, or
 *                             up where the receiver's window would shrink (keeps_edge)
 *     ECE, CWR, ECN field     cleared if only one side agreed (RFC 3168); a packet marked on the way is then dropped
 *     other options           left out: not agreed on in the other flow
 *     payload past the MSS    cut into several segments of the receiver's MSS; a super-packet gets shorter segments
 *
 * translate() changes addresses and ports, before or after. Two flows may be joined once all data sent on either was
 * acknowledged, and all data taken was delivered and acknowledged to its sender. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

enum splice_has {
    SPLICE_STAMPS = 1 << 0, /* timestamps: both SYNs of the flow had the option */
    SPLICE_SACK = 1 << 1,   /* the peer may get SACK blocks, and sends them */
    SPLICE_ECN = 1 << 2,    /* ECN was agreed on */
};

/* One flow when it is joined, numbers as on its wire */
struct splice_end {
    uint32_t in;                  /* next sequence number from the peer */
    uint32_t out;                 /* next sequence number to the peer */
    uint32_t stamp_in, stamp_out; /* newest TSval from the peer, and to the peer */
    uint32_t edge;                /* with keeps_edge: right edge of the window announced to the peer, in its numbers */
    uint16_t mss;                 /* MSS announced by the peer; 0: none */
    uint8_t scale_in, scale_out;  /* shift of the peer's windows, and of prey's to it; at most 14 */
    uint8_t has;                  /* enum splice_has */
    bool keeps_edge;              /* rounding never shrinks the peer's window: the splice is kept, not made again */
};

struct splice {
    struct splice_end end[2];
    uint32_t stamp_recent[2]; /* that peer's TSval for echoes to it (RFC 7323, 4.3: TS.Recent) */
    uint32_t stamp_sent[2];   /* newest TSval sent to the peer */
    uint32_t acked[2];        /* newest acknowledgement sent to the peer */
    uint32_t edge[2];         /* right edge of the window announced to the peer */
    uint32_t joined_ms;
};

enum splice_fate {
    SPLICE_SENT,
    SPLICE_NOT_SEGMENT, /* not a TCP segment of an open flow: a SYN, a later fragment, malformed, a view */
    SPLICE_NO_ROOM,     /* no slot, no headroom, too many segments, or a first fragment whose header would grow */
    SPLICE_SNAPPED,     /* must be cut, but the capture has only its beginning: segments would lack bytes */
    SPLICE_BAD_SUM,     /* must be cut, but its checksum is wrong: its segments would have right ones */
    SPLICE_CONGESTED,   /* marked on the way to a peer without ECN */
};

enum { SPLICE_SEGMENTS = 8 };
struct splice_out {
    struct pkt *pkts[SPLICE_SEGMENTS]; /* in order; the first is the packet itself; the caller puts the others back */
    unsigned count;
};

/* Join two flows. now_ms: any clock in milliseconds that goes on in splice_pass; it may wrap.
 *
 * If the flows differ only in the numbers of peer 1 (SYN cookies: the server's are `distance` ahead of the
 * client's), the ends are {.mss = 65535} and {.in = distance, .mss = 65535}, with the same scales and `has`, without
 * timestamps. Such a splice never changes, so only the distance must be kept. */
void splice_join(struct splice *s, const struct splice_end ends[2], uint32_t now_ms);

/* Rewrite a segment of peer `from` (0 or 1) for the other peer. The packet is in a slot and parsed; its offsets stay
 * right; the key is unchanged. Checksums are updated incrementally, so that a wrong one stays wrong, and
 * PKT_CSUM_PARTIAL is kept; but segments have complete checksums. Unless SPLICE_SENT is returned, the packet must be
 * dropped, whatever it now holds, and out->count is 0. */
enum splice_fate splice_pass(struct splice *s, unsigned from, struct pkt *pkt, const struct key *key, uint32_t now_ms,
                             struct pool *pool, struct splice_out *out);
