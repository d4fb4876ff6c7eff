/* Tests if a frame is in a product of the normal form. It compares the fields of the parsed header, independently of
 * the compiler's own arithmetic with products and of the conditions that the products come from. */
#ifndef TESTS_LIB_IN_PRODUCT_H
#define TESTS_LIB_IN_PRODUCT_H

#include "compiler/compiler.h"
#include "compiler/normal/ir.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* A frame at a moment: the caller chooses the facts that no header has. */
struct moment {
    const struct key *key; /* its `marks` hold the state and the active schedules */
    const struct pkt *pkt;
    uint64_t over; /* bit i: meter i is over its limit */
    uint32_t flows;
};

bool in_product(const struct compile *c, const struct ir_product *p, const struct moment *m);

#endif
