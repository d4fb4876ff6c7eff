/* Joining two TCP flows: whoever terminated both (a proxy, SYN cookies) steps aside, and from then on the segments of
 * each are rewritten for the other. Nothing is buffered, and each peer goes on talking to the flow that it knows.
 *
 *     peer 0  ── flow 0 ──  us  ── flow 1 ──  peer 1
 *
 * | of a segment | becomes |
 * |---|---|
 * | sequence number | moved by the distance of the two flows |
 * | acknowledgement, SACK blocks (RFC 2018) | moved the other way; no blocks where the receiver never agreed to them |
 * | timestamps (RFC 7323) | moved, each flow in its own clock; left out, or made up, where only one side has them |
 * | window | from its sender's shift to the one that we announced; rounded down, at most 65,535 |
 * | ECE, CWR, ECN field (RFC 3168) | cleared where only one side agreed; a packet marked on the way is lost then |
 * | other options | left out: nobody agreed to them on the other flow |
 * | payload past the receiver's MSS | cut into several segments; of a super-packet they get shorter |
 *
 * Addresses and ports are translate()'s, before or after. The two flows may be joined once all that we sent on either
 * was acknowledged, and all that we took was delivered and acknowledged to its sender. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

enum splice_has {
    SPLICE_STAMPS = 1 << 0, /* timestamps: both SYNs of the flow had the option */
    SPLICE_SACK = 1 << 1,   /* the peer may be sent SACK blocks, and sends them */
    SPLICE_ECN = 1 << 2,    /* ECN was agreed on */
};

/* One flow as it stands when it is joined, numbers as they are on its wire. */
struct splice_end {
    uint32_t in;                  /* the next sequence number from the peer */
    uint32_t out;                 /* the next one to it */
    uint32_t stamp_in, stamp_out; /* the newest TSval from the peer, and the newest sent to it */
    uint16_t mss;                 /* that the peer announced; 0: none */
    uint8_t scale_in, scale_out;  /* shift of the windows that the peer sends, and of ours to it; at most 14 */
    uint8_t has;                  /* enum splice_has */
};

struct splice {
    struct splice_end end[2];
    uint32_t stamp_recent[2]; /* the TSval of that peer which an echo to it has (RFC 7323, 4.3: TS.Recent) */
    uint32_t stamp_sent[2];   /* the newest TSval sent to it */
    uint32_t acked[2];        /* the newest acknowledgement sent to it */
    uint32_t joined_ms;
};

enum splice_fate {
    SPLICE_SENT,
    SPLICE_NOT_SEGMENT, /* not a TCP segment of an open flow: a SYN, a later fragment, malformed, a view */
    SPLICE_NO_ROOM,     /* no slot, no headroom, too many pieces, or a first fragment whose header would change its
                           length */
    SPLICE_SNAPPED,     /* it must be cut, and the capture cut it before: pieces would lack bytes */
    SPLICE_BAD_SUM,     /* it must be cut, and its checksum is wrong: what is made of it would look right */
    SPLICE_CONGESTED,   /* marked on the way to a peer that knows no marks */
};

enum { SPLICE_PIECES = 8 };
struct splice_out {
    struct pkt
        *pkts[SPLICE_PIECES]; /* in order; the first is the packet itself, the others are the caller's to put back */
    unsigned count;
};

/* now_ms: any clock in milliseconds that goes on in splice_pass; it may wrap.
 *
 * Where the flows differ in nothing but the numbers of peer 1 (SYN cookies: the server's are `distance` ahead of those
 * that its client was told), the ends are {.mss = 65535} and {.in = distance, .mss = 65535}, with the same scales and
 * `has`, without timestamps. Such a splice never changes, so the distance is all that needs to be kept. */
void splice_join(struct splice *s, const struct splice_end ends[2], uint32_t now_ms);

/* Rewrite a segment of peer `from` (0 or 1) for the other peer; the packet is in a slot, parsed, and keeps its own
 * offsets right; the key stays. Checksums are incremental, so that a bad one stays bad, but for pieces.
 * PKT_CSUM_PARTIAL is kept, but for pieces, which are complete. Unless SPLICE_SENT is returned the packet is to be
 * dropped, whatever it now holds, and out->count is 0. */
enum splice_fate splice_pass(struct splice *s, unsigned from, struct pkt *pkt, const struct key *key, uint32_t now_ms,
                             struct pool *pool, struct splice_out *out);
