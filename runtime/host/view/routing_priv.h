/* The kernel's routes and rules while they become one table (routing.c) */
#pragma once

#include "runtime/host/host_priv.h"
#include "runtime/host/view/routing.h"

enum { ROUTING_RULES = 64, ROUTING_TABLES = 64 };

/* A table that some rule selects for all packets */
struct routing_table {
    uint32_t table, rank; /* rank of the table's routes: highest for the first rule */
    int longer_than;      /* longest prefix of skipped routes; -1: none are skipped */
    uint8_t family;
    bool refuses; /* no table: the rule refuses all packets that get so far */
};

struct routing {
    struct host *host;
    const unsigned *ifindex; /* one for each port */
    unsigned ports;
    uint32_t most; /* maximum number of routes */
    struct routing_table tables[ROUTING_TABLES];
    struct route_rule rules[ROUTING_RULES];
    unsigned tables_count, rules_count;
    bool any[2];   /* for IPv4, for IPv6: some rule does not fit a struct route_rule */
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

/* Handle a rule: rules come in order, those of a family together */
int policy_learn(struct routing *r, const struct nlmsghdr *nlh);
