/* Shared by the sampling of a list (box_sample.c) and the judging of windows (score.c). */
#pragma once

#include "compiler/classify/tree/builder_priv.h"

enum {
    SAMPLE_MOST = 512,
    SAMPLE_LEAST = 64,
    FIELDS = 19, /* 15 slots, two ports, two ranks */
    WIDTH_MOST = 14,
};

struct field {
    uint8_t slot, first, bits; /* bits of the slot from its bit `first` on */
    uint32_t told;             /* bits that the part fixes */
    uint32_t known;            /* bits that a box asks, and bits with the same value in all boxes that ask them */
    uint32_t value[SAMPLE_MOST], mask[SAMPLE_MOST]; /* relative to `first` */
    float use[33];   /* [bit]: sum over the lower bits of how well each distinguishes boxes */
    int top;         /* highest bit of use, -1: none */
    bool range;      /* ports and ranks */
    uint32_t ranges; /* number of boxes that ask for several values of a range field, but not all */
};
struct tally {
    uint32_t boxes; /* boxes that reach the child */
    float drawn;    /* packets, drawn from these boxes, that reach the child */
};
struct scratch {
    uint32_t boxes; /* boxes in the sample */
    float at_a_point;
    unsigned fields;
    struct field field[FIELDS];
    uint16_t order[SAMPLE_MOST];
    uint8_t open[SAMPLE_MOST]; /* log2 of the children that a box reaches */
    struct tally tally[1 << WIDTH_MOST];
};

/* Sample the list, find the fields that its boxes still ask in the part, and rate how their bits distinguish boxes. */
void fields_find(const struct build *b, struct list l, const struct part *p, struct scratch *x);
