/* What choosing a packet of a product takes: addresses in addresses.c, all else in analysis/sample. */
#ifndef COMPILER_SAMPLE_PRIV_H
#define COMPILER_SAMPLE_PRIV_H

#include "compiler/analysis/sample/sample.h"

struct sampler {
    struct compile *c;
    const struct ir *ir;
    const struct ir_product *p;
    enum pbc_direction direction;
    const struct test_self *self;
    unsigned avoid;
    struct test_packet *out;
};

/* Both addresses of s->out, of that family, so that it travels in the direction; false: no such pair is found. */
bool sample_addresses(const struct sampler *s, uint8_t family);

#endif
