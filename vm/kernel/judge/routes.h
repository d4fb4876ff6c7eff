/* The table of routes (vm/judge/routes.h) for the judge in the kernel, if programs ask for ways. `routes` is a trie of
 * prefixes, each with the number of a way; `route_ways` holds ways by number; a packet that fits any of `route_rules`
 * has no known way. Ways have interfaces here, and no gateways. */
#pragma once

#include <stdint.h>

enum {
    KERNEL_ROUTES = 1 << 24,  /* prefixes; each takes its memory when it comes */
    KERNEL_ROUTE_WAYS = 1024, /* way 0 is ROUTE_ASK, and stands for ways without room */
    KERNEL_ROUTE_LEGS = 8,    /* legs of a way, one an interface; a way with more is ROUTE_ASK */
    KERNEL_ROUTE_RULES = 64,  /* policy rules; with more, every way is ROUTE_ASK */
    KERNEL_ROUTE_FAMILY = 32, /* bits of `family`, which stand before those of the address */
};

/* A prefix, or the address that is looked up. */
struct kernel_route_to {
    uint32_t bits; /* prefix length, with the bits of `family` */
    uint32_t family;
    uint8_t addr[16]; /* in wire order; 0 behind an IPv4 address */
};
struct kernel_route_leg {
    uint32_t up_to;     /* as in struct route_leg */
    uint16_t iface, as; /* as in struct facts_device; both IFACE_NONE: the interface is unknown */
};
struct kernel_route_way {
    uint32_t kind, legs; /* as in struct route_way */
    struct kernel_route_leg leg[KERNEL_ROUTE_LEGS];
};
