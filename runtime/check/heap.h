/* When each of many things is due, each at most once: a binary heap with the place of each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct due_heap {
    struct due {
        uint64_t at_ns;
        uint32_t what;
    } * heap;        /* [count], the first is due first */
    uint32_t *place; /* by what, its index and one more; 0: not in it */
    uint32_t count;
};

/* For things below n. False: memory is out. */
bool due_init(struct due_heap *h, uint32_t n);
void due_fini(struct due_heap *h);
/* It is due then, whenever it was due before. */
void due_set(struct due_heap *h, uint32_t what, uint64_t at_ns);

static inline uint64_t due_first_ns(const struct due_heap *h) { return h->count ? h->heap[0].at_ns : UINT64_MAX; }
/* Of a heap that holds something. */
static inline uint32_t due_first(const struct due_heap *h) { return h->heap[0].what; }
