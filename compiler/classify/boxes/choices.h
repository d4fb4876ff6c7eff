/* The ways in which one field of a product can be fulfilled, each as bits of the header key or a range of ports:
 * between what finds them (field_choices.c, kind_choices.c) and what multiplies them out (rule_boxes.c). */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "compiler/classify/boxes/rule_boxes.h"

struct choice {
    uint32_t kind_value, kind_mask; /* of key.kind */
    uint32_t value[4], mask[4];     /* of the slots */
    struct port_range port;         /* of ports */
};

struct choices {
    enum ir_field field;
    enum { CHOICE_BITS, CHOICE_SPORT, CHOICE_DPORT } how;
    uint8_t slot, slots; /* CHOICE_BITS: value and mask are of slot .. slot + slots - 1 */
    bool widened;        /* they hold more than the field's values */
    uint32_t count;
    struct choice c[RULE_BOXES_MAX];
};

/* None yet. */
void choices_begin(struct choices *c, enum ir_field f, unsigned slot, unsigned slots);
/* Half as many, or nearly so: neighbours that ask the same of key.kind become one, which holds both. False: there are
 * no two such. */
bool choices_halve(struct choices *c);

struct kind_cache;
/* Family, protocol and fragment of the product's frames of a family: IR_V4, IR_V6, or 0 for all. */
void kind_choices(struct kind_cache **cache, const struct ir *ir, const struct ir_product *p, unsigned family,
                  struct choices *out);

/* The field's values; false: it asks nothing. Addresses: of the family, where the frame's address is one of this
 * machine's and where not (IR_SRC and IR_DST). Not: IR_WHAT, IR_FRAGMENT (kind_choices), nor what no bits say. */
bool field_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, unsigned family,
                   struct choices *out);
