/* Mappings of address translation: inside address and port (or ICMP identifier) to outside address and port, one for
 * all destinations (RFC 4787, REQ-1; RFC 5382, REQ-1; RFC 5508, REQ-1).
 *
 * Fixed memory: `most` mappings of a line each, found by either end in a keyed table (vm/keyed/). Flows that use a
 * mapping hold it, and it ends with the last one. A mapping of an evicted flow rests, because the other side may go
 * on. A *space* is the ports of one outside address, a bitmap for each class; the caller names the ranges to draw
 * from. If there are MAP_SHARED ports or more, one inside address holds at most map_share of them, for each class, so
 * that one host does not take all: 31,745 of the 36,280 that ip_local_port_range leaves of 1024-65535, more than the
 * 28,232 from which Linux connects. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"
#include "vm/keyed/archive.h"
#include "vm/verdict.h"

struct pbc_range;

enum { MAPPING_NONE = -1, MAP_SHARED = 1024 };
/* Ports of `ports` that one inside address may hold: seven in eight */
static inline unsigned map_share(unsigned ports) { return ports - ports / 8; }

/* Spaces of ports: separate for TCP, UDP, and identifiers of queries */
enum map_class { MAP_TCP, MAP_UDP, MAP_ICMP, MAP_CLASSES };

struct map_end {
    uint32_t addr[4]; /* as in struct key */
    uint16_t port;
    uint8_t class; /* enum map_class */
    uint8_t v6;    /* 0 or 1 */
};
static_assert(sizeof(struct map_end) == 20, "compared as bytes: no padding");

struct mapping {
    struct map_end inside, outside; /* both ends have the same class and family */
    uint32_t users;                 /* flows that hold it, and evicted ones for which it rests; 0: a free slot */
    union {
        uint32_t in_slot;  /* slot in the table by inside end; KEYED_NONE: new flows do not take this mapping
                              (mapping_is_led) */
        int32_t next_free; /* free slot: next one; MAPPING_NONE: the last */
    };
    uint32_t out_slot; /* slot in the table by outside end */
    uint32_t space;
    uint16_t stack; /* VLAN stack, which distinguishes equal inside addresses */
    uint16_t nat;   /* statement that made it, for display */
    int32_t holder; /* slot of the flow that held the mapping last; FLOW_NONE: unknown */
};
static_assert(sizeof(struct mapping) == 64, "one line");

/* True if new flows of the inside end take this mapping. False if its flows came from another worker (mapping_move),
 * and the inside end has another mapping here or belongs to another worker. */
static inline bool mapping_is_led(const struct mapping *one) { return one->in_slot != UINT32_MAX; }

struct mappings_cfg {
    uint32_t most; /* greatest number of mappings */
    uint32_t spaces;
    uint64_t seed;
    const struct vm_cfg *vm; /* configuration of the worker that draws the ports */
    bool borrows;            /* the worker may also draw ports of other slices (port_map.h) */
};

struct mappings;                                               /* one per worker */
struct mappings *mappings_new(const struct mappings_cfg *cfg); /* NULL: out of memory */
void mappings_free(struct mappings *m);

/* Return the mapping of an inside end to that outside address, with any outside port; MAPPING_NONE: none. */
int32_t mapping_by_inside(const struct mappings *m, const struct map_end *inside, uint16_t stack,
                          const uint32_t outside[4]);
/* Return the mapping that owns an outside end; MAPPING_NONE: none. */
int32_t mapping_by_outside(const struct mappings *m, const struct map_end *outside);

