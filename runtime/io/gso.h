/* Super-packets cut into the packets that they stand for, with whole checksums: for programs that put packets into
 * tunnels, which no device would cut behind our outer header. */
#pragma once

#include "vm/packet/pkt.h"

enum { GSO_PIECES = 128 }; /* of one super-packet */

/* Cut a received super-packet (offload_take) into slots of the pool, in order; *n of them. False: it has more pieces,
 * or the pool is empty: none is left behind. The pieces are the caller's to put back. */
bool gso_cut(const struct pkt *super, struct pool *pool, struct pkt *pieces[], unsigned *n);
