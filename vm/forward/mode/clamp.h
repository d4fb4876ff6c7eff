/* `mss clamp … out on` of a nat: the MSS of SYNs that cross by an interface, translated (here) or not (service.h) */
#pragma once

#include "vm/judge/ways.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

/* Lower the MSS of a SYN by the clamps of the interface that it came by and of the way out (way_find). `auto` is
 * what both of them bear. Other packets, and those of a program without such clamps, stay. */
void clamp_crossing(const struct program *p, const struct facts *f, struct pkt *pkt, const struct key *key,
                    const struct way_found *out);
/* Return the MTU of the interface that the packet came by, in bytes; of one that is not served, that of the way to its
 * source. 0: unknown. */
uint32_t clamp_arrival_mtu(const struct facts *f, const struct key *key);
