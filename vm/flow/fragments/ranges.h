/* The received bytes of one datagram: the rules of RFC 5722, in fixed memory.
 *
 * A range is a run of adjacent fragments of equal length, so its fragments can still be distinguished: an exact
 * duplicate differs from other overlaps, and an evenly cut datagram of any length takes two ranges once complete. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { FRAG_RANGES = 32 };

struct frag_range {
    uint16_t lo, hi; /* byte range in the datagram; hi is one past the last */
    uint16_t step;   /* length of each fragment */
};
struct frag_ranges {
    uint32_t covered; /* bytes received */
    uint16_t end;     /* the datagram's length; 0: the last fragment has not come */
    uint16_t count;
    struct frag_range at[FRAG_RANGES]; /* ranges, ascending */
};

enum frag_fit {
    FIT_NEW,       /* added: none of its bytes had come */
    FIT_DUPLICATE, /* the same bytes with the same `more` had come */
    FIT_OVERLAP,   /* any other repetition of a byte */
    FIT_END,       /* beyond the known end, or ends the datagram before received bytes */
    FIT_FULL,      /* one range more than fits */
};

/* Add the bytes lo up to hi (not empty, at most 65,535). Only FIT_NEW changes the ranges. */
enum frag_fit frag_ranges_add(struct frag_ranges *r, uint32_t lo, uint32_t hi, bool more);

static inline bool frag_ranges_whole(const struct frag_ranges *r) { return r->end && r->covered == r->end; }
