/* The base of a live set: ranges in one block, with the look-up table of a large static set (vm/program/set_index.h).
 * A base that was replaced is kept for a second, longer than a look takes, and freed at a later replacement. */
#include <string.h>
#include <sys/mman.h>

#include "vm/judge/live/live_priv.h"
#include "vm/keyed/large.h"

enum { KEPT_MS = 1000 };

void base_free(struct base *b)
{
    while (b) {
        struct base *const older = b->older;
        if (b->lookup) munmap((void *)(uintptr_t)b->lookup, b->lookup_bytes);
        large_sparse_free(b, b->bytes);
        b = older;
    }
}

/* Copy the ranges, and make their table. NULL: out of memory. */
static struct base *base_new(const struct live_base *r)
{
    const size_t bytes6 = r->count6 * sizeof *r->r6, bytes4 = r->count4 * sizeof *r->r4;
    struct base *const b = large_growing(sizeof *b + bytes6 + bytes4);
    if (!b) return NULL;
    struct pbc_range6 *const r6 = (struct pbc_range6 *)(b + 1);
    struct pbc_range *const r4 = (struct pbc_range *)(r6 + r->count6);
    if (bytes6) memcpy(r6, r->r6, bytes6);
    if (bytes4) memcpy(r4, r->r4, bytes4);
    b->bytes = sizeof *b + bytes6 + bytes4;
    b->ranges = (struct live_base){r4, r6, r->count4, r->count6};
    const struct pbc_set set = {.count4 = r->count4, .count6 = r->count6};
    if (set_index_of(&(struct set_ranges){&set, r4, r6, 1, r->count4, r->count6}, &b->lookup, &b->lookup_bytes)) {
        base_free(b);
        return NULL;
    }
    b->node4 = node_of_set(b->lookup, 0, false);
    b->node6 = node_of_set(b->lookup, 0, true);
    return b;
}

bool live_replace(struct live_set *s, uint64_t now_ms, const struct live_base *base)
{
    struct base *const was = s->base, *fresh = NULL;
    if (base->count4 || base->count6) {
        fresh = base_new(base);
        if (!fresh) return false;
    }
    __atomic_store_n(&s->base, fresh, __ATOMIC_RELEASE);
    /* All that are older than one of the list were replaced before it. */
    struct base **at = &s->retired;
    while (*at && (*at)->replaced_ms + KEPT_MS > now_ms) at = &(*at)->older;
    base_free(*at);
    *at = NULL;
    if (!was) return true;
    was->replaced_ms = now_ms;
    was->older = s->retired;
    s->retired = was;
    return true;
}

struct live_base live_base(const struct live_set *s)
{
    const struct base *const b = base_in_force(s);
    return b ? b->ranges : (struct live_base){0};
}
