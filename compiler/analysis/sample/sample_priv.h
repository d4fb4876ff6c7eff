/* State of choosing a packet of a product: addresses in addresses.c, all else in sample.c */
#pragma once

#include "compiler/analysis/sample/sample.h"

struct sampler {
    struct compile *c;
    const struct ir *ir;
    const struct ir_product *p;
    enum pbc_direction direction;
    const struct facts *own; /* this machine's addresses */
    unsigned avoid;
    struct frame_spec *out;
    uint8_t family;
};

/* Choose both addresses of s->out for the direction; false: no such pair found. */
bool sample_addresses(const struct sampler *s);
