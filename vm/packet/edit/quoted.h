/* ICMP and ICMPv6 errors about translated packets: the quoted packet must read as its sender sent it, and the error
 * come from and go to addresses that its receiver knows (RFC 5508, 4; RFC 7915, 4.4). */
#pragma once

#include "vm/packet/edit/translate.h"

/* Rewrite an error in a slot that pkt_parse found well formed: `outer` is what its own addresses become (its ports are
 * not used), `inner` what the quoted packet's become. In the quote each field is rewritten that is there: addresses,
 * ports or query identifier, checksums, those incrementally, so that one that was wrong or had been cut stays so. An
 * SCTP checksum follows if the quote says how long its packet was. The error's own checksum follows every changed byte.
 *
 * 0, or nothing is changed: -EINVAL no ICMP error, or one that quotes no whole IP header of its family; -EROFS a view.
 */
int quoted_translate(struct pkt *pkt, const struct key *key, const struct translation *outer,
                     const struct translation *inner);
