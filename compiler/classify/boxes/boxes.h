/* Boxes, the input of a classifier. A box is one value and mask for each slot of the header key and one range for
 * each port; a rule of the list is one entry, with as many boxes as its matches need. Boxes are stored in columns,
 * only for slots that some box asks, because there may be half a million boxes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct port_range {
    uint16_t lo, hi;
};
struct rank_range {
    uint32_t lo, hi;
};
struct boxes {
    uint32_t count, cap;
    uint8_t slots, slot[16];        /* slots of struct key in the columns; never the ports' slot (10) */
    uint32_t *value[16], *mask[16]; /* [column][box]; value & ~mask is 0 */
    /* 0-65535: not asked. A box that asks has KIND_PORTS among its bits of key.kind */
    struct port_range *sport, *dport;
    /* In place of addresses, whose slots then have no columns (tree/ranks.c): ranks of sources and of destinations,
     * each from 0 to rank_most. NULL: addresses are asked */
    struct rank_range *rank[2];
    uint32_t rank_most[2];
    uint32_t *entry;  /* [box]: its entry, ascending */
    uint32_t entries; /* number of entries; an entry may have no box */
};

void boxes_init(struct boxes *b);
void boxes_fini(struct boxes *b);
/* Append a box that asks nothing. Return its number, or UINT32_MAX if out of memory. */
uint32_t boxes_add(struct boxes *b, uint32_t entry);
/* Ask bits of one more slot (0..15 but 10). False: out of memory. */
bool boxes_ask(struct boxes *b, uint32_t box, unsigned slot, uint32_t value, uint32_t mask);
