/* Set of taken ports among 65,536: a bitmap, and a bit for each of its words without a free port, so that a free port
 * is found in bounded steps, however few there are */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PORT_WORDS = 65536 / 64 };

/* A map of ports; zeroed memory has all ports free */
struct port_map {
    uint64_t taken[PORT_WORDS], reserved[PORT_WORDS]; /* given out; never to be given out */
    uint64_t full[PORT_WORDS / 64];                   /* words without a free port */
    uint32_t count;                                   /* ports given out */
    bool reserves;                                    /* some port is reserved */
};
/* The words with the ports that a worker gives out (mappings.h, port_slice), in any map */
struct port_words {
    uint64_t mine[PORT_WORDS / 64];
};
/* Return how many ports of lo..hi are in the slice. */
uint32_t port_words_count(const struct port_words *s, uint16_t lo, uint16_t hi);
/* True if of so many ports nearly all are given out: less than one in eight is free. */
static inline bool port_map_is_short(const struct port_map *p, uint32_t ports) { return p->count > ports - ports / 8; }
void port_words_of(struct port_words *s, unsigned worker, unsigned workers);

/* Take that port, if it is free and in the slice. */
bool port_map_take(struct port_map *p, const struct port_words *s, uint16_t port);
/* Take that port, whichever slice it is in. */
void port_map_hold(struct port_map *p, uint16_t port);
/* Take a free port of lo..hi: the next one, round the end, from a place given by the random number `draw`. Negative:
 * none. */
int32_t port_map_draw(struct port_map *p, const struct port_words *s, uint16_t lo, uint16_t hi, uint64_t draw);
/* Take the first free port of lo..hi, at most 65535. Negative: none. */
int32_t port_map_next(struct port_map *p, const struct port_words *s, uint32_t lo, uint32_t hi);
void port_map_give(struct port_map *p, uint16_t port);
/* True if any port of lo..hi is free in the slice. */
bool port_map_has(const struct port_map *p, const struct port_words *s, uint16_t lo, uint16_t hi);

void port_map_reserve(struct port_map *p, uint16_t lo, uint16_t hi);
void port_map_unreserve(struct port_map *p);
