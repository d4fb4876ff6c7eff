/* Make the look-up tables of set_index.h. The work is the same for both families on numbers of different width, so it
 * is written once, as a macro. */
#include "vm/program/set_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef unsigned __int128 u128;

enum { ENTRIES_A_RANGE = 16, BITS_MOST = 24 };

struct maker {
    const struct set_ranges *p;
    uint32_t *words; /* array of `room` zeroed words */
    uint64_t used, room;
    uint64_t wasted; /* words of nodes that were abandoned */
};

/* Reserve `count` words at the next block; false when they don't fit. */
static bool index_take(struct maker *m, uint64_t count, uint64_t *at)
{
    *at = (m->used + SET_BLOCK - 1) / SET_BLOCK * SET_BLOCK;
    if (*at + count > m->room || *at / SET_BLOCK >= 1u << (32 - SET_COUNT_BITS)) return false;
    m->used = *at + count;
    return true;
}

static u128 low6(const struct pbc_range6 *r) { return (u128)r->lo_hi << 64 | r->lo_lo; }
static u128 high6(const struct pbc_range6 *r) { return (u128)r->hi_hi << 64 | r->hi_lo; }
static uint32_t low4(const struct pbc_range *r) { return r->lo; }
static uint32_t high4(const struct pbc_range *r) { return r->hi; }

static void head4(uint32_t *node, uint32_t base, unsigned shift, uint32_t last)
{
    node[0] = base;
    node[1] = shift;
    node[2] = last;
}

static void head6(uint32_t *node, u128 base, unsigned shift, uint32_t last)
{
    for (unsigned i = 0; i < 4; i++) node[i] = (uint32_t)(base >> (96 - 32 * i));
    node[4] = shift;
    node[5] = last;
}

/* Return the bits of the bucket number: two to four buckets for each range. */
static unsigned bits_for(uint32_t count)
{
    unsigned bits = 1;
    while (bits < BITS_MOST && 1u << (bits - 1) < count) bits++;
    return bits;
}

/* Function `node`: make a node over the parts of ranges [from, to) that are within [lo, hi], and the nodes below it.
 * False if there is no room. Recursion ends because each node's span is at least 2^6 smaller than its parent's. */
#define FAMILY(w, num, type)                                                                                           \
    static bool node##w(struct maker *m, uint32_t from, uint32_t to, num lo, num hi, uint32_t *id)                     \
    {                                                                                                                  \
        const type *r = m->p->set##w;                                                                                  \
        const unsigned bits = bits_for(to - from);                                                                     \
        unsigned shift = 0;                                                                                            \
        uint64_t at;                                                                                                   \
        if (low##w(&r[from]) > lo) lo = low##w(&r[from]);                                                              \
        if (high##w(&r[to - 1]) < hi) hi = high##w(&r[to - 1]);                                                        \
        while ((hi - lo) >> shift >> bits) shift++;                                                                    \
        const uint32_t last = (uint32_t)((hi - lo) >> shift);                                                          \
        if (!index_take(m, (uint64_t)SET_NODE##w + last + 1, &at)) return false;                                       \
        head##w(m->words + at, lo, shift, last);                                                                       \
        *id = (uint32_t)(at / SET_BLOCK);                                                                              \
        uint32_t first = from, end = from;                                                                             \
        for (uint32_t b = 0; b <= last; b++) {                                                                         \
            const num start = lo + ((num)b << shift), stop = b == last ? hi : start + (((num)1 << shift) - 1);         \
            while (first < to && high##w(&r[first]) < start) first++;                                                  \
            while (end < to && low##w(&r[end]) <= stop) end++;                                                         \
            uint32_t count = end - first, what = first;                                                                \
            if (count >= SET_CROWDED) {                                                                                \
                if (!node##w(m, first, end, start, stop, &what)) return false;                                         \
                count = SET_CROWDED;                                                                                   \
            }                                                                                                          \
            m->words[at + SET_NODE##w + b] = count ? what << SET_COUNT_BITS | count : 0;                               \
        }                                                                                                              \
        return true;                                                                                                   \
    }

FAMILY(4, uint32_t, struct pbc_range)
FAMILY(6, u128, struct pbc_range6)

/* One family's ranges of a set; equal parts share a node. */
struct part {
    uint32_t set, first, count;
};

static int by_window(const void *pa, const void *pb)
{
    const struct part *a = pa, *b = pb;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    return a->set < b->set ? -1 : a->set > b->set;
}

static uint32_t node_of(struct maker *m, bool six, const struct part *x)
{
    const uint64_t before = m->used;
    uint32_t id;
    if (m->wasted > m->room) return 0; /* sets that share ranges may all begin nodes that don't fit */
    bool made = six ? node6(m, x->first, x->first + x->count, 0, ~(u128)0, &id)
                    : node4(m, x->first, x->first + x->count, 0, UINT32_MAX, &id);
    if (made) return id;
    for (uint64_t i = before; i < m->used; i++) m->words[i] = 0;
    m->wasted += m->used - before;
    m->used = before;
    return 0;
}

/* Make nodes for one family's large parts, sorted by their ranges so that sets with the same ranges share a node. */
static bool make_family(struct maker *m, bool six)
{
    const struct set_ranges *p = m->p;
    struct part *parts = malloc(((size_t)p->sets_count + 1) * sizeof *parts);
    uint32_t n = 0, id = 0;
    if (!parts) return false;
    for (uint32_t i = 0; i < p->sets_count; i++) {
        const struct pbc_set *s = &p->sets[i];
        const struct part x = {i, six ? s->first6 : s->first4, six ? s->count6 : s->count4};
        if (x.count > SET_PLAIN_MAX) parts[n++] = x;
    }
    qsort(parts, n, sizeof *parts, by_window);
    for (uint32_t i = 0; i < n; i++) {
        bool same = i && parts[i].first == parts[i - 1].first && parts[i].count == parts[i - 1].count;
        if (!same) id = node_of(m, six, &parts[i]);
        m->words[2 * (size_t)parts[i].set + six] = id;
    }
    free(parts);
    return true;
}

static bool any_large(const struct set_ranges *p)
{
    for (uint32_t i = 0; i < p->sets_count; i++)
        if (p->sets[i].count4 > SET_PLAIN_MAX || p->sets[i].count6 > SET_PLAIN_MAX) return true;
    return false;
}

int set_index_of(const struct set_ranges *r, const uint32_t **lookup, uint64_t *bytes)
{
    *lookup = NULL;
    *bytes = 0;
    if (!any_large(r)) return 0;
    struct maker m = {.p = r, .used = 2 * (uint64_t)r->sets_count};
    m.room = m.used + ENTRIES_A_RANGE * ((uint64_t)r->set4_count + r->set6_count);
    /* More is mapped than used: untouched pages take no memory, and the rest is unmapped. */
    const uint64_t page = 4096, mapped = (m.room * sizeof *m.words + page - 1) / page * page;
    m.words = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m.words == MAP_FAILED) return -ENOMEM;
    if (!make_family(&m, false) || !make_family(&m, true)) {
        munmap(m.words, mapped);
        return -ENOMEM;
    }
    const uint64_t kept = (m.used * sizeof *m.words + page - 1) / page * page;
    if (kept < mapped) munmap((char *)m.words + kept, mapped - kept);
    *lookup = m.words;
    *bytes = kept;
    return 0;
}

int set_index_make(struct program *p)
{
    const struct set_ranges r = {p->sets, p->set4, p->set6, p->sets_count, p->set4_count, p->set6_count};
    return set_index_of(&r, &p->lookup, &p->lookup_bytes);
}
