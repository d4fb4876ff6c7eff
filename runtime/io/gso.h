/* Super-packets cut into the packets that they represent, with complete checksums: for programs that put packets
 * into tunnels, since no device would cut them behind the outer header. */
#pragma once

#include "vm/packet/pkt.h"

enum { GSO_PIECES = 128 }; /* most pieces of one super-packet */

/* Cut a received super-packet (offload_take) into slots of the pool, in order; *n: their number. The caller puts
 * them back. False: it has more pieces, or the pool is empty; no slot is then left in use. */
bool gso_cut(const struct pkt *super, struct pool *pool, struct pkt *pieces[], unsigned *n);
