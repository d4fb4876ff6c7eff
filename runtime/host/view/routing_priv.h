/* The kernel's routes and rules while they become one table (routing.c) */
#pragma once

#include "runtime/host/host_priv.h"
#include "runtime/host/view/routing.h"

struct routing {
    struct host *host;
    const unsigned *ifindex; /* one for each port */
    unsigned ports;
    uint32_t most; /* maximum number of routes */
    struct route_policy *rules;
    uint32_t rules_count, rules_cap;
    bool has_tos;  /* some IPv4 route is for a single TOS */
    uint32_t seen; /* number of routes that count */
    struct route *routes;
    uint32_t count, cap;
    struct route_way *ways;
    uint32_t ways_count, ways_cap;
    struct route_leg *legs;
    uint32_t legs_count, legs_cap;
    struct route_device *devices; /* outgoing devices of legs; room for all links */
    uint32_t devices_count;
    uint32_t *index; /* hash of ways by content: 1 + number; [index_mask + 1] */
    uint32_t index_mask;
};

/* Handle a rule; call it for a family's rules in order */
int policy_learn(struct routing *r, const struct nlmsghdr *nlh);
bool policy_add(struct routing *r, const struct route_policy *p); /* false: out of memory */

/* Beyond this number, a family's IPsec policies count as one that takes every packet, because policy rules are
 * walked for each. */
enum { IPSEC_POLICIES_MOST = 24 };
/* Fill in IPsec's policies of the family, in order, except those only for vti devices. Return their number. */
uint32_t ipsec_policies(const struct host *h, uint8_t family, struct route_policy policies[IPSEC_POLICIES_MOST]);

/* Return the port of an interface; ROUTE_NO_PORT: not served */
uint8_t routing_port(const struct routing *r, unsigned ifindex);
/* Return 1 + index of a device, added if there is room; 0: unknown, or no room */
uint16_t routing_device(struct routing *r, const struct host_link *link);
