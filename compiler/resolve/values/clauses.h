/* Clauses of a block, most of them at most once, and their values */
#pragma once

#include "compiler/resolve/values/values.h"

/* The clauses of one block, the first of a kind; NULL: absent */
struct clauses {
    const struct node *of[CL_COUNT];
};
/* Find the clauses. Of two equal clauses the first counts, and the second is reported unless the clause may repeat.
 * what: the block, for the message. */
void clauses_find(struct compile *c, const struct node *block, struct clauses *out, const char *what);

/* Return the duration in nanoseconds; `fallback` if the clause is NULL or its value was reported. */
uint64_t clause_duration(struct compile *c, const struct node *clause, uint64_t fallback);
uint32_t clause_number(struct compile *c, const struct node *clause, const struct number_kind *kind, uint32_t fallback);
/* Enter the string in STRINGS; 0 after a report of a zero byte. An empty one is reported, too. */
uint32_t text_without_zero(struct compile *c, const struct node *text);
/* Enter the path of a file in STRINGS, in the same way; a path that ends in `/` is reported. what: the file, as in
 * "a certificate". */
uint32_t path_of_file(struct compile *c, const struct node *path, const char *what);
/* Enter the string of the clause's first child in STRINGS; 0 if the clause is NULL. */
uint32_t clause_string(struct compile *c, const struct node *clause);
/* Read `ports R, …`: ranges from 1 to 65535, at least one; false after a report. port_range_of: one only. */
bool port_ranges_of(struct compile *c, const struct node *clause, struct number_set *ports);
bool port_range_of(struct compile *c, const struct node *clause, uint16_t *lo, uint16_t *hi);

bool addr_is_one_host(const struct addr *a); /* true unless the address is unspecified, multicast or broadcast */
/* Return the span of a clause with its operands; the node's span covers its words only. */
struct span whole_clause(const struct node *clause);
