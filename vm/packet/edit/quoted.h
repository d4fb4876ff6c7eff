/* ICMP and ICMPv6 errors about translated packets: the quoted packet must read as its sender sent it, and the error
 * must have addresses that its receiver knows (RFC 5508, 4; RFC 7915, 4.4). */
#pragma once

#include "vm/packet/edit/translate.h"

/* Rewrite an error in a slot that pkt_parse found well formed. `outer`: its own new addresses (ports are not used);
 * `inner`: those of the quoted packet. In the quote each field that is there is rewritten: addresses, ports or query
 * identifier, and checksums, incrementally, so that a wrong or cut one stays wrong. An SCTP checksum follows if the
 * quote tells its packet's length. The error's own checksum follows every changed byte.
 *
 * Return 0, or a negative errno with nothing changed: -EINVAL no ICMP error, or a quote without a whole IP header of
 * its family; -EROFS a view. */
int quoted_translate(struct pkt *pkt, const struct key *key, const struct translation *outer,
                     const struct translation *inner);
