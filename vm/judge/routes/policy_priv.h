/* Policy rules of one family while a table is made (policy.c). */
#pragma once

#include "vm/judge/routes.h"

enum { POLICY_USES = 128 };

/* A table that a rule looks up. */
struct policy_use {
    uint32_t table;
    int suppressed; /* as in struct route_policy */
    bool refuses;   /* there is no table: packets that get here are refused */
    uint8_t rank;   /* merged tables: rank of the rule, ascending */
    uint8_t view;   /* view of the table; 0: the merged tables */
};
struct policy {
    struct policy_use uses[POLICY_USES];
    struct route_rule rules[ROUTE_RULES_MOST];
    uint32_t said[ROUTE_RULES_MOST]; /* index of each rule among the rules given (struct routes_said) */
    unsigned uses_count, rules_count, views;
    uint8_t family;
};

/* Arrange the rules of a family. first: number of the first view of the list, 1 or more. */
void policy_make(struct policy *p, const struct routes_said *said, uint8_t family, unsigned first);
