/* Routes: the longest prefix that holds an address, and the next hop of a packet. The table is a snapshot that others
 * make, immutable and counted. Its prefixes are cut into disjoint ranges, in order, so that it is searched like sets
 * (set_index.h). All but the search index lies in one block without pointers, which can be recorded or copied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/judge/route_share.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/pbc.h"
#include "vm/program/program.h"

/* ROUTE_SOME_PORT: only in a question: the packet came by an unknown port, so every rule with a port fits. */
enum { ROUTE_NO_PORT = 0xff, ROUTE_SOME_PORT = 0xfe, ROUTE_LEGS_MOST = 256, ROUTE_DEVICES_MOST = UINT16_MAX };

enum route_kind {
    ROUTE_ASK,     /* the table cannot tell: the kernel is asked for each packet's way */
    ROUTE_VIA,     /* by one of the legs */
    ROUTE_OWN,     /* this machine itself */
    ROUTE_REFUSED, /* nowhere: no route, or one that refuses */
    ROUTE_KINDS,
};
/* One of the ways to a place. Addresses: as in struct key. */
struct route_leg {
    uint32_t gateway[4]; /* next hop; family 0: the packet's destination */
    uint32_t mtu;        /* most bytes of an IP packet */
    uint32_t up_to;      /* packets take the first leg whose up_to is not below their hash; the last has UINT32_MAX */
    uint8_t family;      /* family of the gateway: 4, 6 (also for an IPv4 way: RFC 8950), 0: none */
    uint8_t port;        /* index of the interface among those served; ROUTE_NO_PORT: not served */
    uint16_t device;     /* 1 + index among the table's devices; 0: unknown */
};
/* An interface that routes lead to, served or not. */
struct route_device {
    uint32_t ifindex; /* 0: the name alone is known */
    char name[16];    /* the kernel's name, ended by NUL */
};
struct route_way {
    uint32_t first; /* index of its first leg */
    uint16_t legs;
    uint8_t kind, zero; /* enum route_kind; legs: with ROUTE_VIA alone, and at least one */
};
/* Conditions of a policy rule. A packet that meets them gets ROUTE_ASK. */
struct route_rule {
    uint32_t from[4], to[4];
    uint8_t family, from_bits, to_bits;
    uint8_t in; /* port by which the packet came; ROUTE_NO_PORT: any, or none */
};

struct routes_size {
    uint32_t ranges4, ranges6, ways, legs, rules, devices;
};
struct routes {
    uint64_t number; /* number of this table; later tables have higher numbers */
    unsigned refs;   /* counted by one thread, which makes and frees it */
    struct routes_size size;
    /* within the block: */
    struct pbc_range6 *range6;
    struct pbc_range *range4;
    uint32_t *way6, *way4; /* [ranges] of each family: index in ways */
    struct route_way *ways;
    struct route_leg *legs;
    struct route_rule *rules;
    struct route_device *devices;
    size_t bytes; /* size of the block, which begins at range6 */
    const uint32_t *lookup;
    uint64_t lookup_bytes;
};

size_t routes_bytes(const struct routes_size *size); /* bytes of a block for that size; SIZE_MAX: beyond all bounds */
/* Return a table of that size, all zero, with one reference. NULL: out of memory, or the size is beyond all bounds. */
struct routes *routes_alloc(const struct routes_size *size);
/* Close a table that is filled: check that it may be searched (order, bounds), and make the search index. Return 0,
 * -EINVAL or -ENOMEM. `ports`: number of ports that legs may name. */
int routes_close(struct routes *r, unsigned ports);
struct routes *routes_get(struct routes *r);
void routes_put(struct routes *r); /* NULL is allowed */

/* A route of a kernel's table. */
struct route {
    uint32_t to[4];
    uint8_t family, bits;
    uint32_t rank;   /* routes that hold an address: the highest rank counts; among equals the longest prefix */
    uint32_t metric; /* the same: then the lowest metric; then, in IPv4 the first route, in IPv6 ROUTE_ASK */
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
/* Make a table. For n routes the time grows with n log n. NULL: out of memory, or a value is not allowed. */
struct routes *routes_new(const struct routes_said *said, unsigned ports);

/* A question about an address, of family 4 or 6. in: as in a rule, or ROUTE_SOME_PORT. */
struct route_query {
    const uint32_t *to, *from;
    uint8_t family, in;
};
/* Return the way; never NULL. */
const struct route_way *routes_find(const struct routes *r, const struct route_query *q);
/* Return the leg for that hash among those by `port` (ROUTE_NO_PORT: among all); NULL: none. Shares are kept only among
 * all legs. */
const struct route_leg *routes_leg(const struct routes *r, const struct route_way *way, uint32_t hash, uint8_t port);

/* A list of routes as people write them, for a table (routes.h): devices are names. */

enum { ROUTE_LIST_MOST = 1 << 20 }; /* most routes of a list */

/* One way of a route: by a device, with its share of packets. */
struct route_hop {
    char device[16]; /* "": unknown, and so is the way */
    uint32_t weight; /* 1 or more */
};
/* A route of the list. `to`, `family`, `bits`, `rank` and `metric` as in struct route. */
struct route_entry {
    struct route route;
    uint8_t kind;  /* enum route_kind */
    unsigned hops; /* with ROUTE_VIA: 1 to ROUTE_LEGS_MOST */
    const struct route_hop *hop;
};

/* The list. All zero: empty. */
struct route_list {
    struct route *routes;
    struct route_way *ways;
    struct route_leg *legs;
    struct route_device *devices;
    uint32_t count, ways_count, legs_count, devices_count;
    uint32_t routes_room, ways_room, legs_room, devices_room;
    uint32_t *named; /* [named_room], a power of two: 1 + the index of a device, by the hash of its name; 0: none */
    uint32_t named_room;
    uint64_t seed; /* key of that hash, for a file's names may be chosen to collide. Set by the caller, while the list
                      is empty */
};

/* Add a route. Return 0; or, with the routes unchanged, -ENOSPC past ROUTE_LIST_MOST routes or ROUTE_DEVICES_MOST
 * devices, or -ENOMEM. */
int route_list_add(struct route_list *l, const struct route_entry *e);
/* Add a route in place of all earlier ones for its prefix, in a time that grows with the list. The ways of the
 * replaced routes stay until the list's end. */
int route_list_set(struct route_list *l, const struct route_entry *e);
/* Make a table; the list does not change. NULL: out of memory. */
struct routes *route_list_table(const struct route_list *l);
void route_list_fini(struct route_list *l);

/* Return the devices of a table in a program, for struct facts: frames of a device have its id in rules. malloc'd,
 * [r->size.devices] and one more; NULL: out of memory. */
struct facts_device *route_devices(const struct routes *r, const struct program *p);
