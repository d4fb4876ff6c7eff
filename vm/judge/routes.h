/* Routes: the longest prefix that holds an address, and whom a packet goes to next. The table is a snapshot that others
 * make, immutable and counted; its prefixes are cut into ranges that lie apart, in order, so that it is searched as
 * sets are (set_index.h). All but the search lies in one block without pointers, for who records it or copies it
 * elsewhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/judge/route_share.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/pbc.h"
#include "vm/program/program.h"

/* ROUTE_SOME_PORT: of a question alone, it came by one and nobody says which, so every rule that asks for one fits. */
enum { ROUTE_NO_PORT = 0xff, ROUTE_SOME_PORT = 0xfe, ROUTE_LEGS_MOST = 256, ROUTE_DEVICES_MOST = UINT16_MAX };

enum route_kind {
    ROUTE_ASK,     /* the table cannot say: the kernel is asked for each packet's way */
    ROUTE_VIA,     /* by one of the legs */
    ROUTE_OWN,     /* this machine itself */
    ROUTE_REFUSED, /* nowhere: no route, or one that says so */
    ROUTE_KINDS,
};
/* One of the ways to a place. Addresses are as in struct key. */
struct route_leg {
    uint32_t gateway[4]; /* whose MAC a packet gets; of family 0 its destination's */
    uint32_t mtu;        /* bytes of an IP packet */
    uint32_t up_to;      /* packets take the first leg whose word is not below their hash; of the last UINT32_MAX */
    uint8_t family;      /* of the gateway: 4, 6 (for an IPv4 way, too: RFC 8950), 0: none */
    uint8_t port;        /* index of the interface among those that are served; ROUTE_NO_PORT: it is none of them */
    uint16_t device;     /* 1 + its index among the table's devices; 0: not told */
};
/* An interface that routes lead by, whether it is served or not. */
struct route_device {
    uint32_t ifindex; /* 0: it is a name alone */
    char name[16];    /* as the kernel has it, ended by NUL */
};
struct route_way {
    uint32_t first; /* of its legs */
    uint16_t legs;
    uint8_t kind, zero; /* enum route_kind; legs: of ROUTE_VIA alone, and at least one */
};
/* What a policy rule asks of a packet beyond its destination. Whatever one fits is ROUTE_ASK. */
struct route_rule {
    uint32_t from[4], to[4];
    uint8_t family, from_bits, to_bits;
    uint8_t in; /* the port that it came by; ROUTE_NO_PORT: any, or none */
};

struct routes_size {
    uint32_t ranges4, ranges6, ways, legs, rules, devices;
};
struct routes {
    uint64_t number; /* of this table; a later one has a higher */
    unsigned refs;   /* of one thread, which makes and frees it */
    struct routes_size size;
    /* within the block: */
    struct pbc_range6 *range6;
    struct pbc_range *range4;
    uint32_t *way6, *way4; /* [ranges] of each: an index in ways */
    struct route_way *ways;
    struct route_leg *legs;
    struct route_rule *rules;
    struct route_device *devices;
    size_t bytes; /* of the block, which begins at range6 */
    const uint32_t *lookup;
    uint64_t lookup_bytes;
};

size_t routes_bytes(const struct routes_size *size); /* of a block of that size; SIZE_MAX: past all bounds */
/* Room for so much, all zero, with one reference. NULL: memory is out, or the size is past all bounds. */
struct routes *routes_alloc(const struct routes_size *size);
/* It is filled: look whether it may be searched (order, bounds), and make what the search needs. 0, -EINVAL or
 * -ENOMEM. `ports`: ports that legs may name. */
int routes_close(struct routes *r, unsigned ports);
struct routes *routes_get(struct routes *r);
void routes_put(struct routes *r); /* also of NULL */

/* A route as a kernel's table has it. */
struct route {
    uint32_t to[4];
    uint8_t family, bits;
    uint32_t rank;   /* where two hold an address, the one of the higher rank counts; of one rank, the longer */
    uint32_t metric; /* where both are equal, the lower; then, of IPv4, the one that comes first, of IPv6 ROUTE_ASK */
    uint32_t way;    /* index in ways; 0 is ROUTE_ASK */
};
struct routes_said {
    const struct route *routes; /* in any order */
    const struct route_way *ways;
    const struct route_leg *legs;
    const struct route_rule *rules;
    const struct route_device *devices;
    uint32_t count, ways_count, legs_count, rules_count, devices_count;
};
/* n log n in the routes. NULL: memory is out, or it says what may not be. */
struct routes *routes_new(const struct routes_said *said, unsigned ports);

/* Who asks, of family 4 or 6. in: as in a rule, or ROUTE_SOME_PORT. */
struct route_query {
    const uint32_t *to, *from;
    uint8_t family, in;
};
/* Never NULL. */
const struct route_way *routes_find(const struct routes *r, const struct route_query *q);
/* The leg for that hash, of those by `port` (ROUTE_NO_PORT: of all) if there are any; else NULL. Shares are kept among
 * all legs alone. */
const struct route_leg *routes_leg(const struct routes *r, const struct route_way *way, uint32_t hash, uint8_t port);

/* Routes one after the other, as somebody writes them down, for a table of them (routes.h): devices are names. */

enum { ROUTE_LIST_MOST = 1 << 20 }; /* routes of a list */

/* One way of a route: by a device, with a share of what goes there. */
struct route_hop {
    char device[16]; /* "": not told, so that nobody knows the way */
    uint32_t weight; /* 1 or more */
};
/* `to`, `family`, `bits`, `rank` and `metric` as in struct route. */
struct route_entry {
    struct route route;
    uint8_t kind;  /* enum route_kind */
    unsigned hops; /* of ROUTE_VIA: 1 to ROUTE_LEGS_MOST */
    const struct route_hop *hop;
};

/* All zero: empty. */
struct route_list {
    struct route *routes;
    struct route_way *ways;
    struct route_leg *legs;
    struct route_device *devices;
    uint32_t count, ways_count, legs_count, devices_count;
    uint32_t routes_room, ways_room, legs_room, devices_room;
    uint32_t *named; /* [named_room], a power of two: 1 + the index of a device, by its name's hash; 0: none */
    uint32_t named_room;
    uint64_t seed; /* of that hash: names of a file may be chosen to meet. The caller's; only of an empty list may it
                      change */
};

/* 0, -ENOSPC past ROUTE_LIST_MOST routes or ROUTE_DEVICES_MOST devices, -ENOMEM. */
int route_list_add(struct route_list *l, const struct route_entry *e);
/* Of one prefix: an entry takes the place of those before it. */
int route_list_set(struct route_list *l, const struct route_entry *e);
/* The table; NULL: memory is out. The list stays as it is. */
struct routes *route_list_table(const struct route_list *l);
void route_list_fini(struct route_list *l);

/* The devices of a table in a program, for struct facts: frames of a device come by the id that rules know it by.
 * malloc'd, [r->size.devices] and one more; NULL: memory is out. */
struct facts_device *route_devices(const struct routes *r, const struct program *p);
