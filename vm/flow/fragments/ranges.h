/* Which bytes of one datagram have come: the rules of RFC 5722, in fixed memory.
 *
 * A range is a run of fragments side by side that carry equally many bytes each, so its fragments are still told apart:
 * an exact duplicate is known from another overlap, and a datagram cut evenly, however many its fragments, takes two
 * ranges once all have come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { FRAG_RANGES = 32 };

struct frag_range {
    uint16_t lo, hi; /* bytes of the datagram: hi is one past the last */
    uint16_t step;   /* of each of its fragments */
};
struct frag_ranges {
    uint32_t covered; /* bytes that have come */
    uint16_t end;     /* the datagram's length; 0: its last fragment has not come */
    uint16_t count;
    struct frag_range at[FRAG_RANGES]; /* ascending */
};

enum frag_fit {
    FIT_NEW,       /* none of its bytes had come: added */
    FIT_DUPLICATE, /* a fragment with the same bytes and the same `more` had come */
    FIT_OVERLAP,   /* any other that repeats a byte */
    FIT_END,       /* it lies past the known end, or ends the datagram before bytes that have come */
    FIT_FULL,      /* it would make one range too many */
};

/* The bytes lo up to hi (not empty, at most 65,535). Anything but FIT_NEW changes nothing. */
enum frag_fit frag_ranges_add(struct frag_ranges *r, uint32_t lo, uint32_t hi, bool more);

static inline bool frag_ranges_whole(const struct frag_ranges *r) { return r->end && r->covered == r->end; }
