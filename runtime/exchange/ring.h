/* A bounded ring of entries of equal size between two threads: one puts, one takes, neither waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *entries;
    uint32_t mask, size;                         /* number of entries minus one; bytes of an entry */
    uint32_t put __attribute__((aligned(64)));   /* count of entries put, written by the putting side */
    uint32_t taken __attribute__((aligned(64))); /* count of entries taken, written by the taking side */
};

/* Make a ring of `count` entries, a power of two. Return 0 or -ENOMEM. */
int ring_init(struct ring *r, uint32_t count, uint32_t size);
void ring_fini(struct ring *r);
/* Copy an entry in. False: no room. */
bool ring_put(struct ring *r, const void *entry);
/* Copy the oldest entry out. False: none. */
bool ring_take(struct ring *r, void *entry);
