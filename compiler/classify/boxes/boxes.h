/* Boxes: what a classifier is built of. A box is one value and mask for each slot of the header key and one range for
 * each port; a rule of the list is one entry, and as many boxes as it takes to say what it matches. Kept in columns,
 * and only those slots that some box asks, for there may be half a million. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct port_range {
    uint16_t lo, hi;
};
struct boxes {
    uint32_t count, cap;
    uint8_t slots, slot[16]; /* which slots of struct key the columns are; the ports' slot (10) is never one of them */
    uint32_t *value[16], *mask[16]; /* [column][box]; value & ~mask is 0 */
    /* 0-65535: not asked. A box that asks has KIND_PORTS among its bits of key.kind. */
    struct port_range *sport, *dport;
    uint32_t *entry;  /* ascending */
    uint32_t entries; /* entries are 0 .. entries-1; one may have no box */
};

void boxes_init(struct boxes *b);
void boxes_fini(struct boxes *b);
/* Append a box that asks nothing; returns its number, or UINT32_MAX when memory is out. */
uint32_t boxes_add(struct boxes *b, uint32_t entry);
/* Ask one slot of the box more. Slots 0..15 but 10. False: memory is out. */
bool boxes_ask(struct boxes *b, uint32_t box, unsigned slot, uint32_t value, uint32_t mask);
