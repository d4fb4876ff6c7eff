/* Rewriting at a place: the part of translation that the frame's own headers and quoted ones share. */
#pragma once

#include "vm/packet/edit/place.h"
#include "vm/packet/edit/translate.h"

/* Rewrite addresses, ports and checksums as far as they are there. body: by how much the caller has changed what the L4
 * checksum covers. partial: that checksum is of the pseudo header alone. Returns by how much a sum over all of the
 * packet has changed, body left out (csum_delta16). */
uint64_t rewrite(struct pkt *pkt, const struct place *p, const struct translation *to, uint64_t body, bool partial);
