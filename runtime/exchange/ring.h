/* A bounded ring of entries of one size between two threads: one puts, one takes, neither waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *entries;
    uint32_t mask, size;                         /* entries less one; bytes of each */
    uint32_t put __attribute__((aligned(64)));   /* written by the one that puts */
    uint32_t taken __attribute__((aligned(64))); /* by the one that takes */
};

/* count: a power of two. 0 or -ENOMEM. */
int ring_init(struct ring *r, uint32_t count, uint32_t size);
void ring_fini(struct ring *r);
/* Copy an entry in; false: there is no room. */
bool ring_put(struct ring *r, const void *entry);
/* Copy the oldest out; false: there is none. */
bool ring_take(struct ring *r, void *entry);
