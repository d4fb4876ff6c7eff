/* Fragments of a packet that is longer than the way bears. */
#pragma once

#include "vm/packet/pkt.h"
#include "vm/packet/pool.h"

enum { FRAGMENTS_MOST = 8 }; /* of one packet */

/* Cut an IP packet without IPv6 extension headers, its offsets set, into fragments of at most `mtu`
 * bytes, each in a slot of its own behind a copy of the link header (RFC 791, 3.2; RFC 8200, 4.5). IPv4's may be a
 * fragment itself, and keeps its identification; id6 is IPv6's. `out` has room for FRAGMENTS_MOST; the packet stays the
 * caller's, as are those that come out.
 *
 * Returns how many, or a negative errno and none: -EINVAL not such a packet, or DF is set; -ENODATA the capture
 * cut it; -EMSGSIZE more than FRAGMENTS_MOST; -ENOBUFS the pool is empty. */
int fragment(const struct pkt *pkt, uint32_t mtu, uint32_t id6, struct pool *pool, struct pkt *out[]);
