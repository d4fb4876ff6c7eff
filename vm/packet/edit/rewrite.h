/* Rewriting at a place: the part of translation that a frame's own headers and quoted ones share. */
#pragma once

#include "vm/packet/edit/place.h"
#include "vm/packet/edit/translate.h"

/* Rewrite addresses, ports and checksums as far as they are there. body: the caller's change to bytes that the L4
 * checksum covers. partial: that checksum covers the pseudo header alone. Return the change of a sum over the whole
 * packet, without body (csum_delta16). */
uint64_t rewrite(struct pkt *pkt, const struct place *p, const struct translation *to, uint64_t body, bool partial);
