/* Windows of the key's bits: the children that a box reaches. Bits above a window need not be known: leaves compare the
 * whole box. */
#include "compiler/classify/tree/builder_priv.h"

static struct port_range port_within(const struct build *b, const struct part *p, uint32_t box, unsigned shift)
{
    struct port_range s, d;
    part_ports(p, &s, &d);
    const struct port_range to = shift < 16 ? s : d, r = shift < 16 ? b->b->sport[box] : b->b->dport[box];
    return (struct port_range){r.lo > to.lo ? r.lo : to.lo, r.hi < to.hi ? r.hi : to.hi};
}

struct span window_span(const struct build *b, const struct part *p, uint32_t box, struct window w)
{
    const uint32_t wrap = (1u << w.width) - 1;
    if (w.slot == SLOT_PORTS) {
        const struct port_range r = port_within(b, p, box, w.shift);
        const unsigned shift = w.shift & 15u;
        const uint32_t lo = (uint32_t)r.lo >> shift, hi = (uint32_t)r.hi >> shift;
        if (r.lo > r.hi) return (struct span){.wrap = wrap, .range = true};
        const uint32_t count = hi - lo >= wrap ? wrap + 1 : hi - lo + 1;
        return (struct span){count > wrap ? 0 : lo & wrap, count, 0, wrap, true};
    }
    const unsigned c = b->column[w.slot];
    if (c == NO_COLUMN) return (struct span){0, wrap + 1, wrap, wrap, false};
    const uint32_t value = b->b->value[c][box] >> w.shift & wrap, mask = b->b->mask[c][box] >> w.shift & wrap;
    return (struct span){value, 1u << __builtin_popcount(wrap & ~mask), wrap & ~mask, wrap, false};
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
    if (w.slot != SLOT_PORTS) return true;
    const struct part q = window_child(p, w, child);
    struct port_range s, d;
    part_ports(&q, &s, &d);
    const struct port_range all = w.shift < 16 ? s : d, r = w.shift < 16 ? b->b->sport[box] : b->b->dport[box];
    return r.lo <= all.lo && r.hi >= all.hi;
}
