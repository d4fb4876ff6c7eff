/* Is a frame in a product of the normal form? Asked field by field of the parsed header, beside all that the compiler
 * computes with products, and beside the conditions that the products come from. */
#ifndef TESTS_LIB_IN_PRODUCT_H
#define TESTS_LIB_IN_PRODUCT_H

#include "compiler/compiler.h"
#include "compiler/normal/ir.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* A frame at a moment: the caller chooses facts that no header has. */
struct moment {
    const struct key *key; /* with its state and the active schedules in `marks` */
    const struct pkt *pkt;
    uint64_t over; /* bit i: meter i is over its limit, else within */
    uint32_t flows;
};

bool in_product(const struct compile *c, const struct ir_product *p, const struct moment *m);

#endif
