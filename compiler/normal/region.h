/* Regions: sets of frames, as lists of disjoint products of the normal form. What a rule leaves of a region, whether
 * rules together cover another, what a change changes: all of it is "this, without that", done exactly.
 *
 * Not every product can be taken away: byte patterns, meters, flows and what else no set of values says have no
 * complement. Such a product is not plain; it may be asked, and answers "may be either". */
#pragma once

#include "compiler/normal/ir.h"

struct region {
    struct ir_product *p; /* disjoint, none empty */
    uint32_t count, cap;
};
void region_init(struct region *r);
void region_fini(struct region *r);
void region_add(struct region *r, const struct ir_product *p);

/* What a computation may still cost: `work` in products and ranges looked at, `pieces` held at once. Once either is
 * gone `spent` is true, and what was computed since is not to be relied on. */
struct region_budget {
    uint64_t work;
    uint32_t pieces;
    bool spent;
};
void region_spend(struct region_budget *budget, uint64_t work);

/* Does each field have a complement, so that what the product leaves can be said? */
bool product_is_plain(const struct ir *ir, const struct ir_product *p);
/* The product with all that makes it not plain left out: every frame of p is one of *out. */
void product_plain_part(const struct ir *ir, const struct ir_product *p, struct ir_product *out);
/* The frames of both. False: there are none. Exact also for products that are not plain, where it can be said; where
 * not (two different lists of active schedules), *out holds more, and *loose is set. */
bool product_and(struct ir *ir, const struct ir_product *a, const struct ir_product *b, struct ir_product *out,
                 bool *loose);
/* Take a product out of the region; it must be plain. Pieces that no frame can be in (a state that the protocol never
 * has) are left out. */
void region_minus(struct ir *ir, struct region *r, const struct ir_product *b, struct region_budget *budget);
/* Every frame there is, ARP and what is not IP too. */
void product_all(struct ir_product *p);
/* A rule's product as what travels in that direction meets it: what this machine sends has one interface, by which it
 * leaves, and what comes in leaves by none. False: it meets none of it. */
bool product_in_direction(struct ir *ir, struct ir_product *p, enum pbc_direction d);
/* What is plain in p for frames of a: what p demands that has no complement, a demands too. False: it does not. */
bool product_plain_beside(const struct ir *ir, const struct ir_product *p, const struct ir_product *a,
                          struct ir_product *out);
/* How large a product is, for sorting: log2 of the part of all headers that it holds, with the number of protocols for
 * a measure: each weighs the same, as do all IPv4 and all IPv6 addresses. 10 bits of a port are 2^-6 of it. */
double product_size(const struct ir *ir, const struct ir_product *p);
