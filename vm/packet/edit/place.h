/* Where the headers of an IP packet stand: of the frame's own, or of one that an ICMP error quotes. What the rewriting
 * actions share. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

struct place {
    uint32_t l3, l4;    /* l4: 0 where its header is not here (later fragment, quote that ends before) */
    uint32_t end;       /* one past the last byte of the packet that is there */
    uint32_t upper_len; /* bytes of the L4 packet as the IP length says; 0 in a fragment, which does not say */
    uint8_t proto;      /* meaningless without l4 */
    bool v6;
    bool dst_elsewhere; /* a routing header holds the last destination, and the pseudo header has that one (RFC 8200,
                           8.1) */
};

/* Of a frame's own packet, parsed and well formed, in a slot. 0, -EINVAL (not IP, malformed), -EROFS (a view). */
int place_own(const struct pkt *pkt, const struct key *key, struct place *out);

/* Of a packet that begins at `at` and of which bytes up to `end` are there, whatever they hold. False where not even
 * its IP header is whole, or it is of the other family. */
bool place_quoted(const struct pkt *pkt, uint32_t at, uint32_t end, bool v6, struct place *out);

/* Where an ICMP or ICMPv6 error, parsed and no later fragment, quotes a packet, and where the quote ends: at the length
 * it states (RFC 4884), the packet's end, or the capture's. False for what is no error. */
bool place_quote(const struct pkt *pkt, const struct key *key, uint32_t *at, uint32_t *end);
