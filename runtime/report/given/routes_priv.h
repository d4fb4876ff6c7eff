/* Reading of routes and policy rules as `ip` prints them (given_routes.c, policy.c). */
#pragma once

#include "runtime/report/given/given_routes.h"
#include "vm/judge/routes.h"

enum { SECTIONS_MOST = 64, RULES_MOST = ROUTE_LIST_RULES - 4 };
/* A section of rules: all of one family, which their first line does not show. */
struct rules_section {
    uint8_t family;   /* family of the rules; 0: no rule has shown it yet */
    const char *file; /* place of the section's first rule */
    unsigned line;
};
/* A policy rule of a file. */
struct rule_read {
    struct route_policy policy;
    char device[16]; /* interface of arrival; "": any */
    unsigned section;
};

struct reading {
    struct route_list list;
    struct given_addresses *addresses;
    char *err;
    size_t err_len;
    const char *file; /* file that is read, and the line in it */
    unsigned line;
    struct route_hop hops[ROUTE_LEGS_MOST];
    struct route_entry entry; /* route of the lines so far, not added yet; hop NULL: none */
    unsigned began;           /* line at which `entry` began */
    bool left_out;            /* ignore the route: it is dead, or for some packets only */
    bool hops_left_out;       /* some hops of the route do not count */
    bool has_tos;             /* some route is for one TOS only */
    bool in_rules;            /* the previous line was a rule's */
    uint32_t priority;        /* priority of the previous rule */
    unsigned sections_count;
    struct rules_section sections[SECTIONS_MOST];
    struct rule_read rules[RULES_MOST];
    unsigned rules_count;
    char (*tables)[32]; /* names of tables, numbered from TABLE_NAMED on */
    uint32_t tables_count;
};
enum { TABLES_MOST = 1024 };

/* Write a fault about a word ("": about the line). Return -EINVAL. */
int routes_fault(struct reading *r, const char *what, const char *word);
/* Read the number of a word. False: not a number, or above `most`. */
bool routes_number(const char *word, uint32_t most, uint32_t *value);
/* Read an address or a prefix; `default` means all of `family`, which is used only for that. */
bool routes_prefix(const char *s, size_t len, uint8_t family, struct route *to);
/* Find the number of a table. Return 0, or a negative errno with the fault. */
int routes_table(struct reading *r, const char *name, uint32_t *table);

/* True if the word begins a line of `ip rule`. */
bool policy_begins(const char *word);
/* Read a line of `ip rule`. */
int policy_read(struct reading *r, char *const words[], unsigned count);
/* Add the rules of all files, whose routes must be read already, to the list. Return 0, or a negative errno with the
 * fault. */
int policy_close(struct reading *r);
