/* The base of a live set: ranges in one block, with the look-up table of a large static set
 * (vm/program/set_index.h). Replaced bases stay until the owner takes them, because only the owner knows when no
 * look reads them any more. */
#include <string.h>
#include <sys/mman.h>

#include "vm/judge/live/live_priv.h"
#include "vm/keyed/large.h"

void live_block_free(struct live_block *b)
{
    while (b) {
        struct live_block *const older = b->older;
        if (b->lookup) munmap((void *)(uintptr_t)b->lookup, b->lookup_bytes);
        large_sparse_free(b, b->bytes);
        b = older;
    }
}

/* Copy the ranges, and make their table. NULL: out of memory. */
static struct live_block *base_new(const struct live_base *r)
{
    const size_t bytes6 = r->count6 * sizeof *r->r6, bytes4 = r->count4 * sizeof *r->r4;
    struct live_block *const b = large_growing(sizeof *b + bytes6 + bytes4);
    if (!b) return NULL;
    struct pbc_range6 *const r6 = (struct pbc_range6 *)(b + 1);
    struct pbc_range *const r4 = (struct pbc_range *)(r6 + r->count6);
    if (bytes6) memcpy(r6, r->r6, bytes6);
    if (bytes4) memcpy(r4, r->r4, bytes4);
    b->bytes = sizeof *b + bytes6 + bytes4;
    b->ranges = (struct live_base){r4, r6, r->count4, r->count6};
    const struct pbc_set set = {.count4 = r->count4, .count6 = r->count6};
    if (set_index_of(&(struct set_ranges){&set, r4, r6, 1, r->count4, r->count6}, &b->lookup, &b->lookup_bytes)) {
        live_block_free(b);
        return NULL;
    }
    b->node4 = node_of_set(b->lookup, 0, false);
    b->node6 = node_of_set(b->lookup, 0, true);
    return b;
}

/* ---- a base for another judge (struct live_shown) ---- */

enum { RANGE6_WORDS = sizeof(struct pbc_range6) / sizeof(uint64_t) };
static_assert(sizeof(struct pbc_range) == sizeof(uint64_t), "a range of IPv4 is a word");

static uint64_t words_of(const struct live_base *r) { return (uint64_t)r->count6 * RANGE6_WORDS + r->count4; }

bool live_base_fits(const struct live_set *s, const struct live_base *base)
{
    return !live_is_over(s) || words_of(base) <= s->memory.half_words;
}

/* Write the base into the half that is not in force, then put that in force. If there is no room for the look-up
 * table, it is left out, and the ranges are searched without it. b: NULL: no ranges. */
static void base_show(const struct live_memory *m, const struct live_block *b)
{
    const uint64_t turn = m->shown->turn + 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* a reader that still has this half sees first that it is not in force */
    struct live_shown_base *const to = &m->shown->base[turn & 1];
    uint64_t *const half = m->ranges + (turn & 1) * m->half_words;
    struct live_shown_base now = {0};
    if (b) {
        const uint64_t ranges = words_of(&b->ranges), words = (b->lookup_bytes + 7) / 8;
        now.count4 = b->ranges.count4;
        now.count6 = b->ranges.count6;
        now.first4 = now.count6 * RANGE6_WORDS;
        memcpy(half, b->ranges.r6, now.count6 * sizeof *b->ranges.r6);
        memcpy(half + now.first4, b->ranges.r4, now.count4 * sizeof *b->ranges.r4);
        if (b->lookup && ranges + words <= m->half_words) {
            memcpy(half + ranges, b->lookup, b->lookup_bytes);
            now.lookup = (uint32_t)(2 * ranges);
            now.node4 = b->node4;
            now.node6 = b->node6;
        }
    }
    *to = now;
    __atomic_store_n(&m->shown->turn, turn, __ATOMIC_RELEASE);
}

bool live_replace(struct live_set *s, const struct live_base *base)
{
    struct live_block *const was = s->base, *fresh = NULL;
    if (!live_base_fits(s, base)) return false;
    if (base->count4 || base->count6) {
        fresh = base_new(base);
        if (!fresh) return false;
    }
    if (live_is_over(s)) base_show(&s->memory, fresh);
    __atomic_store_n(&s->base, fresh, __ATOMIC_RELEASE);
    if (!was) return true;
    was->older = s->retired;
    s->retired = was;
    return true;
}

struct live_block *live_replaced(struct live_set *s)
{
    struct live_block *const all = s->retired;
    s->retired = NULL;
    return all;
}

struct live_base live_base(const struct live_set *s)
{
    const struct live_block *const b = base_in_force(s);
    return b ? b->ranges : (struct live_base){0};
}
