/* The received bytes of a datagram, see ranges.h */
#include "vm/flow/fragments/ranges.h"

#include <string.h>

/* Return the first range that ends after `lo`. */
static unsigned range_behind(const struct frag_ranges *r, uint32_t lo)
{
    unsigned from = 0, to = r->count;
    while (from < to) {
        unsigned half = (from + to) / 2;
        if (r->at[half].hi > lo)
            to = half;
        else
            from = half + 1;
    }
    return from;
}

static bool is_fragment_of(const struct frag_ranges *r, const struct frag_range *run, uint32_t lo, uint32_t hi,
                           bool more)
{
    if (lo < run->lo || hi > run->hi || hi - lo != run->step || (lo - run->lo) % run->step != 0) return false;
    return more == (hi != r->end);
}

/* Add the bytes to the range before, the range after (range `at`) or both, or make a new range of them. */
static bool insert(struct frag_ranges *r, unsigned at, uint32_t lo, uint32_t hi)
{
    struct frag_range *before = at > 0 ? &r->at[at - 1] : NULL, *after = at < r->count ? &r->at[at] : NULL;
    const bool joins_before = before && before->hi == lo && before->step == hi - lo;
    const bool joins_after = after && after->lo == hi && after->step == hi - lo;
    if (joins_before && joins_after) {
        before->hi = after->hi;
        r->count--;
        memmove(&r->at[at], &r->at[at + 1], (r->count - at) * sizeof(*r->at));
    } else if (joins_before) {
        before->hi = (uint16_t)hi;
    } else if (joins_after) {
        after->lo = (uint16_t)lo;
    } else {
        if (r->count == FRAG_RANGES) return false;
        memmove(&r->at[at + 1], &r->at[at], (r->count - at) * sizeof(*r->at));
        r->at[at] = (struct frag_range){.lo = (uint16_t)lo, .hi = (uint16_t)hi, .step = (uint16_t)(hi - lo)};
        r->count++;
    }
    return true;
}

enum frag_fit frag_ranges_add(struct frag_ranges *r, uint32_t lo, uint32_t hi, bool more)
{
    const unsigned at = range_behind(r, lo);
    if (at < r->count && r->at[at].lo < hi)
        return is_fragment_of(r, &r->at[at], lo, hi, more) ? FIT_DUPLICATE : FIT_OVERLAP;
    if (r->end ? hi > r->end || !more : !more && r->count && r->at[r->count - 1].hi > hi) return FIT_END;
    if (!insert(r, at, lo, hi)) return FIT_FULL;
    r->covered += hi - lo;
    if (!more) r->end = (uint16_t)hi;
    return FIT_NEW;
}
