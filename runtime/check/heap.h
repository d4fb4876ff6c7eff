/* Due times, one per thing: a binary heap with the index of each thing */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct due_heap {
    struct due {
        uint64_t at_ns;
        uint32_t what;
    } * heap;        /* [count] due times, the earliest first */
    uint32_t *place; /* by thing: index plus 1 of its entry in `heap`; 0: not in the heap */
    uint32_t count;
};

/* Make a heap for things below n. False: out of memory. */
bool due_init(struct due_heap *h, uint32_t n);
void due_fini(struct due_heap *h);
/* Set or change the time at which a thing is due */
void due_set(struct due_heap *h, uint32_t what, uint64_t at_ns);

static inline uint64_t due_first_ns(const struct due_heap *h) { return h->count ? h->heap[0].at_ns : UINT64_MAX; }
/* Return the thing that is due first, of a heap that is not empty */
static inline uint32_t due_first(const struct due_heap *h) { return h->heap[0].what; }
