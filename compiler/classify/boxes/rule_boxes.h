/* From a rule's product (normal/ir.h) to boxes over the header key. What masks and ranges can't say, or only in more
 * boxes than a rule may have, is left wider than the rule: the caller tests those fields after a hit. */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "compiler/normal/normal.h"

enum {
    RULE_BOXES_MAX = 64, /* of a rule: more, and a field is widened */
    RULE_BOXES_WIDE = 8, /* of a field that is widened: what is beside the mark is asked in vain, so not one alone */
};

struct rule_boxes; /* what asking for many rules remembers */
/* Lives as long as ir->arena. */
struct rule_boxes *rule_boxes_new(struct ir *ir);

/* Append the boxes of the product's frames of variant v, at most `most` (1..RULE_BOXES_MAX) if widening can make it so.
 * Every frame of the product lies in one of them. Returns the fields that the boxes do not say exactly, bit f for field
 * f: where none is set the boxes are exactly the product. UINT32_MAX: memory is out. */
uint32_t rule_boxes_add(struct rule_boxes *r, const struct ir_product *p, enum variant v, uint32_t most,
                        struct boxes *out, uint32_t entry);
