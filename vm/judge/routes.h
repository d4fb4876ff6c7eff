/* Routes: the longest prefix that holds an address, the policy rules that choose the table, and the next hop of a
 * packet. The table is an immutable, counted snapshot. Its prefixes are cut into disjoint ranges, in order, so that
 * it is searched like sets (set_index.h). Tables that rules select for all packets are merged: one search gives the
 * combined result, with the rank of its rule. Rules with conditions are in a list, each with a view, the ranges of
 * its table; those that come before that rank are tried first. All but the search index is in one block without
 * pointers, which can be recorded or copied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/judge/route_rule.h"
#include "vm/judge/route_share.h"
#include "vm/judge/why.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"
#include "vm/program/program.h"

enum { ROUTE_NO_PORT = 0xff, ROUTE_LEGS_MOST = 256, ROUTE_DEVICES_MOST = UINT16_MAX };
enum {
    ROUTE_RULES_MOST = 64,
    ROUTE_VIEWS_MOST = 64
}; /* rules of a family; views of a table, besides the merged tables */

enum route_kind {
    ROUTE_ASK,     /* the table cannot know: the kernel is asked for each packet's way */
    ROUTE_VIA,     /* out by one of the legs */
    ROUTE_OWN,     /* to this machine itself */
    ROUTE_REFUSED, /* nowhere: no route, or one that refuses */
    ROUTE_THROW,   /* the next rule gives the way; only a route has this kind, never a result */
    ROUTE_KINDS,
};
/* One of several ways to a destination. Addresses as in struct key. */
struct route_leg {
    uint32_t gateway[4]; /* next hop; family 0: the packet's destination */
    uint32_t mtu;        /* most bytes of an IP packet on this leg */
    uint32_t up_to;      /* packets take the first leg whose up_to is not below their hash; the last has UINT32_MAX */
    uint8_t family;      /* family of the gateway: 4, 6 (also for an IPv4 way: RFC 8950), 0: none */
    uint8_t port;        /* index of the interface among those served; ROUTE_NO_PORT: not served */
    uint16_t device;     /* 1 + index among the table's devices; 0: unknown */
};
/* An interface that routes lead to, served or not. */
struct route_device {
    uint32_t ifindex; /* 0: only the name is known */
    char name[16];    /* the kernel's name, ended by NUL */
};
struct route_way {
    uint32_t first; /* index of the way's first leg */
    uint16_t legs;
    uint8_t kind, why; /* enum route_kind, enum way_why; legs: with ROUTE_VIA only, and at least one */
};
/* The ranges of a view. */
struct route_view {
    uint32_t first4, count4, first6, count6;
};

struct routes_size {
    uint32_t ranges4, ranges6, ways, legs, rules4, rules6, views, devices;
};
/* The entry of a range: the index of its way, and above it the rank of the rule that gave it; no rule has
 * ROUTE_RANK_NONE. */
enum { ROUTE_RANK_SHIFT = 24, ROUTE_WAY_MASK = (1 << ROUTE_RANK_SHIFT) - 1, ROUTE_RANK_NONE = 255 };
struct routes {
    uint64_t number; /* number of this table; later tables have higher numbers */
    unsigned refs;   /* counted by one thread, which makes and frees it */
    struct routes_size size;
    /* arrays within the block: */
    struct pbc_range6 *range6;
    struct pbc_range *range4;
    uint32_t *way6, *way4; /* [ranges] of each family: entry of each range */
    struct route_way *ways;
    struct route_leg *legs;
    struct route_rule *rules; /* IPv4's first; each family's in order */
    struct route_view *views; /* views[0]: the merged tables */
    struct route_device *devices;
    size_t bytes; /* size of the block, which begins at range6 */
    const uint32_t *lookup;
    uint64_t lookup_bytes;
};

size_t routes_bytes(const struct routes_size *size); /* bytes of a block of that size; SIZE_MAX: above the bounds */
/* Return a table of that size, all zero, with one reference. NULL: out of memory, or the size is above the bounds. */
struct routes *routes_alloc(const struct routes_size *size);
/* Complete a filled table: check that it may be searched (order, bounds), and make the search index. Return 0,
 * -EINVAL or -ENOMEM. `ports`: number of ports that legs may name. */
int routes_close(struct routes *r, unsigned ports);
struct routes *routes_get(struct routes *r);
void routes_put(struct routes *r); /* NULL is allowed */

/* A route of a kernel's table. */
struct route {
    uint32_t to[4];
    uint8_t family, bits;
    uint32_t table;
    uint32_t metric; /* the lowest counts among equal prefixes of a table; among equal metrics, in IPv4 the first route
                        counts, in IPv6 ROUTE_ASK unless both have the same legs */
    uint32_t way;    /* index in `ways`; 0 is ROUTE_ASK */
};
/* A policy rule of the kernel, in order: its place among those of its family is its rank. */
struct route_policy {
    struct route_rule rule; /* conditions; `does` and `why`. The table's maker sets the rest */
    uint32_t table;         /* number of the table, with ROUTE_LOOKS_UP */
    uint32_t mark, mask;    /* mark and its mask, with ROUTE_ASKS_MARK */
    int suppressed;         /* routes with prefixes of that length, or shorter, are ignored; -1: no route is */
    uint32_t priority;
    uint32_t target; /* with ROUTE_GOES_TO: priority of the next rule to try; if that rule is missing, this one has
                      * no effect */
};
struct routes_said {
    const struct route *routes; /* the routes, in any order */
    const struct route_way *ways;
    const struct route_leg *legs;
    const struct route_policy
        *rules; /* packets of a family without any rules have no way (ROUTE_REFUSED), as in Linux */
    const struct route_device *devices;
    uint32_t count, ways_count, legs_count, rules_count, devices_count;
};
/* Make a table. For n routes the time grows with n log n, times the views that have them. With more rules or views
 * than a table holds, each way of the family is ROUTE_ASK. NULL: out of memory, or an invalid value. */
