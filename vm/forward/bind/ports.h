/* Source ports for translation: unique for each (server, outside address), in an order that outsiders cannot predict
 * (RFC 6056, 3.3.1), given back when the flow ends. A bitmap for each pair of outside address and server, allocated at
 * start and touched when used; finding a free port reads at most 1,024 words, normally one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"
#include "vm/keyed/archive.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

struct ports;

/* Make `spaces` independent spaces of ports lo..hi, lo at least 1. The worker gives out its slice (port_map.h, struct
 * port_drawer), and with `borrows` others' ports. NULL: out of memory. */
struct ports *ports_new(uint32_t spaces, uint16_t lo, uint16_t hi, const struct vm_cfg *cfg, bool borrows,
                        uint64_t seed);
void ports_free(struct ports *p);
/* Draw from these ranges, too, once lo..hi are taken: [count], at most FACTS_PORTS_MORE, below lo, ascending. */
void ports_more(struct ports *p, const struct facts_range *more, unsigned count);
/* True if workers of that program may draw ports of others' slices. Connections in the wire draw from their worker's
 * slice, and hold no ports. */
bool ports_are_lent(const struct program *p);

/* Take a free port of the space; 0: none left. want: taken if it is free; 0: any. */
uint16_t port_take(struct ports *p, uint32_t space, uint16_t want);
/* True if nearly all ports of the space are taken (port_map_is_short). */
bool ports_are_short(const struct ports *p, uint32_t space);
/* Return a random port of lo..hi and the slice, taken or not: for connections that hold none. */
uint16_t ports_any(struct ports *p);
/* Return a random port of those that this worker has given out in the space; 0: none. */
uint16_t ports_taken(struct ports *p, uint32_t space);
/* Take that port as if it had been given out, also if another worker shares it (vm/shared/shared.h); false: already
 * taken here, or out of range. */
bool port_hold(struct ports *p, uint32_t space, uint16_t port);
/* Set the seed of further draws. */
void ports_draw(struct ports *p, uint64_t seed);
/* Continue the draws of another worker's ports. */
void ports_draw_on(struct ports *p, const struct ports *other);
/* Write or read the state of the draws, without the ports that are held (keyed/archive.h). */
void ports_archive(struct ports *p, struct archive *a);
void port_give(struct ports *p, uint32_t space, uint16_t port);
/* From now on, count the taken ports of all spaces in *sum, which other ports may share. */
void ports_count(struct ports *p, uint64_t *sum);
/* The same for `spaces` spaces that are in use already, and have been counted elsewhere */
void ports_recount(struct ports *p, uint32_t spaces, uint64_t *sum);
