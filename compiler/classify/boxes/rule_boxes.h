/* From a rule's product (normal/ir.h) to boxes over the header key. Fields that masks and ranges can't express, or
 * not within a rule's number of boxes, are left wider than the rule: the caller tests these fields after a hit. */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "compiler/normal/normal.h"

enum {
    RULE_BOXES_MAX = 64, /* most boxes of a rule; if there are more, a field is widened */
    RULE_BOXES_WIDE = 8, /* boxes of a widened field: many narrow boxes find fewer packets outside the rule than one */
};

struct rule_boxes; /* state for the boxes of many rules */
/* Make the state, which lives as long as ir->arena. */
struct rule_boxes *rule_boxes_new(struct ir *ir);

/* Append the boxes of the product's frames of variant v, at most `most` (1..RULE_BOXES_MAX) if widening can do that.
 * Each frame of the product is in one of them. Return the fields that the boxes do not express exactly, bit f for
 * field f; 0: the boxes are exactly the product. UINT32_MAX: out of memory. */
uint32_t rule_boxes_add(struct rule_boxes *r, const struct ir_product *p, enum variant v, uint32_t most,
                        struct boxes *out, uint32_t entry);
