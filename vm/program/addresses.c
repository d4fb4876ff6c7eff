/* Walk and arithmetic over the addresses of sets (program.h). */
#include <stdlib.h>
#include <string.h>

#include "vm/program/program.h"

static void range4(const struct pbc_range *from, struct address_range *r)
{
    *r = (struct address_range){.lo = {from->lo}, .hi = {from->hi}, .family = 4};
}

static void range6(const struct pbc_range6 *from, struct address_range *r)
{
    *r = (struct address_range){.family = 6};
    range6_words(from, r->lo, r->hi);
}

bool address_next(struct address_walk *w, struct address_range *r)
{
    for (; w->set < w->end; w->set++, w->at = 0) {
        const struct pbc_set *s = &w->p->sets[w->set];
        if (w->family == 6 && w->at < s->count4) w->at = s->count4;
        if (w->at < s->count4) {
            range4(&w->p->set4[s->first4 + w->at++], r);
            return true;
        }
        if (w->family == 4 || w->at - s->count4 >= s->count6) continue;
        range6(&w->p->set6[s->first6 + w->at++ - s->count4], r);
        return true;
    }
    return false;
}

bool address_each(struct address_walk *w, struct address_range *one)
{
    if (w->nth == w->size) {
        if (!address_next(w, &w->range)) return false;
        w->nth = 0;
        w->size = address_range_size(&w->range);
    }
    one->family = w->range.family;
    address_range_at(&w->range, w->nth++, one->lo);
    memcpy(one->hi, one->lo, sizeof one->hi);
    return true;
}

size_t address_ranges(const struct program *p, uint32_t sets, uint32_t count)
{
    size_t ranges = 0;
    for (uint32_t i = sets; i < sets + count; i++) ranges += (size_t)p->sets[i].count4 + p->sets[i].count6;
    return ranges;
}

int address_order(uint8_t family_a, const uint32_t a[4], uint8_t family_b, const uint32_t b[4])
{
    if (family_a != family_b) return family_a < family_b ? -1 : 1;
    for (unsigned i = 0; i < 4; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}

int address_by_lo(const void *a, const void *b)
{
    const struct address_range *x = a, *y = b;
    return address_order(x->family, x->lo, y->family, y->lo);
}

size_t address_join(struct address_range *ranges, size_t count)
{
    size_t kept = 0;
    qsort(ranges, count, sizeof *ranges, address_by_lo);
    for (size_t i = 0; i < count; i++) {
        struct address_range *last = kept ? &ranges[kept - 1] : NULL;
        const struct address_range *r = &ranges[i];
        if (!last || address_order(last->family, last->hi, r->family, r->lo) < 0)
            ranges[kept++] = *r;
        else if (address_order(last->family, last->hi, r->family, r->hi) < 0)
            memcpy(last->hi, r->hi, sizeof last->hi);
    }
    return kept;
}

struct address_range address_prefix(const uint32_t lo[4], unsigned len, uint8_t family)
{
    struct address_range r = {.family = family};
    memcpy(r.lo, lo, sizeof r.lo);
    memcpy(r.hi, lo, sizeof r.hi);
    for (unsigned w = 0; w < (family == 4 ? 1 : 4); w++) {
        const unsigned here = len > 32 * w ? len - 32 * w : 0;
        if (here < 32) r.hi[w] |= UINT32_MAX >> here;
    }
    return r;
}

static uint64_t half(const uint32_t words[2]) { return (uint64_t)words[0] << 32 | words[1]; }

uint64_t address_range_size(const struct address_range *r)
{
    if (r->family == 4) return (uint64_t)r->hi[0] - r->lo[0] + 1;
    const uint64_t more = half(r->hi + 2) - half(r->lo + 2), high = half(r->hi) - half(r->lo);
    const bool carries = half(r->hi + 2) < half(r->lo + 2);
    return high - carries || more == UINT64_MAX ? UINT64_MAX : more + 1;
}

void address_range_at(const struct address_range *r, uint64_t n, uint32_t addr[4])
{
    memcpy(addr, r->lo, sizeof r->lo);
    if (r->family == 4) {
        addr[0] += (uint32_t)n;
        return;
    }
    const uint64_t low = half(r->lo + 2) + n, high = half(r->lo) + (low < n);
    addr[0] = (uint32_t)(high >> 32), addr[1] = (uint32_t)high;
    addr[2] = (uint32_t)(low >> 32), addr[3] = (uint32_t)low;
}

uint64_t address_count(const struct program *p, uint32_t sets, uint32_t count, uint8_t family, uint64_t most)
{
    struct address_walk w = address_walk(p, sets, count, family);
    struct address_range r;
    uint64_t n = 0;
    while (n <= most && address_next(&w, &r)) {
        const uint64_t size = address_range_size(&r);
        n = size > most - (n < most ? n : most) ? most + 1 : n + size;
    }
    return n;
}
