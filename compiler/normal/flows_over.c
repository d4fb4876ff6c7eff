/* Demands of `flows over` (flows_over.h): a list of numbers, ascending. Each has the grain in its upper bits, and
 * the flows in its lower bits. */
#include "compiler/normal/flows_over.h"

enum { GRAIN_SHIFT = 28, OVER_MASK = (1 << GRAIN_SHIFT) - 1 };

uint32_t flows_intern(struct ir *ir, struct flows_demand d)
{
    const uint32_t word = d.grain << GRAIN_SHIFT | (d.over & OVER_MASK);
    return ir_intern_patterns(ir, &word, 1);
}

uint32_t flows_demands(const struct ir *ir, uint32_t id, struct flows_demand out[PBC_GRAINS_MAX])
{
    if (id == IR_ALL) return 0;
    const struct ir_patterns list = ir_patterns(ir, id);
    for (uint32_t i = 0; i < list.count; i++)
        out[i] = (struct flows_demand){list.pattern[i] >> GRAIN_SHIFT, list.pattern[i] & OVER_MASK};
    return list.count;
}

uint32_t flows_and(struct ir *ir, uint32_t a, uint32_t b)
{
    struct flows_demand x[PBC_GRAINS_MAX], y[PBC_GRAINS_MAX];
    uint32_t words[PBC_GRAINS_MAX], n = 0;
    if (a == b || b == IR_ALL || a == IR_EMPTY) return a;
    if (a == IR_ALL || b == IR_EMPTY) return b;
    const uint32_t nx = flows_demands(ir, a, x), ny = flows_demands(ir, b, y);
    for (uint32_t i = 0, k = 0; i < nx || k < ny;) {
        const bool same = i < nx && k < ny && x[i].grain == y[k].grain;
        const bool first = k == ny || (i < nx && x[i].grain <= y[k].grain);
        struct flows_demand d = first ? x[i] : y[k];
        if (same && y[k].over > d.over) d.over = y[k].over;
        words[n++] = d.grain << GRAIN_SHIFT | d.over;
        i += first;
        k += same || !first;
    }
    return ir_intern_patterns(ir, words, n);
}

/* True if every network of the narrow grain is inside a network of the wide grain. */
static bool is_inside(const struct ir *ir, uint32_t narrow, uint32_t wide)
{
    return ir->grains[narrow].len4 >= ir->grains[wide].len4 && ir->grains[narrow].len6 >= ir->grains[wide].len6;
}

bool flows_within(const struct ir *ir, uint32_t a, uint32_t b)
{
    struct flows_demand x[PBC_GRAINS_MAX], y[PBC_GRAINS_MAX];
    const uint32_t nx = flows_demands(ir, a, x), ny = flows_demands(ir, b, y);
    for (uint32_t k = 0; k < ny; k++) {
        uint32_t i = 0;
        while (i < nx && (x[i].over < y[k].over || !is_inside(ir, x[i].grain, y[k].grain))) i++;
        if (i == nx) return false;
    }
    return true;
}
