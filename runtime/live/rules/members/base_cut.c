/* Both families are numbers of 128 bits; ranges in order are cut in one pass */
#include "runtime/live/rules/members/base_cut.h"

#include <stdlib.h>

typedef unsigned __int128 u128;

struct span {
    u128 lo, hi;
};

/* The ranges of one family, in order. all4 or all6 is set. */
struct spans {
    const struct pbc_range *all4;
    const struct pbc_range6 *all6;
    uint32_t count;
};

static struct span span_at(const struct spans *s, uint32_t i)
{
    if (s->all4) return (struct span){s->all4[i].lo, s->all4[i].hi};
    const struct pbc_range6 *r = &s->all6[i];
    return (struct span){(u128)r->lo_hi << 64 | r->lo_lo, (u128)r->hi_hi << 64 | r->hi_lo};
}

struct cutting {
    struct pbc_range *out4; /* ranges of the result; NULL: this is IPv6 */
    struct pbc_range6 *out6;
    uint32_t count;
};

static void span_put(struct cutting *c, u128 lo, u128 hi)
{
    if (c->out4)
        c->out4[c->count++] = (struct pbc_range){(uint32_t)lo, (uint32_t)hi};
    else
        c->out6[c->count++] =
            (struct pbc_range6){(uint64_t)(lo >> 64), (uint64_t)lo, (uint64_t)(hi >> 64), (uint64_t)hi};
}

/* Keep the part of a span that no span of `never` covers. *at: the first span of `never` that may overlap it; it
 * only grows. */
static void span_without(struct cutting *c, struct span s, const struct spans *never, uint32_t *at)
{
    while (*at < never->count && span_at(never, *at).hi < s.lo) ++*at;
    for (uint32_t i = *at; i < never->count; i++) {
        const struct span n = span_at(never, i);
        if (n.lo > s.hi) break;
        if (n.lo > s.lo) span_put(c, s.lo, n.lo - 1);
        if (n.hi >= s.hi) return;
        s.lo = n.hi + 1;
    }
    span_put(c, s.lo, s.hi);
}

/* Cut all ranges of one family. in: NULL: everything. only_whole: leave out ranges that would be cut. Return the
 * number of ranges that were cut or left out. */
static uint64_t spans_cut(const struct spans *old, const struct spans *in, const struct spans *never, bool only_whole,
                          struct cutting *c)
{
    uint32_t i = 0, n = 0;
    uint64_t changed = 0;
    for (uint32_t r = 0; r < old->count; r++) {
        const struct span s = span_at(old, r);
        const uint32_t before = c->count;
        while (in && i < in->count && span_at(in, i).hi < s.lo) i++;
        if (!in) span_without(c, s, never, &n);
        for (uint32_t k = i; in && k < in->count && span_at(in, k).lo <= s.hi; k++) {
            const struct span w = span_at(in, k);
            span_without(c, (struct span){w.lo > s.lo ? w.lo : s.lo, w.hi < s.hi ? w.hi : s.hi}, never, &n);
        }
        const struct spans now = {c->out4, c->out6, c->count};
        const bool whole =
            c->count == before + 1 && span_at(&now, before).lo == s.lo && span_at(&now, before).hi == s.hi;
        changed += !whole;
        if (!whole && only_whole) c->count = before;
    }
    return changed;
}

/* Return the ranges of a set; none for PBC_NONE. */
static struct spans spans_of(const struct program *p, uint32_t set, bool v6)
{
    static const struct pbc_range none4;
    static const struct pbc_range6 none6;
    if (set == PBC_NONE) return v6 ? (struct spans){.all6 = &none6} : (struct spans){.all4 = &none4};
    const struct pbc_set *s = &p->sets[set];
    if (v6) return (struct spans){.all6 = s->count6 ? p->set6 + s->first6 : &none6, .count = s->count6};
    return (struct spans){.all4 = s->count4 ? p->set4 + s->first4 : &none4, .count = s->count4};
}

/* Return the most ranges that cutting makes from `count`: each end of another range may cut one in two. */
static size_t most_of(uint32_t count, const struct spans *in, const struct spans *never)
{
    return (size_t)count + in->count + never->count + 1;
}

bool cut_base(const struct live_base *old, const struct program *p, uint32_t live, bool whole, struct cut *c)
{
    const struct pbc_live *l = &p->lives[live];
    *c = (struct cut){.ranges = 0};
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const struct spans in = spans_of(p, l->in, v6), never = spans_of(p, l->never, v6);
        const uint32_t count = v6 ? old->count6 : old->count4;
        const struct spans all =
            v6 ? (struct spans){.all6 = old->r6, .count = count} : (struct spans){.all4 = old->r4, .count = count};
        struct cutting to = {.count = 0};
        if (v6)
            c->base.r6 = to.out6 = calloc(most_of(count, &in, &never), sizeof *to.out6);
        else
            c->base.r4 = to.out4 = calloc(most_of(count, &in, &never), sizeof *to.out4);
        if (!to.out4 && !to.out6) return false;
        c->ranges += spans_cut(&all, l->in == PBC_NONE ? NULL : &in, &never, whole, &to);
        if (v6)
            c->base.count6 = to.count;
        else
            c->base.count4 = to.count;
    }
    return true;
}

void cut_fini(struct cut *c)
{
    free((void *)(uintptr_t)c->base.r4);
    free((void *)(uintptr_t)c->base.r6);
}
