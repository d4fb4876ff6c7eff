/* Members of struct inlines, for the files that keep and archive connections; segments that are held (hold.c) */
#pragma once

#include "vm/forward/inline/conns.h"
#include "vm/forward/splice/slots.h"
#include "vm/keyed/numbered.h"

/* Connections that are not open yet, the oldest first */
struct half_open {
    uint32_t first, last, count, most;
};

/* Messages to the loop, the oldest first. At most three wait per connection: a reply, its half-close, and its end */
enum { TOLD_EACH = 3 };
struct told {
    uint32_t put, taken, most; /* most: a power of two */
    struct inline_told of[];   /* [most] */
};

/* A segment that went up to the worker because the gate of its direction's slot is shut */
struct inline_turn {
    uint32_t slot, turn;
};

enum { TURNS_MOST = VM_BATCH };
struct inlines {
    struct numbered numbers;
    struct inline_conn *at; /* [most] those of `numbers` */
    uint16_t *uses;         /* [most] how often a number was given out */
    uint64_t *since_ns;     /* [most] times when the connection began, and was spliced or cut into. Not archived */
    struct stacks *stacks;
    struct cuts *cuts; /* cut.h */
    struct inline_share share;
    struct half_open half_open;
    struct told *told;
    struct holds *holds;
    struct inline_carried *carried; /* [most]; NULL: nothing is counted */
    uint32_t (*slot)[2];            /* [most] slots of directions in the kernel, by sender; NULL: no kernel executor */
    struct splice_slots slots;
    struct inline_turn turns[TURNS_MOST]; /* segments in vm_tx that may open a gate once they have left */
    unsigned turn_count;
    uint32_t taken;                 /* number whose slots were looked at last */
    struct inline_marks *marks;     /* marks for the kernel executor; NULL: none */
    uint64_t half_open_ns, open_ns; /* timeouts */
    unsigned worker;
};

/* conns.c: return the second in which the connection of a number is checked again. */
uint32_t inlines_due_s(const struct inlines *all, const struct inline_conn *c);

/* conns.c: share and mark the tuples of all connections that were read; marked: the marks were handed over, too. */
void inlines_remember(struct inlines *all, bool marked);

/* conns.c: add to what a connection has carried. */
void inlines_add(struct inlines *all, uint32_t number, enum inline_at from, uint64_t packets, uint64_t bytes,
                 uint64_t seen_ns);

/* conns_archive.c: true if the values of a splice's end are possible. */
bool inline_sound_end(const struct splice_end *e);

/* to_loop.c: return an empty ring for that many connections. NULL: out of memory. */
struct told *told_new(uint32_t connections);

/* half_open.c: make an empty list; add a connection to it; drop a connection that is in it. */
void half_open_init(struct half_open *list, uint64_t asked, uint32_t numbers);
void half_open_add(struct inlines *all, uint32_t number);
void half_open_drop(struct inlines *all, uint32_t number);

/* Segments of connections that are held while they leave the inline stack: 64 of each end, 512 in all, in the order in
 * which they came. */

enum { HOLDS_MOST = 256, HELD_EACH = 64 }; /* connections that hold at once; segments of each end */
#define HOLD_NS UINT64_C(200000000)        /* longest time to hold a segment */

struct held_segment {
    struct pkt *pkt; /* in a slot; owned by the hold */
    uint8_t from;    /* enum inline_at */
};

/* The held segments of one connection, and the loop's last message about it */
struct hold {
    struct held_segment queue[2 * HELD_EACH]; /* a ring */
    uint32_t first, count, of[2];
    uint32_t number;
    uint32_t next[2], ours[2]; /* numbers after the bytes that the loop has read and written, by enum inline_at */
    uint32_t top[2];           /* end of the held bytes of each end, if any */
    bool asked;                /* the loop waits for a reply */
    bool read_on;              /* the loop was asked to read on after these numbers */
    uint8_t why;               /* enum splice_why: why the connection has not left yet */
    uint64_t until_ns;
};

struct holds;
struct holds *holds_new(void); /* NULL: out of memory */
void holds_free(struct holds *h);

/* Begin to hold a connection's segments; *at: its place, for hold_at and hold_end. NULL: too many connections hold
 * segments. */
struct hold *hold_begin(struct holds *h, uint32_t number, uint64_t until_ns, uint32_t *at);
/* Put the remaining segments back into the pool, and end. */
void hold_end(struct holds *h, uint32_t at);
struct hold *hold_at(struct holds *h, uint32_t at);
/* Return the number of connections that hold segments; the i-th of them (second function). */
unsigned holds_count(const struct holds *h);
struct hold *holds_each(struct holds *h, unsigned i);

/* Add a packet in a slot, which is taken over. False: too many are held, and the packet stays the caller's. */
bool hold_put(struct holds *h, struct hold *o, struct pkt *pkt, enum inline_at from);
/* Take out the oldest segment. NULL: none is held. */
struct pkt *hold_take(struct holds *h, struct hold *o, enum inline_at *from);
