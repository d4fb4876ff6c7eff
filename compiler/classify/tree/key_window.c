/* Windows of the key's bits: the children that a box reaches. Bits above a window need not be known: leaves compare the
 * whole box. */
#include "compiler/classify/tree/builder_priv.h"
#include "vm/packet/key.h"

unsigned window_range(const struct boxes *b, struct window w)
{
    if (w.slot == SLOT_PORTS) return w.shift < 16 ? RANGE_SPORT : RANGE_DPORT;
    if (!b->rank[0]) return NO_RANGE;
    return w.slot == KEY_SLOT(src) ? RANGE_SRC : w.slot == KEY_SLOT(dst) ? RANGE_DST : NO_RANGE;
}

struct span window_span(const struct build *b, const struct part *p, uint32_t box, struct window w)
{
    const uint32_t wrap = (1u << w.width) - 1;
    const unsigned field = window_range(b->b, w);
    if (field != NO_RANGE) {
        const struct range r = range_clip(box_range(b->b, field, box), part_range(b->b, p, field));
        const unsigned shift = field < RANGE_SRC ? w.shift & 15u : w.shift;
        if (r.lo > r.hi) return (struct span){.wrap = wrap, .range = true};
        const uint32_t lo = r.lo >> shift, hi = r.hi >> shift;
        const uint32_t count = hi - lo >= wrap ? wrap + 1 : hi - lo + 1;
        return (struct span){count > wrap ? 0 : lo & wrap, count, 0, wrap, true};
    }
    const unsigned c = b->column[w.slot];
    if (c == NO_COLUMN) return (struct span){0, wrap + 1, wrap, wrap, false};
    const uint32_t value = b->b->value[c][box] >> w.shift & wrap, mask = b->b->mask[c][box] >> w.shift & wrap;
    return (struct span){value, 1u << ones(wrap & ~mask), wrap & ~mask, wrap, false};
}

struct part window_child(const struct part *p, struct window w, uint32_t child)
{
    struct part q = *p;
    const uint32_t mask = ((1u << w.width) - 1) << w.shift;
    q.mask[w.slot] |= mask;
    q.value[w.slot] = (q.value[w.slot] & ~mask) | child << w.shift;
    return q;
}

bool window_alike(const struct build *b, const struct part *p, uint32_t box, struct window w, uint32_t child)
{
    const unsigned field = window_range(b->b, w);
    if (field == NO_RANGE) return true;
    const struct part q = window_child(p, w, child);
    return range_holds(box_range(b->b, field, box), part_range(b->b, &q, field));
}
