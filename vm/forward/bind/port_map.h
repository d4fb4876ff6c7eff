/* Set of taken ports among 65,536: a bitmap, and a bit for each of its words that has no port left, so that a free one
 * is found in bounded steps however few there are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PORT_WORDS = 65536 / 64 };

/* Zeroed memory is a map whose ports are all free. */
struct port_map {
    uint64_t taken[PORT_WORDS], reserved[PORT_WORDS]; /* given out; never to be */
    uint64_t full[PORT_WORDS / 64];                   /* words without a free port */
    bool reserves;                                    /* some port is reserved */
};
/* The words whose ports a worker gives out (mappings.h, port_slice), of any of its maps. */
struct port_words {
    uint64_t mine[PORT_WORDS / 64];
};
void port_words_of(struct port_words *s, unsigned worker, unsigned workers);

/* That port, if it is free and in the slice. */
bool port_map_take(struct port_map *p, const struct port_words *s, uint16_t port);
/* That port is taken, whoever may give it out. */
void port_map_hold(struct port_map *p, uint16_t port);
/* A free port of lo..hi, now taken: the next one, round the end, from where `draw`, a random number, says. Negative:
 * there is none. */
int32_t port_map_draw(struct port_map *p, const struct port_words *s, uint16_t lo, uint16_t hi, uint64_t draw);
void port_map_give(struct port_map *p, uint16_t port);
/* Is any port of lo..hi free in the slice? */
bool port_map_has(const struct port_map *p, const struct port_words *s, uint16_t lo, uint16_t hi);

void port_map_reserve(struct port_map *p, uint16_t lo, uint16_t hi);
void port_map_unreserve(struct port_map *p);
