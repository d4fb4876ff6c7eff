/* Points: one frame, as a value for each field, and a product that may hold it. Fields without sets of values (meters,
 * byte patterns, numbers of flows) are not part of a point; callers compare these themselves. */
#pragma once

#include "compiler/normal/ir.h"

struct point {
    uint32_t value[IR_FIELDS]; /* values of RANGES fields; set flags in IR_HAS, active schedules in IR_DURING */
    unsigned __int128 addr[2]; /* source, destination; IPv4 in the low 32 bits */
    uint64_t mac[2];           /* source, destination; MAC_NONE: none */
    live_bits live[2];         /* live sets that have the source, the destination */
    bool own[2], ip, v6;       /* own: the address belongs to this machine */
};

/* Find a frame of the settled product, by `seed`. False: not found. */
bool point_of(const struct ir *ir, const struct ir_product *p, uint64_t seed, struct point *out);
/* True if the frame is in the product, as far as points show. */
bool point_in(const struct ir *ir, const struct ir_product *p, const struct point *at);