struct routes *routes_new(const struct routes_said *said, unsigned ports);

/* A look-up of an address, of family 4 or 6. */
struct route_query {
    const uint32_t *to, *from;
    const struct key *key;              /* the packet's other fields; NULL: rules that ask for them do not fit */
    const struct facts_device *devices; /* [size.devices]: `in` is the id of an interface, as in struct pkt; NULL:
                                         * `in` is a port, as in struct route_leg */
    uint16_t in; /* interface by which the packet came; ROUTE_IN_UNKNOWN; ROUTE_IN_NONE: this machine sends it */
    uint8_t family;
    bool returns; /* the ports of `key` are swapped */
    bool marked;  /* the packet may have any mark; else it has none */
    bool iface;   /* only the interface counts: ways by the same interface are equal, whatever their next hops */
};
/* True if rules of the family ask for fields of a packet. */
static inline bool routes_have_rules(const struct routes *r, uint8_t family)
{
    return family == 4 ? r->size.rules4 : r->size.rules6;
}
/* Return the way, never ROUTE_THROW; never NULL. */
const struct route_way *routes_find(const struct routes *r, const struct route_query *q);
/* True if a forwarded packet's way may be unknown: there is no table, or one with undecidable rules or ways, or with
 * legs by several ports, among which the host chooses. */
bool routes_may_hide(const struct routes *r);
/* Return the leg for that hash among those by `port` (ROUTE_NO_PORT: among all); NULL: none. Shares apply only among
 * all legs. */
const struct route_leg *routes_leg(const struct routes *r, const struct route_way *way, uint32_t hash, uint8_t port);

/* ways.c: return whether the packet's source is reached by the interface that it came by, which is not served:
 * `came` is its id in rules, IFACE_OTHER for an unnamed one; IFACE_NONE: unknown. f NULL: no facts. */
enum pkt_source ways_source(const struct facts *f, const struct key *key, uint16_t came);

/* A list of routes as people write them, for a table (routes.h): devices are names. */

enum { ROUTE_LIST_MOST = 1 << 20, ROUTE_LIST_RULES = 512 }; /* most routes, and policy rules, of a list */
/* Numbers of tables. That of ROUTE_LIST_FIRST comes before all others. */
enum { ROUTE_LIST_FIRST = 0, ROUTE_TABLE_DEFAULT = 253, ROUTE_TABLE_MAIN = 254, ROUTE_TABLE_LOCAL = 255 };

/* One way of a route: by a device, with its share of packets. */
struct route_hop {
    char device[16]; /* "": unknown, and so is the way */
    uint32_t weight; /* weight of the hop, 1 or more */
};
/* A route of the list. `to`, `family`, `bits`, `table` and `metric` as in struct route. */
struct route_entry {
    struct route route;
    uint8_t kind, why; /* enum route_kind, enum way_why */
    unsigned hops;     /* with ROUTE_VIA: 1 to ROUTE_LEGS_MOST */
    const struct route_hop *hop;
};

/* A list of routes. All zero: empty. */
struct route_list {
    struct route *routes;
    struct route_policy *rules;
    struct route_way *ways;
    struct route_leg *legs;
    struct route_device *devices;
    uint32_t count, rules_count, ways_count, legs_count, devices_count;
    uint32_t routes_room, rules_room, ways_room, legs_room, devices_room;
    uint32_t *named; /* [named_room], a power of two: 1 + the index of a device, by the hash of its name; 0: none */
    uint32_t named_room;
    uint64_t seed; /* key of that hash, because a file's names may be chosen to collide. Set by the caller, while the
                    * list is empty */
};

/* Add a route. Return 0; or, with the routes unchanged, -ENOSPC past ROUTE_LIST_MOST routes or ROUTE_DEVICES_MOST
 * devices, or -ENOMEM. */
int route_list_add(struct route_list *l, const struct route_entry *e);
/* Add a route in place of all earlier ones for its prefix, in time proportional to the list. The ways of the
 * replaced routes stay until the list is freed. */
int route_list_set(struct route_list *l, const struct route_entry *e);
/* Add a policy rule behind those of its family. device: the interface of arrival, "": any. A family without rules has
 * the usual three. Errors as above. */
int route_list_rule(struct route_list *l, const struct route_policy *p, const char *device);
/* Make a table; the list does not change. NULL: out of memory. */
struct routes *route_list_table(const struct route_list *l);
void route_list_fini(struct route_list *l);

/* Return the devices of a table in a program, for struct facts: frames of a device have its id in rules. malloc'd,
 * [r->size.devices + 1]; NULL: out of memory. */
struct facts_device *route_devices(const struct routes *r, const struct program *p);
