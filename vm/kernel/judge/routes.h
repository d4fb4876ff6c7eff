/* The table of routes (vm/judge/routes.h) as the judge in the kernel has it, for programs that ask for ways: `routes`,
 * a trie of prefixes, each with the number of a way; `route_ways`, by that number; `route_rules`, rules of which any
 * that fits makes the way unknown. What processes know of gateways is not here: only by which interfaces it goes. */
#pragma once

#include <stdint.h>

enum {
    KERNEL_ROUTES = 1 << 24,  /* prefixes; they take memory as they come */
    KERNEL_ROUTE_WAYS = 1024, /* way 0 is ROUTE_ASK; what finds no room is, too */
    KERNEL_ROUTE_LEGS = 8,    /* of a way, one an interface; more make it ROUTE_ASK */
    KERNEL_ROUTE_RULES = 64,  /* more make every way ROUTE_ASK */
    KERNEL_ROUTE_FAMILY = 32, /* bits before those of the address */
};

/* A prefix, or the address that is looked up. */
struct kernel_route_to {
    uint32_t bits; /* from `family` on */
    uint32_t family;
    uint8_t addr[16]; /* as in a packet; behind an IPv4 address 0 */
};
struct kernel_route_leg {
    uint32_t up_to;     /* as in struct route_leg */
    uint16_t iface, as; /* as in struct facts_device; both IFACE_NONE: it is not told by which one it leads */
};
struct kernel_route_way {
    uint32_t kind, legs; /* as in struct route_way */
    struct kernel_route_leg leg[KERNEL_ROUTE_LEGS];
};
