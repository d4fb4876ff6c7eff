/* Shared by the editing actions: places of headers, and the part of translation that a frame's own headers and
 * quoted ones share. */
#pragma once

#include "vm/packet/edit/translate.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* Places of an IP packet's headers, the frame's own or those that an ICMP error quotes; shared by the rewriting
 * actions. */
struct place {
    uint32_t l3, l4;    /* l4: 0 if its header is not here (later fragment, truncated quote) */
    uint32_t end;       /* one past the last byte of the packet that was captured or quoted */
    uint32_t upper_len; /* bytes of the L4 packet by the IP length; 0 in a fragment, which does not show it */
    uint8_t proto;      /* undefined without l4 */
    bool v6;
    bool dst_elsewhere; /* a routing header holds the last destination, which the pseudo header has (RFC 8200, 8.1) */
};

/* Find the headers of a frame's own packet, well formed, in a slot. Return 0, -EINVAL (not IP, malformed) or -EROFS
 * (a view). */
int place_own(const struct pkt *pkt, const struct key *key, struct place *out);

/* Find the headers of a packet that begins at `at` and exists up to `end`, whatever its content. False: its IP
 * header is truncated, or of the other family. */
bool place_quoted(const struct pkt *pkt, uint32_t at, uint32_t end, bool v6, struct place *out);

/* Find the quote of a parsed ICMP or ICMPv6 error that is not a later fragment. The quote ends at the length that it
 * states (RFC 4884), the packet's end, or the capture's. False: not an error. */
bool place_quote(const struct pkt *pkt, const struct key *key, uint32_t *at, uint32_t *end);

/* Rewrite addresses, ports and checksums as far as they exist. body: the caller's change to bytes that the L4
 * checksum covers. partial: that checksum covers the pseudo header only. Return the change of a sum over the whole
 * packet, without body (csum_delta16). */
uint64_t rewrite(struct pkt *pkt, const struct place *p, const struct translation *to, uint64_t body, bool partial);
