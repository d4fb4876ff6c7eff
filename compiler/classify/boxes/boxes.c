/* Boxes: columns that are made when a box first asks their slot, and grow by halves. */
#include "compiler/classify/boxes/boxes.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BOXES = 64 };

void boxes_init(struct boxes *b) { *b = (struct boxes){0}; }

void boxes_fini(struct boxes *b)
{
    for (unsigned i = 0; i < b->slots; i++) {
        free(b->value[i]);
        free(b->mask[i]);
    }
    free(b->sport);
    free(b->dport);
    free(b->entry);
    *b = (struct boxes){0};
}

static bool array_resize(void *array_of_pointers, uint32_t cap, size_t size)
{
    void **array = array_of_pointers;
    void *grown = realloc(*array, cap * size);
    if (grown) *array = grown;
    return grown;
}

static bool boxes_grow(struct boxes *b)
{
    const uint32_t cap = b->cap ? b->cap + b->cap / 2 : FIRST_BOXES;
    if (cap < b->cap || !array_resize(&b->sport, cap, sizeof *b->sport) ||
        !array_resize(&b->dport, cap, sizeof *b->dport) || !array_resize(&b->entry, cap, sizeof *b->entry))
        return false;
    for (unsigned i = 0; i < b->slots; i++)
        if (!array_resize(&b->value[i], cap, sizeof *b->value[i]) ||
            !array_resize(&b->mask[i], cap, sizeof *b->mask[i]))
            return false;
    b->cap = cap;
    return true;
}

uint32_t boxes_add(struct boxes *b, uint32_t entry)
{
    if (b->count == b->cap && !boxes_grow(b)) return UINT32_MAX;
    const uint32_t box = b->count++;
    for (unsigned i = 0; i < b->slots; i++) b->value[i][box] = b->mask[i][box] = 0;
    b->sport[box] = b->dport[box] = (struct port_range){0, 65535};
    b->entry[box] = entry;
    if (entry >= b->entries) b->entries = entry + 1;
    return box;
}

static int column_of(struct boxes *b, unsigned slot)
{
    for (unsigned i = 0; i < b->slots; i++)
        if (b->slot[i] == slot) return (int)i;
    uint32_t *value = calloc(b->cap, sizeof *value), *mask = calloc(b->cap, sizeof *mask);
    if (!value || !mask) {
        free(value);
        free(mask);
        return -1;
    }
    const unsigned i = b->slots++;
    b->slot[i] = (uint8_t)slot;
    b->value[i] = value;
    b->mask[i] = mask;
    return (int)i;
}

bool boxes_ask(struct boxes *b, uint32_t box, unsigned slot, uint32_t value, uint32_t mask)
{
    const int c = column_of(b, slot);
    if (c < 0) return false;
    b->value[c][box] |= value & mask;
    b->mask[c][box] |= mask;
    return true;
}
