/* Points: one frame, as a value for each field, and a product that may hold it. What no set of values says (meters,
 * byte patterns, numbers of flows) is no part of a point; who compares products by points compares those fields
 * himself. */
#pragma once

#include "compiler/normal/ir.h"

struct point {
    uint32_t value[IR_FIELDS]; /* of RANGES fields; flags that are set in IR_HAS, active schedules in IR_DURING */
    unsigned __int128 addr[2]; /* source, destination; IPv4 in the low 32 bits */
    uint64_t mac[2];           /* source, destination; MAC_NONE */
    bool own[2], ip, v6;       /* the addresses are of this machine */
};

/* A frame of the settled product, another for another seed. False: none was found. */
bool point_of(const struct ir *ir, const struct ir_product *p, uint64_t seed, struct point *out);
/* Is it in the product, as far as points go? */
bool point_in(const struct ir *ir, const struct ir_product *p, const struct point *at);
