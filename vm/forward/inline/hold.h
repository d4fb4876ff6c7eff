/* Segments of connections that are held while they leave the inline stack: 64 of each end, 512 in all, in the order in
 * which they came. */
#pragma once

#include "vm/forward/inline/conns.h"

enum { HOLDS_MOST = 256, HELD_EACH = 64 }; /* connections that hold at once; segments of each end */
#define HOLD_NS UINT64_C(200000000)        /* longest */

struct held_segment {
    struct pkt *pkt; /* in a slot; the hold's */
    uint8_t from;    /* enum inline_at */
};

/* One connection's segments, and the loop's last word about it */
struct hold {
    struct held_segment queue[2 * HELD_EACH]; /* a ring */
    uint32_t first, count, of[2];
    uint32_t number;
    uint32_t next[2], ours[2]; /* numbers behind all that the loop has read and written, by enum inline_at */
    uint32_t top[2];           /* end of what was held of each end, if any was */
    bool asked;                /* the loop waits for an answer */
    bool read_on;              /* it was told to read on behind these numbers */
    uint8_t why;               /* enum splice_why: why it is not done yet */
    uint64_t until_ns;
};

struct holds;
struct holds *holds_new(void); /* NULL: out of memory */
void holds_free(struct holds *h);

/* Begin to hold for a connection, which names it by *at. NULL: there are too many. */
struct hold *hold_begin(struct holds *h, uint32_t number, uint64_t until_ns, uint32_t *at);
/* Put all that is left back into the pool, and end. */
void hold_end(struct holds *h, uint32_t at);
struct hold *hold_at(struct holds *h, uint32_t at);
/* Return the number of those that hold; the i-th of them. */
unsigned holds_count(const struct holds *h);
struct hold *holds_each(struct holds *h, unsigned i);

/* Add a packet in a slot, which is taken over. False: it is one too many, and stays the caller's. */
bool hold_put(struct holds *h, struct hold *o, struct pkt *pkt, enum inline_at from);
/* Take the oldest out. NULL: none. */
struct pkt *hold_take(struct holds *h, struct hold *o, enum inline_at *from);
