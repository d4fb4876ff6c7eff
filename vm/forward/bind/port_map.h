/* Set of taken ports among 65,536: a bitmap, and a bit for each of its words without a free port, so that a free
 * port is found in bounded steps, however few there are. A worker draws first from its slice, then from ports that
 * no other worker has (vm/shared/shared.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"
#include "vm/shared/shared.h"

enum { PORT_WORDS = 65536 / 64 };

/* A map of ports; zeroed memory has all ports free */
struct port_map {
    uint64_t taken[PORT_WORDS], reserved[PORT_WORDS]; /* given out; never to be given out */
    uint64_t full[PORT_WORDS / 64];                   /* a bit for each word without a free port */
    uint32_t count;                                   /* ports given out */
    bool reserves;                                    /* some port is reserved */
};
/* Words of 64 ports, a bit each */
struct port_words {
    uint64_t has[PORT_WORDS / 64];
};
/* A worker that draws ports, for any maps */
struct port_drawer {
    struct port_words slice, others; /* ports of its own slice, and all others */
    struct port_owners *owners;      /* NULL: it has its slice only */
    struct share
        told; /* functions that record found ports, or return them in a replay; `all` is NULL. Zero: one worker */
    unsigned worker;
    uint16_t given; /* port given back last: a flow may have made way for the next draw */
    bool is_hard;   /* the last search among others' ports found none, or met more than PORTS_HARD taken ports */
};
enum { PORTS_HARD = 7 };
/* Make the drawer of cfg->worker. borrows: the drawer may take ports of other workers' slices, if there are others. */
void port_drawer_init(struct port_drawer *d, const struct vm_cfg *cfg, bool borrows);
static inline bool port_drawer_borrows(const struct port_drawer *d) { return share_counts(&d->told); }
/* Return how many ports of lo..hi are in the drawer's slice. */
uint32_t port_slice_count(const struct port_drawer *d, uint16_t lo, uint16_t hi);
/* True if nearly all of the `ports` ports in the drawer's slice are given out: less than one in eight is free, and
 * others' ports are hard to find. */
bool port_map_is_short(const struct port_map *p, const struct port_drawer *d, uint32_t ports);

/* Take that port if it is free here and no other worker has it. */
bool port_map_take(struct port_map *p, const struct port_drawer *d, uint16_t port);
/* Take that port, whichever slice it is in, for a flow that has it already; also if another worker's flow has it. */
void port_map_hold(struct port_map *p, const struct port_drawer *d, uint16_t port);
/* Take a free port of lo..hi: the next one, wrapping at the end, from a place chosen by the random number `draw`.
 * Negative: none. */
int32_t port_map_draw(struct port_map *p, struct port_drawer *d, uint16_t lo, uint16_t hi, uint64_t draw);
/* Take the first free port of lo..hi (hi at most 65535), from the drawer's slice or from others'. Negative: none. */
int32_t port_map_next(struct port_map *p, struct port_drawer *d, bool others, uint32_t lo, uint32_t hi);
void port_map_give(struct port_map *p, struct port_drawer *d, uint16_t port);
/* Give back all taken ports. */
void port_map_give_all(struct port_map *p, struct port_drawer *d);
/* Return the next port that this map has given out, from `start` on, wrapping at the end; negative: none. */
int32_t port_map_taken(const struct port_map *p, uint16_t start);
/* True if the drawer would find a port of lo..hi, as far as it knows without looking at other workers' ports. */
bool port_map_has(const struct port_map *p, const struct port_drawer *d, uint16_t lo, uint16_t hi);

void port_map_reserve(struct port_map *p, uint16_t lo, uint16_t hi);
void port_map_unreserve(struct port_map *p);
