/* L4 checksums computed in full: for what the kernel handed over with a partial one, and where an interface cannot be
 * trusted with it. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* Compute the checksum of TCP, UDP (0 becomes 0xffff), ICMP or ICMPv6, or the CRC, over the whole packet and take the
 * mark PKT_CSUM_PARTIAL off; any other protocol has none that we know. The packet is in a slot and well formed; what
 * stood in the field is gone, so a wrong checksum becomes right: only for packets whose bytes are known to be.
 *
 * 0, or nothing is changed: -EINVAL not IP, malformed, a fragment, cut by the capture, or on the way of a
 * routing header, whose last destination the pseudo header has; -EROFS a view. */
int checksum_fill(struct pkt *pkt, const struct key *key);
