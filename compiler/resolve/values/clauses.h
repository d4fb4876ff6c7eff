/* Clauses of a block, each at most once, and their values. */
#pragma once

#include "compiler/resolve/values/values.h"

/* The clauses of one block; NULL where one does not stand. */
struct clauses {
    const struct node *of[CL_COUNT];
};
/* Find them; one that stands twice is reported, and the first counts. `what`: the block, for the message. */
void clauses_find(struct compile *c, const struct node *block, struct clauses *out, const char *what);

/* The duration, in nanoseconds; `fallback` where the clause is NULL or its value was reported. */
uint64_t clause_duration(struct compile *c, const struct node *clause, uint64_t fallback);
uint32_t clause_number(struct compile *c, const struct node *clause, const struct number_kind *kind, uint32_t fallback);
/* A string of the clause's first child as an entry of STRINGS; 0 where the clause is NULL. */
uint32_t clause_string(struct compile *c, const struct node *clause);
/* `ports R`: one range from 1 to 65535; false after a report. */
bool port_range_of(struct compile *c, const struct node *clause, uint16_t *lo, uint16_t *hi);

bool addr_is_one_host(const struct addr *a); /* neither unspecified nor multicast nor broadcast */
/* Of a clause with its operands; its own span is its words alone. */
struct span whole_clause(const struct node *clause);
