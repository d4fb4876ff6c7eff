/* What choosing a packet of a product takes: addresses in addresses.c, all else in analysis/sample. */
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

/* Both addresses of s->out, so that it travels in the direction; false: no such pair is found. */
bool sample_addresses(const struct sampler *s);
