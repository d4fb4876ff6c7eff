/* A binary heap (Williams, "Algorithm 232: Heapsort", 1964) */
#include "runtime/check/heap.h"

#include <stdlib.h>

bool due_init(struct due_heap *h, uint32_t n)
{
    *h = (struct due_heap){.heap = calloc(n + 1u, sizeof *h->heap), .place = calloc(n + 1u, sizeof *h->place)};
    return h->heap && h->place;
}

void due_fini(struct due_heap *h)
{
    free(h->heap);
    free(h->place);
}

static void due_put(struct due_heap *h, uint32_t at, struct due d)
{
    h->heap[at] = d;
    h->place[d.what] = at + 1;
}

static uint32_t sift_up(struct due_heap *h, uint32_t at, struct due d)
{
    for (; at && h->heap[(at - 1) / 2].at_ns > d.at_ns; at = (at - 1) / 2) due_put(h, at, h->heap[(at - 1) / 2]);
    return at;
}

static uint32_t sift_down(struct due_heap *h, uint32_t at, struct due d)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= h->count) return at;
        if (child + 1 < h->count && h->heap[child + 1].at_ns < h->heap[child].at_ns) child++;
        if (h->heap[child].at_ns >= d.at_ns) return at;
        due_put(h, at, h->heap[child]);
        at = child;
    }
}

void due_set(struct due_heap *h, uint32_t what, uint64_t at_ns)
{
    const struct due d = {.at_ns = at_ns, .what = what};
    uint32_t at = h->place[what] ? h->place[what] - 1 : h->count++;
    at = sift_up(h, at, d);
    due_put(h, sift_down(h, at, d), d);
}
