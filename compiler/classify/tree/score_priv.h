/* Between what samples a list (fields.c) and what judges windows by the sample (score.c). */
#pragma once

#include "compiler/classify/tree/builder_priv.h"

enum {
    SAMPLE_MOST = 512,
    SAMPLE_LEAST = 64,
    FIELDS = 17, /* 15 slots, two ports */
    WIDTH_MOST = 14,
};

struct field {
    uint8_t slot, first, bits;                      /* of the slot from its bit `first` on */
    uint32_t told;                                  /* bits that the part tells */
    uint32_t known;                                 /* and those that are the same wherever a box asks them */
    uint32_t value[SAMPLE_MOST], mask[SAMPLE_MOST]; /* relative to `first` */
    float use[33];   /* [bit]: sum over the bits below of how well each tells boxes apart */
    int top;         /* the highest bit of use, -1 */
    uint32_t ranges; /* ports: boxes with neither all nor one */
};
struct tally {
    float boxes, drawn; /* that reach the child; packets drawn from them that do */
};
struct scratch {
    uint32_t boxes; /* in the sample */
    float at_a_point;
    unsigned fields;
    struct field field[FIELDS];
    uint16_t order[SAMPLE_MOST];
    uint8_t open[SAMPLE_MOST]; /* log2 of the children that a box reaches */
    struct tally tally[1 << WIDTH_MOST];
};

/* Sample the list, and find which fields its boxes still ask in the part, and what their bits tell apart. */
void fields_find(const struct build *b, struct list l, const struct part *p, struct scratch *x);
