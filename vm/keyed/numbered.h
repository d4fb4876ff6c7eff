/* Connections by number, and by the tuple of their ends, with the second in which each is checked next: the common
 * part of inline and observed connections. The owner keeps the contents of connections, in an array by number.
 *
 * The number released last is the next one given; unused numbers come after released ones. */
#pragma once

#include <assert.h>
#include <string.h>

#include "vm/keyed/archive.h"
#include "vm/keyed/keyed.h"

/* A tuple, ends in order: packets of both directions have the same tuple */
struct ends {
    uint32_t low[4], high[4];
    uint16_t low_port, high_port, stack, v6;
};
enum { ENDS_WORDS = sizeof(struct ends) / sizeof(uint64_t) };
static_assert(sizeof(struct ends) == ENDS_WORDS * sizeof(uint64_t), "no padding");

#define NUMBER_NONE      UINT32_MAX
#define NUMBERED_TICK_NS UINT64_C(1000000000)
enum { NUMBERED_LOOKED_AT = 4096 };

struct numbered_cfg {
    uint64_t most;   /* greatest number of connections */
    uint32_t tuples; /* greatest number of tuples of one connection */
    bool behind;     /* numbers are behind tuples, not in the table's words, as in archives of inline connections */
    uint64_t seed;
    size_t bytes; /* size of a connection */
    size_t link; /* offset of four bytes in a connection, which belong to the owner while the connection has a number */
};

struct numbered {
    struct keyed index;
    void *at;        /* [most] connections, zeroed at first */
    uint32_t *due_s; /* [most] second in which to check a connection again; 0: its number is free */
    size_t bytes, link;
    uint32_t most, spare, high, live, hand; /* spare: first free number; high: numbers ever given */
};

bool numbered_init(struct numbered *t, const struct numbered_cfg *cfg); /* false: out of memory */
void numbered_fini(struct numbered *t);                                 /* also for a zeroed struct */

/* True if the ends are in order, by address, then by port. */
static inline bool ends_in_order(const uint32_t a[4], uint16_t a_port, const uint32_t b[4], uint16_t b_port)
{
    for (unsigned i = 0; i < 4; i++)
        if (a[i] != b[i]) return a[i] < b[i];
    return a_port <= b_port;
}

/* Make the tuple of a packet from `src` to `dst`. True: `src` is the higher end. */
static inline bool ends_make(struct ends *e, const uint32_t src[4], uint16_t src_port, const uint32_t dst[4],
                             uint16_t dst_port, bool v6, uint16_t stack)
{
    const bool first = ends_in_order(src, src_port, dst, dst_port);
    e->low_port = first ? src_port : dst_port;
    e->high_port = first ? dst_port : src_port;
    e->stack = stack;
    e->v6 = v6;
    memcpy(e->low, first ? src : dst, sizeof e->low);
    memcpy(e->high, first ? dst : src, sizeof e->high);
    return !first;
}

/* Return the slot of a tuple, or KEYED_NONE. *at: its place, to add it. */
static inline uint32_t numbered_find(const struct numbered *t, const struct ends *e, struct place *at)
{
    keyed_place(&t->index, e, ENDS_WORDS, at);
    return keyed_find(&t->index, at, e);
}

/* Return a pointer to the number of the connection that has the tuple in that slot. */
static inline hash_word *numbered_word(const struct numbered *t, uint32_t slot)
{
    const bool behind = t->index.entry_bytes > sizeof(struct ends);
    return behind ? (hash_word *)keyed_at(&t->index, slot) + ENDS_WORDS : KEYED_WORD(&t->index, slot);
}

/* Return the number of the connection that has the tuple in that slot. */
static inline uint32_t numbered_of(const struct numbered *t, uint32_t slot)
{
    return (uint32_t)*numbered_word(t, slot);
}

/* Begin a connection with a new tuple, and set *slot to the tuple's slot. Return its number; NUMBER_NONE: there is
 * no room. The owner sets due_s. */
uint32_t numbered_begin(struct numbered *t, const struct ends *e, const struct place *at, uint32_t *slot);
/* Release the number of a connection whose tuples are dropped (keyed_drop). */
void numbered_end(struct numbered *t, uint32_t number);
/* Add another, new tuple. Return its slot; KEYED_NONE: no room. */
uint32_t numbered_add(struct numbered *t, const struct ends *e, const struct place *at, uint32_t number);

/* Return the second after that time, for due_s. */
static inline uint32_t numbered_second(uint64_t ns)
{
    const uint32_t s = (uint32_t)(ns / NUMBERED_TICK_NS) + 1;
    return s ? s : 1;
}

/* Return the next of all used numbers, wrapping at the end; at least one must be used. */
static inline uint32_t numbered_turn(const struct numbered *t, uint32_t *hand)
{
    const uint32_t n = *hand < t->high ? *hand : 0;
    *hand = n + 1;
    return n;
}

/* Return the next number whose check is due; NUMBER_NONE: enough were checked. *asked is 0 at first. */
static inline uint32_t numbered_due(struct numbered *t, uint64_t now_ns, uint32_t *asked)
{
    const uint32_t now_s = (uint32_t)(now_ns / NUMBERED_TICK_NS);
    while (*asked < NUMBERED_LOOKED_AT && *asked < t->high) {
        const uint32_t n = numbered_turn(t, &t->hand);
        ++*asked;
        if (t->due_s[n] && t->due_s[n] <= now_s) return n;
    }
    return NUMBER_NONE;
}

/* Return the wait before the next numbers, so that all are checked within about a second, however many there are. */
static inline uint64_t numbered_wait_ns(const struct numbered *t, uint32_t at_once)
{
    return t->high > at_once ? NUMBERED_TICK_NS * at_once / t->high : NUMBERED_TICK_NS;
}

/* Write or read the part between the tuples (keyed_archive) and the connections. The owner writes or reads the
 * connections up to `high`, and sets the next check of each one in use. False: the archive is bad. */
bool numbered_archive(struct numbered *t, struct archive *a);
/* True if that slot holds a tuple of that connection. */
bool numbered_has(const struct numbered *t, uint32_t slot, uint32_t number);
/* True if the list has each free number once, and the number of tuples is right. */
bool numbered_sound(const struct numbered *t, uint32_t tuples);
