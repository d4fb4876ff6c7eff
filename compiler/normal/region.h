/* Regions: sets of frames, as lists of disjoint products of the normal form. The rest of a region behind a rule,
 * covers of rules, effects of a change: all are "this, without that", computed exactly.
 *
 * Not every product can be subtracted: byte patterns, meters, flows and other fields without sets of values have no
 * complement. Such a product is not plain; a test of it may have no certain result. */
#pragma once

#include "compiler/normal/ir.h"

struct region {
    struct ir_product *p; /* disjoint, none empty */
    uint32_t count, cap;
};
void region_init(struct region *r);
void region_fini(struct region *r);
void region_add(struct region *r, const struct ir_product *p);
/* Add the frames of both products, or all of `a` if these can't be known exactly (product_and). */
void region_add_both(struct ir *ir, const struct ir_product *a, const struct ir_product *b, struct region *out);

/* Budget of a computation: `work` in products and ranges looked at, `parts` held at once. If either is used up,
 * `spent` is true, and later results are unreliable. */
struct region_budget {
    uint64_t work;
    uint32_t parts;
    bool spent;
};
void region_spend(struct region_budget *budget, uint64_t work);

/* True if each field has a complement, so that the product can be subtracted. */
bool product_is_plain(const struct ir *ir, const struct ir_product *p);
/* Make the product plain by leaving out demands: every frame of p is in *out. */
void product_plain_part(const struct ir *ir, const struct ir_product *p, struct ir_product *out);
/* Intersect two products. False: no frames. Exact also for products that are not plain, if possible; otherwise (two
 * different lists of active schedules) *out holds more, and *loose is set. */
bool product_and(struct ir *ir, const struct ir_product *a, const struct ir_product *b, struct ir_product *out,
                 bool *loose);
/* Subtract a product, which must be plain, from the region. Impossible parts (a state that the protocol never has) are
 * left out. */
void region_minus(struct ir *ir, struct region *r, const struct ir_product *b, struct region_budget *budget);
/* Make the product of every frame, including ARP and other frames that are not IP. */
void product_all(struct ir_product *p);
/* Narrow a rule's product to traffic of that direction: this machine's packets have one interface, by which they
 * leave; packets for this machine leave by none. False: it holds no such packets. */
bool product_in_direction(struct ir *ir, struct ir_product *p, enum pbc_direction d);
/* Find p's plain part for frames of a. False: p has a demand without a complement that a does not share. */
bool product_plain_beside(const struct ir *ir, const struct ir_product *p, const struct ir_product *a,
                          struct ir_product *out);
/* Return the size of a product, for sorting: log2 of the share of all headers that it holds, times the number of
 * protocols. Each protocol weighs the same, as do all IPv4 and all IPv6 addresses. A range of 1,024 ports is a share
 * of 2^-6. */
double product_size(const struct ir *ir, const struct ir_product *p);
