/* Address translation's mappings: inside address and port (or ICMP identifier) to outside address and port, one for all
 * destinations (RFC 4787, REQ-1; RFC 5382, REQ-1; RFC 5508, REQ-1).
 *
 * Fixed memory: `most` mappings of a line each, found by either end in a keyed table (vm/keyed/). A mapping is held by
 * the flows that use it and gone with the last; what an evicted flow held rests, since its other side may go on. A
 * *space* is the ports of one outside address, a bitmap for each class; who asks names the range that may be given out
 * of it. One inside address holds at most half of a range of MAP_SHARED ports or more, of each class, so that one host
 * alone does not take all: 32,256 of 1024-65535, more than the 28,232 that Linux connects from. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/archive.h"
#include "vm/verdict.h"

enum { MAPPING_NONE = -1, MAP_SHARED = 1024 };

/* Spaces of ports: TCP and UDP have their own, and so have identifiers of queries. */
enum map_class { MAP_TCP, MAP_UDP, MAP_ICMP, MAP_CLASSES };

struct map_end {
    uint32_t addr[4]; /* as in struct key */
    uint16_t port;
    uint8_t class; /* enum map_class */
    uint8_t v6;    /* 0 or 1 */
};
static_assert(sizeof(struct map_end) == 20, "compared as bytes: no padding");

struct mapping {
    struct map_end inside, outside; /* of one class and family */
    uint32_t users;                 /* flows that hold it, and evicted ones that it rests for; 0: a free slot */
    union {
        uint32_t in_slot;  /* in the table by inside end */
        int32_t next_free; /* of a free slot; MAPPING_NONE: the last */
    };
    uint32_t out_slot; /* in the table by outside end */
    uint32_t space;
    uint16_t stack; /* of VLAN tags, which tells equal inside addresses apart */
    uint16_t nat;   /* the statement that made it, for whoever asks */
    uint16_t reserved[2];
};
static_assert(sizeof(struct mapping) == 64, "one line");

struct mappings_cfg {
    uint32_t most; /* mappings at once */
    uint32_t spaces;
    uint64_t seed;
    unsigned worker, workers; /* ports of this worker's slice alone are given out; 0 of 0: of all */
    bool prefault;            /* as in vm_cfg */
};

struct mappings;                                               /* a worker's */
struct mappings *mappings_new(const struct mappings_cfg *cfg); /* NULL when memory is out */
void mappings_free(struct mappings *m);

/* The mapping of an inside end to that outside address (the outside port is not asked); MAPPING_NONE. */
int32_t mapping_by_inside(const struct mappings *m, const struct map_end *inside, uint16_t stack,
                          const uint32_t outside[4]);
/* The mapping that owns an outside end; MAPPING_NONE. */
int32_t mapping_by_outside(const struct mappings *m, const struct map_end *outside);

/* The room from which a new mapping is drawn. */
struct map_room {
    const uint32_t *outside;   /* address, of the inside's family */
    uint32_t space;            /* of that address */
    uint16_t lo, hi;           /* 1 to 65535; of identifiers 0, too */
    uint16_t last_lo, last_hi; /* drawn when all others are taken: the host draws from there, too; hi 0: none are */
    uint16_t withheld;         /* of them, for somebody else: so many are never given out */
};
/* A mapping for an inside end that has none, held once. The inside's own port where it lies in the range and is free,
 * else one of the range, by chance (RFC 6056, 3.3.1), first from its half below or above 1,024 (REQ-3 a), of either
 * half last those of last_lo to last_hi. MAPPING_NONE: no port or no room, or the inside address holds its share,
 * counted. Reads at most 1,024 words, normally two. */
int32_t mapping_add(struct mappings *m, const struct map_end *inside, uint16_t stack, const struct map_room *room);

/* Would mapping_add find a port now, as far as that can be said while nothing changes (what rests may give way)? *port:
 * the inside's own, where it would be that; 0: one by chance. */
bool mapping_may_add(const struct mappings *m, const struct map_end *inside, const struct map_room *room,
                     uint16_t *port);

void mapping_hold(struct mappings *m, int32_t i);
void mapping_drop(struct mappings *m, int32_t i); /* the last one frees the port */
/* The flow was evicted, and its time would have passed at rests_ns: held until then, or until a mapping can't be made,
 * or RESTS_MOST others were left (rest.h). rests_ns not after now_ns: dropped. */
void mapping_leave(struct mappings *m, int32_t i, uint64_t now_ns, uint64_t rests_ns);
/* Now and then: some of those that have rested are dropped. */
void mappings_at(struct mappings *m, uint64_t now_ns);

/* All of them (keyed/archive.h), into what is new: held by nobody yet, but those that rest. nats: how many statements
 * there are. mappings_held: is each held now? */
bool mappings_archive(struct mappings *m, struct archive *a, uint32_t nats);
bool mappings_held(const struct mappings *m);

struct mapping *mapping_at(struct mappings *m, int32_t i);
const struct mapping_counters *mappings_counters(const struct mappings *m);

/* Ports of a space that are never given out, for somebody else answers there; MAP_CLASSES: all classes. And none of
 * them any more: those that are in use stay so. */
void mappings_reserve(struct mappings *m, uint32_t space, unsigned class, uint16_t lo, uint16_t hi);
void mappings_unreserve(struct mappings *m, uint32_t space);
/* Ports are drawn on from where those before had come to: from the start again they would meet these's flows. */
void mappings_draw_on(struct mappings *m, const struct mappings *before);

/* The worker in whose slice a port or identifier lies: slices are of 64 ports in turn, so that every range has its
 * share of each. */
static inline unsigned port_slice(uint16_t port, unsigned workers) { return workers > 1 ? port / 64u % workers : 0; }
