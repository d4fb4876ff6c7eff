/* The table of routes (vm/judge/routes.h) for stages in the kernel, if programs ask for ways. `routes` is a trie of the
 * prefixes of all views, each with an entry: the number of a way, and above it the rank of the rule that gave it.
 * `route_ways` holds ways by number, `route_rules` the policy rules, those of IPv4 first. Ways have interfaces here,
 * and no gateways. */
#pragma once

#include <stdint.h>

#include "vm/judge/why.h"

enum {
    KERNEL_ROUTES = 1 << 24,  /* prefixes; each takes its memory when it comes */
    KERNEL_ROUTE_WAYS = 1024, /* numbers of ways */
    KERNEL_ROUTE_LEGS = 8,    /* legs of a way, one an interface; a way with more is ROUTE_ASK */
    KERNEL_ROUTE_RULES = 128, /* policy rules of both families */
    KERNEL_ROUTE_FAMILY = 32, /* bits of `family`, which stand before those of the address */
    KERNEL_ROUTE_VIEW = 8,    /* place of the view's number in `family` */
};
/* Numbers of ways without legs. Below them stand those of kind ROUTE_ASK, each at its enum way_why; WAY_TOO_MANY is
 * also that of ways without room. */
enum { KERNEL_WAY_OWN = WAY_WHYS, KERNEL_WAY_REFUSED, KERNEL_WAY_THROW, KERNEL_WAY_FIXED };

/* A prefix, or the address that is looked up. */
struct kernel_route_to {
    uint32_t bits;    /* prefix length, with the bits of `family` */
    uint32_t family;  /* 4 or 6, and the view */
    uint8_t addr[16]; /* in wire order; 0 behind an IPv4 address */
};
struct kernel_route_leg {
    uint32_t up_to;     /* as in struct route_leg */
    uint16_t iface, as; /* as in struct facts_device; both IFACE_NONE: the interface is unknown */
};
struct kernel_route_way {
    uint16_t kind, why; /* as in struct route_way */
    uint32_t legs;
    struct kernel_route_leg leg[KERNEL_ROUTE_LEGS];
};
