/* Sets of addresses of both families, and their algebra: sorted, disjoint, non-adjacent inclusive ranges */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler/image/span.h"
#include "lang/tree/value.h"

struct range4 {
    uint32_t lo, hi;
};
struct range6 {
    u128 lo, hi;
};

struct ranges4 {
    struct range4 *r;
    size_t n, cap;
};
struct ranges6 {
    struct range6 *r;
    size_t n, cap;
};

/* A set; zero-initialised it is empty. Between set_add* and set_normalise the ranges have any order and may overlap;
 * all other functions need them normal.
 *
 * A set that depends on live sets is split by the first of them. Its halves are its members if that live set has the
 * address, and its members if not. Its ranges are then all its possible members. */
struct set_split;
struct addr_set {
    struct ranges4 v4;
    struct ranges6 v6;
    struct set_split *split; /* NULL: the ranges are the set */
};
struct set_split {
    uint32_t live; /* index of the live set in the image */
    struct addr_set in, out;
};

void set_fini(struct addr_set *s);

uint32_t addr_v4(const struct addr *a);
u128 addr_v6(const struct addr *a);

void set_add4(struct addr_set *s, uint32_t lo, uint32_t hi);
void set_add6(struct addr_set *s, u128 lo, u128 hi);
/* Add a range of one family; hi is not below lo. */
void set_add(struct addr_set *s, const struct addr *lo, const struct addr *hi);
void set_add_all(struct addr_set *s);
void set_add_set(struct addr_set *s, const struct addr_set *from);
/* Fill the empty `s` with the members of a live set, all of which are in `within`. */
void set_of_live(struct addr_set *s, uint32_t live, const struct addr_set *within);

/* Sort and merge, n log n. Returns the number of ranges that were inside another. */
size_t set_normalise(struct addr_set *s);

/* Compute the union, intersection or difference. `out` is empty before and normal afterwards. Time is linear in the
 * ranges of both. */
void set_union(struct addr_set *out, const struct addr_set *a, const struct addr_set *b);
void set_and(struct addr_set *out, const struct addr_set *a, const struct addr_set *b);
void set_except(struct addr_set *out, const struct addr_set *a, const struct addr_set *b);

/* True if it holds for any content of live sets; set_overlaps: true if it holds for some content. */
bool set_is_empty(const struct addr_set *s);
bool set_is_all(const struct addr_set *s);
bool set_overlaps(const struct addr_set *a, const struct addr_set *b);
bool set_within(const struct addr_set *inner, const struct addr_set *outer); /* true also for equal sets */
bool set_holds(const struct addr_set *s, const struct addr *lo, const struct addr *hi);
size_t set_size(const struct addr_set *s); /* return the number of ranges of both families, of all parts */

/* Return the ends of a prefix in lo and hi; false if bits past its length are set in `a` (lo and hi are set anyway). */
bool prefix_ends(const struct addr *a, unsigned len, struct addr *lo, struct addr *hi);
int addr_compare(const struct addr *a, const struct addr *b); /* compare two addresses of one family */