/* The room from which a new mapping is drawn */
struct map_room {
    const uint32_t *outside; /* outside address, of the inside end's family */
    uint32_t space;          /* space of that address */
    uint16_t lo, hi;         /* first and last port: 1 to 65535; identifiers: also 0 */
    uint16_t last_lo,
        last_hi; /* range used only when all other ports are taken, because the host draws from it, too; hi 0: none */
    uint16_t
        withheld; /* number of ports in lo to hi that are never given out: kept for others, or in none of `ranges` */
    uint32_t further; /* number of ports in other rooms of the same hosts; a host's share is of all of them */
    const struct pbc_range *ranges; /* [range_count] its ports, ascending; NULL: all from lo to hi */
    uint32_t range_count;
    bool asks_on; /* the caller will ask again, so a refusal is not counted yet */
    bool goes_on; /* another room of the same space follows, so ports are not short and a refusal is not counted */
};
/* Make a mapping for an inside end that has none, held once. It gets the inside end's own port if that is free and
 * in the ranges, else a random one of them (RFC 6056, 3.3.1): first from the same half, below or above 1,024 (REQ-3
 * a). In each half, ports last_lo to last_hi come last. MAPPING_NONE, counted: no port or no room, or the inside
 * address holds its share. Reads at most 1,024 words and two for each range, normally two. */
int32_t mapping_add(struct mappings *m, const struct map_end *inside, uint16_t stack, const struct map_room *room);

/* Draw, by a random number, a port of the room that has a mapping. Set *port and return the mapping; MAPPING_NONE:
 * none. If `inside` has its share already (greedy), only its own mappings count. */
int32_t mapping_draw(const struct mappings *m, const struct map_end *inside, const struct map_room *room,
                     uint64_t random, uint16_t *port);

/* True if mapping_add would find a port now, as far as can be known without changes (resting mappings may make way).
 * *port: the inside end's own, if the mapping would get that; 0: a random one. */
bool mapping_may_add(const struct mappings *m, const struct map_end *inside, const struct map_room *room,
                     uint16_t *port);

/* True if the last mapping made got one of the last ports of its room (port_map_is_short); taken ports of the
 * space's other rooms count, too. */
bool mappings_are_short(const struct mappings *m);

void mapping_hold(struct mappings *m, int32_t i);
void mapping_drop(struct mappings *m, int32_t i); /* the last holder frees the port */
/* Release a mapping of an evicted flow that would have expired at rests_ns. The mapping stays held until then, until
 * a mapping can't be made, or until RESTS_MOST others have been left (rest.h). If rests_ns is not after now_ns, drop
 * it. */
void mapping_leave(struct mappings *m, int32_t i, uint64_t now_ns, uint64_t rests_ns);
/* Drop some mappings whose rest is over; call now and then. */
void mappings_at(struct mappings *m, uint64_t now_ns);

/* Write all mappings, or read them into a new table (keyed/archive.h), where at first only rests hold them. nats:
 * number of statements. True if each mapping is held (second function). */
bool mappings_archive(struct mappings *m, struct archive *a, uint32_t nats);
bool mappings_held(const struct mappings *m);

/* Add another worker's mapping, not held yet. space: its space here; SPACE_NONE: the one of the same number. stack:
 * this worker's id of its VLAN stack. led: new flows of the inside end belong to this worker; they take the mapping
 * unless the end has one already. The outside end must be free here. MAPPING_NONE: no room. */
int32_t mapping_move(struct mappings *m, const struct mapping *other, uint32_t space, uint16_t stack, bool led);
/* Return the next mapping; *at begins as 0. MAPPING_NONE: the end. */
int32_t mapping_next(const struct mappings *m, uint32_t *at);
/* Find the n-th resting mapping and the end of its rest; false: there are fewer. */
bool mapping_rest(const struct mappings *m, uint32_t n, int32_t *i, uint64_t *until_ns);

struct mapping *mapping_at(struct mappings *m, int32_t i);
const struct mapping_counters *mappings_counters(const struct mappings *m);

/* Never give out these ports of a space, because something else uses them; MAP_CLASSES: all classes.
 * mappings_unreserve frees all of them; ports in use stay in use. */
void mappings_reserve(struct mappings *m, uint32_t space, unsigned class, uint16_t lo, uint16_t hi);
void mappings_unreserve(struct mappings *m, uint32_t space);
/* Continue the random sequence of the earlier mappings: restarted, it would draw the ports in use. */
void mappings_draw_on(struct mappings *m, const struct mappings *before);
