/* Ranks in place of addresses (pbc.h: struct pbc_rank): the bounds of a list's prefixes, and the trees that find an
 * address's place among them. The boxes have ranges of ranks instead of addresses. */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "vm/pbc.h"

struct ranks {
    struct boxes boxes; /* the given columns but those of addresses, which `rank` replaces */
    struct pbc_rank *lines;
    uint32_t count, climbed; /* count: lines; climbed: most lines that both addresses read together */
};

/* ranks_suit: true if each address that a box asks is a prefix. ranks_of_ip6: true if some box asks more than 32 bits.
 */
bool ranks_suit(const struct boxes *b);
bool ranks_of_ip6(const struct boxes *b);
/* Fill *r, which ranks_fini frees. False: out of memory; there is nothing to free. Time: sorting the bounds. */
bool ranks_make(const struct boxes *b, struct ranks *r);
void ranks_fini(struct ranks *r);
