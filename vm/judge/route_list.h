/* Routes one after the other, as somebody writes them down, for a table of them (routes.h): devices are names. */
#pragma once

#include "vm/judge/routes.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

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
