/* A waiting packet, as bytes (keyed/archive.h). */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/packet/pkt.h"

/* Write or read a packet. *pkt is contiguous; reading makes it a copy in a slot of the pool, which the caller puts
 * back. Input is hostile; its cookie must be below a->cookies. False: the archive is bad, and *pkt is not set. */
bool pkt_archive(struct pkt **pkt, struct pool *pool, struct archive *a);
