/* Tuples of open inline connections, by their numbers, in memory that another process may read once the worker is
 * gone. Written by one thread; a reader trusts only its size. */
#pragma once

#include <stdint.h>

enum { INLINE_TAGS = 16 };

struct key;
struct pkt;

/* Ends of a connection on the wire, and the tags of its frames */
struct inline_tuple {
    uint32_t a[4], b[4]; /* addresses, as in struct key, the lower end first */
    uint16_t a_port, b_port;
    uint8_t live; /* atomic; 1: the other fields are complete */
    uint8_t v6, tag_count;
    uint8_t reserved;
    uint32_t tags[INLINE_TAGS]; /* TPID << 16 | VID each, outermost first */
};

struct inline_tuples {
    uint32_t high; /* atomic; numbers from here on have never been used */
    uint32_t reserved;
    struct inline_tuple at[]
                          [2]; /* tuples by connection number: as the client wrote it, and the one to a pool's server */
};

/* A worker's part of that memory. `all` is NULL if there is none. */
struct inline_share {
    struct inline_tuples *all;
    uint32_t most;      /* number of connections that have room */
    uint32_t half_open; /* most half-open connections, by the process's descriptors; 0: no bound */
};

/* Write the tuple of a parsed packet, with `live` set. */
void inline_tuple_of(const struct pkt *pkt, const struct key *key, struct inline_tuple *t);
/* Store one of a connection's two tuples (`which`), or drop it (second function). Does nothing if s->all is NULL. */
void inline_share_put(const struct inline_share *s, uint32_t number, unsigned which, const struct inline_tuple *t);
void inline_share_drop(const struct inline_share *s, uint32_t number, unsigned which);
