/* Bounds of items, to find quickly those that a seed's packets may meet: the least ranges of addresses and ports around
 * each. Most rules of a long list are about other hosts. */
#include <stdlib.h>

#include "compiler/analysis/diff/diff_priv.h"

enum { OTHER_FRAMES = 4 }; /* beside IR_V4 and IR_V6 */

/* Return bounds of the addresses' upper 32 bits, in one family. */
static void addr_hull(const struct ir *ir, uint32_t others, uint32_t own, unsigned families, uint32_t *lo, uint32_t *hi)
{
    const struct ir_addrs *const sets[] = {ir_addrs(ir, others), ir_addrs(ir, own)};
    *lo = UINT32_MAX;
    *hi = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct ir_addrs *a = sets[i];
        const bool v4 = families == IR_V4, some = v4 ? a->count4 : a->count6;
        if (!some) continue;
        const uint32_t first = v4 ? a->r4[0].lo : (uint32_t)(a->r6[0].lo_hi >> 32);
        const uint32_t last = v4 ? a->r4[a->count4 - 1].hi : (uint32_t)(a->r6[a->count6 - 1].hi_hi >> 32);
        if (first < *lo) *lo = first;
        if (last > *hi) *hi = last;
    }
}

struct hull hull_of(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t what = p->field[IR_WHAT], ports = p->field[IR_DPORT];
    const unsigned families = ir_families(ir, p);
    struct hull h = {.src_hi = UINT32_MAX, .dst_hi = UINT32_MAX, .port_hi = 65535, .kinds = (uint8_t)families};
    if (ir_ranges_have(ir, what, WHAT_ARP) || ir_ranges_have(ir, what, WHAT_OTHER)) h.kinds |= OTHER_FRAMES;
    if (h.kinds == IR_V4 || h.kinds == IR_V6) {
        addr_hull(ir, p->field[IR_SRC], p->field[IR_SRC_SELF], families, &h.src_lo, &h.src_hi);
        addr_hull(ir, p->field[IR_DST], p->field[IR_DST_SELF], families, &h.dst_lo, &h.dst_hi);
    }
    if (ports != IR_ALL && ports != IR_EMPTY) {
        const struct ir_ranges r = ir_ranges(ir, ports);
        h.port_lo = (uint16_t)r.r[0].lo;
        h.port_hi = (uint16_t)r.r[r.count - 1].hi;
    }
    return h;
}

bool hulls_meet(const struct hull *a, const struct hull *b)
{
    return (a->kinds & b->kinds) && a->dst_lo <= b->dst_hi && b->dst_lo <= a->dst_hi && a->src_lo <= b->src_hi &&
           b->src_lo <= a->src_hi && a->port_lo <= b->port_hi && b->port_lo <= a->port_hi;
}
