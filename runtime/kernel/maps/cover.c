/* See cover.h: a block is halved until one range holds it. */
#include "runtime/kernel/maps/cover.h"

#include <stdbool.h>

struct covering {
    cover_fn *fn;
    void *arg;
};

/* Return the value of the range that holds most of the block, among the n that meet it; on a tie, that of `around`. */
static uint32_t value_of(const struct cover_range *r, size_t n, cover_number first, cover_number last,
                         const uint32_t *around)
{
    uint32_t value = r->value;
    cover_number most = 0;
    for (size_t i = 0; i < n; i++) {
        const cover_number lo = r[i].lo < first ? first : r[i].lo, hi = r[i].hi > last ? last : r[i].hi;
        const bool kept = around && r[i].value == *around;
        if (i && hi - lo <= most && !(kept && hi - lo == most)) continue;
        most = hi - lo;
        value = r[i].value;
    }
    return value;
}

/* Return the number of ranges that begin before `at`. */
static size_t below(const struct cover_range *r, size_t n, cover_number at)
{
    size_t lo = 0;
    while (lo < n) {
        const size_t mid = lo + (n - lo) / 2;
        if (r[mid].lo < at)
            lo = mid + 1;
        else
            n = mid;
    }
    return lo;
}

/* Cover a block. r: the n ranges that meet it; around: value of the enclosing block, or NULL. */
static void block(const struct covering *c, const struct cover_range *r, size_t n, cover_number first, unsigned free,
                  const uint32_t *around)
{
    const cover_number last = first | (free == 128 ? ~(cover_number)0 : ((cover_number)1 << free) - 1);
    const uint32_t value = value_of(r, n, first, last, around);
    if (!around || *around != value) c->fn(c->arg, first, 128 - free, value);
    if (n == 1) return;
    const cover_number middle = first | (cover_number)1 << (free - 1);
    const size_t low = below(r, n, middle), straddles = low == n || r[low].lo != middle;
    block(c, r, low, first, free - 1, &value);
    block(c, r + low - straddles, n - low + straddles, middle, free - 1, &value);
}

void cover(const struct cover_range *ranges, size_t n, cover_fn *fn, void *arg)
{
    const struct covering c = {fn, arg};
    block(&c, ranges, n, 0, 128, NULL);
}
