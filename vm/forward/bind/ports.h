/* Source ports for translation: unique for a (server, outside address), in the worker's slice of the range, given out
 * in an order that outsiders cannot foretell (RFC 6056, 3.3.1), taken back when the flow's time is over. A bitmap for
 * each pair of outside address and server, fixed at start and touched when used; finding a free one reads at most 1,024
 * words, normally one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/archive.h"

struct ports;

/* `spaces` independent spaces of ports lo..hi each, lo at least 1; of them this worker gives out its slice, `worker` of
 * `workers` (mappings.h, port_slice; 0 of 0: all). NULL: out of memory. */
struct ports *ports_new(uint32_t spaces, uint16_t lo, uint16_t hi, unsigned worker, unsigned workers, uint64_t seed);
void ports_free(struct ports *p);

/* A free port of the space, now taken; 0: exhausted. `want`: given if it is free and in the slice (0: no wish). */
uint16_t port_take(struct ports *p, uint32_t space, uint16_t want);
/* One of the slice, by chance, taken or not. */
uint16_t ports_any(struct ports *p);
/* That port is taken as if it had been given; false: it is, or it is none of the range. */
bool port_hold(struct ports *p, uint32_t space, uint16_t port);
/* Seed of the order in which ports are drawn from here on. */
void ports_draw(struct ports *p, uint64_t seed);
/* State that decides which ports are next (keyed/archive.h), but for those that are held. */
void ports_archive(struct ports *p, struct archive *a);
void port_give(struct ports *p, uint32_t space, uint16_t port);
/* Those that are taken, all spaces together, are from here on counted there too. */
void ports_count(struct ports *p, uint64_t *sum);
/* The same of `spaces` spaces that are in use already, and are counted elsewhere until now. */
void ports_recount(struct ports *p, uint32_t spaces, uint64_t *sum);
