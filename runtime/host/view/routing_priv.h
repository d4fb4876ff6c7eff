/* The kernel's routes and rules while they become one table (routing.c). */
#pragma once

#include "runtime/host/host_priv.h"
#include "runtime/host/view/routing.h"

enum { ROUTING_RULES = 64, ROUTING_TABLES = 64 };

/* A table that some rule selects for all packets. */
struct routing_table {
    uint32_t table, rank; /* of its routes: the rule's place, the first the highest */
    int longer_than;      /* routes that are no longer do not count; -1: all do */
    uint8_t family;
    bool refuses; /* there is no table: the rule itself refuses all that comes so far */
};

struct routing {
    struct host *host;
    const unsigned *ifindex; /* of the ports */
    unsigned ports;
    uint32_t most; /* routes */
    struct routing_table tables[ROUTING_TABLES];
    struct route_rule rules[ROUTING_RULES];
    unsigned tables_count, rules_count;
    bool any[2];   /* of IPv4, of IPv6: rules ask what no struct route_rule says */
    uint32_t seen; /* routes that count */
    struct route *routes;
    uint32_t count, cap;
    struct route_way *ways;
    uint32_t ways_count, ways_cap;
    struct route_leg *legs;
    uint32_t legs_count, legs_cap;
    struct route_device *devices; /* that legs lead by; room for all links */
    uint32_t devices_count;
    uint32_t *index; /* of ways by their content: 1 + its number; [index_mask + 1] */
    uint32_t index_mask;
};

/* Take in a rule: rules come in their order, those of a family one after the other. */
int policy_learn(struct routing *r, const struct nlmsghdr *nlh);
