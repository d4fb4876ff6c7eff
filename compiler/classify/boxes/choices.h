/* Choices: the ways in which one field of a product can be fulfilled, each as bits of the header key or a range of
 * ports. Shared by their finders (field_choices.c, kind_choices.c) and the multiplication (rule_boxes.c). */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "compiler/classify/boxes/rule_boxes.h"

struct choice {
    uint32_t kind_value, kind_mask; /* bits of key.kind */
    uint32_t value[4], mask[4];     /* bits of the slots */
    struct port_range port;         /* range of ports */
};

struct choices {
    enum ir_field field;
    enum { CHOICE_BITS, CHOICE_SPORT, CHOICE_DPORT } how;
    uint8_t slot, slots; /* CHOICE_BITS: value and mask belong to slot .. slot + slots - 1 */
    bool widened;        /* true if the choices hold more than the field's values */
    uint32_t count;
    struct choice c[RULE_BOXES_MAX];
};

/* Begin without choices. */
void choices_begin(struct choices *c, enum ir_field f, unsigned slot, unsigned slots);
/* Halve the number of choices, nearly: merge neighbours with equal bits of key.kind. False: no such neighbours. */
bool choices_halve(struct choices *c);

struct kind_cache;
/* Find choices of family, protocol and fragment of the product's frames; family: IR_V4, IR_V6, or 0 for all. */
void kind_choices(struct kind_cache **cache, const struct ir *ir, const struct ir_product *p, unsigned family,
                  struct choices *out);

/* Find choices of the field's values; false: the field makes no demand. IR_SRC and IR_DST: addresses of the family,
 * with and without the bit for this machine's own. Not for IR_WHAT and IR_FRAGMENT (kind_choices), nor for fields
 * outside the key's bits. */
bool field_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, unsigned family,
                   struct choices *out);
