/* The inside of struct inlines, for the files that keep and archive connections */
#pragma once

#include "vm/forward/inline/conns.h"
#include "vm/forward/splice/slots.h"
#include "vm/keyed/numbered.h"

/* Connections that are not open yet, the oldest first */
struct half_open {
    uint32_t first, last, count, most;
};

/* Answers for the loop, the oldest first: a connection has one answer, its half, and its end, waiting at most */
enum { TOLD_EACH = 3 };
struct told {
    uint32_t put, taken, most; /* most: a power of two */
    struct inline_told of[];   /* [most] */
};

/* A segment that came up since the gate of its direction's slot is shut */
struct inline_turn {
    uint32_t slot, turn;
};

enum { TURNS_MOST = VM_BATCH };
struct inlines {
    struct numbered numbers;
    struct inline_conn *at; /* [most] those of `numbers` */
    uint16_t *uses;         /* [most] times that a number was given */
    uint64_t *since_ns;     /* [most] when it began, was spliced or cut into. Not archived */
    struct stacks *stacks;
    struct cuts *cuts; /* cut.h */
    struct inline_share share;
    struct half_open half_open;
    struct told *told;
    struct holds *holds;
    struct inline_carried *carried; /* [most]; NULL: nothing is counted */
    uint32_t (*slot)[2]; /* [most] slots of directions in the kernel, by sender; NULL: there is no such executor */
    struct splice_slots slots;
    struct inline_turn turns[TURNS_MOST]; /* segments in vm_tx that may open a gate once they have left */
    unsigned turn_count;
    uint32_t taken;                 /* number whose slots were looked at last */
    struct inline_marks *marks;     /* marks for the executor in the kernel; NULL: there is no such executor */
    uint64_t half_open_ns, open_ns; /* timeouts */
    unsigned worker;
};

/* conns.c: return the second in which the connection of a number is looked at again. */
uint32_t inlines_due_s(const struct inlines *all, const struct inline_conn *c);

/* conns.c: add to what a connection has carried. */
void inlines_add(struct inlines *all, uint32_t number, enum inline_at from, uint64_t packets, uint64_t bytes,
                 uint64_t seen_ns);

/* conns_archive.c: true for an end of a splice that can have been joined. */
bool inline_sound_end(const struct splice_end *e);

/* to_loop.c: return an empty ring for so many connections. NULL: out of memory. */
struct told *told_new(uint32_t connections);

/* half_open.c: an empty list; add a connection, or drop one that is there. */
void half_open_init(struct half_open *list, uint64_t asked, uint32_t numbers);
void half_open_add(struct inlines *all, uint32_t number);
void half_open_drop(struct inlines *all, uint32_t number);
