/* The algebra of the normal form: intersection, union, complement and comparison of sets of values, and of products. */
#include <stdlib.h>
#include <string.h>

#include "compiler/normal/flows_over.h"
#include "compiler/normal/ir.h"
#include "lang/heap.h"

static u128 low6(const struct pbc_range6 *r) { return span6(r).lo; }
static u128 high6(const struct pbc_range6 *r) { return span6(r).hi; }

/* Members of a result that need no room in the arena before interning; nearly all lists are that short. */
enum { SHORT = 32 };
static void *scratch(struct ir *ir, void *shorts, size_t count, size_t size)
{
    return count < SHORT ? shorts : arena_alloc(ir->arena, (count + 1) * size);
}

static uint32_t low4(const struct pbc_range *r) { return r->lo; }
static uint32_t high4(const struct pbc_range *r) { return r->hi; }
static struct pbc_range range4(uint32_t lo, uint32_t hi) { return (struct pbc_range){lo, hi}; }

/* The algebra of one family's lists, on numbers of its width. Each function returns the length of `out`, or the
 * result. */
#define FAMILY(w, num, type)                                                                                           \
    static uint32_t and##w(const type *a, uint32_t na, const type *b, uint32_t nb, type *out)                          \
    {                                                                                                                  \
        uint32_t n = 0;                                                                                                \
        for (uint32_t i = 0, j = 0; i < na && j < nb;) {                                                               \
            const num lo = low##w(&a[i]) > low##w(&b[j]) ? low##w(&a[i]) : low##w(&b[j]);                              \
            const bool first = high##w(&a[i]) < high##w(&b[j]);                                                        \
            const num hi = first ? high##w(&a[i]) : high##w(&b[j]);                                                    \
            if (lo <= hi) out[n++] = range##w(lo, hi);                                                                 \
            i += first;                                                                                                \
            j += !first;                                                                                               \
        }                                                                                                              \
        return n;                                                                                                      \
    }                                                                                                                  \
    static uint32_t or ##w(const type *a, uint32_t na, const type *b, uint32_t nb, type *out)                          \
    {                                                                                                                  \
        uint32_t n = 0;                                                                                                \
        for (uint32_t i = 0, j = 0; i < na || j < nb;) {                                                               \
            const bool first = j == nb || (i < na && low##w(&a[i]) <= low##w(&b[j]));                                  \
            const type r = first ? a[i++] : b[j++];                                                                    \
            const num last = n ? high##w(&out[n - 1]) : 0;                                                             \
            if (n && (last == (num)-1 || low##w(&r) <= last + 1))                                                      \
                out[n - 1] = range##w(low##w(&out[n - 1]), high##w(&r) > last ? high##w(&r) : last);                   \
            else                                                                                                       \
                out[n++] = r;                                                                                          \
        }                                                                                                              \
        return n;                                                                                                      \
    }                                                                                                                  \
    static uint32_t not ##w(const type *a, uint32_t na, num most, type *out)                                           \
    {                                                                                                                  \
        num next = 0; /* first value not yet looked at */                                                              \
        uint32_t n = 0;                                                                                                \
        for (uint32_t i = 0; i < na; i++) {                                                                            \
            if (low##w(&a[i]) > next) out[n++] = range##w(next, low##w(&a[i]) - 1);                                    \
            if (high##w(&a[i]) >= most) return n;                                                                      \
            next = high##w(&a[i]) + 1;                                                                                 \
        }                                                                                                              \
        out[n++] = range##w(next, most);                                                                               \
        return n;                                                                                                      \
    }                                                                                                                  \
    static bool within##w(const type *a, uint32_t na, const type *b, uint32_t nb)                                      \
    {                                                                                                                  \
        uint32_t j = 0;                                                                                                \
        for (uint32_t i = 0; i < na; i++) {                                                                            \
            while (j < nb && high##w(&b[j]) < low##w(&a[i])) j++;                                                      \
            if (j == nb || low##w(&b[j]) > low##w(&a[i]) || high##w(&b[j]) < high##w(&a[i])) return false;             \
        }                                                                                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool meet##w(const type *a, uint32_t na, const type *b, uint32_t nb)                                        \
    {                                                                                                                  \
        for (uint32_t i = 0, j = 0; i < na && j < nb;) {                                                               \
            if (low##w(&a[i]) <= high##w(&b[j]) && low##w(&b[j]) <= high##w(&a[i])) return true;                       \
            const bool first = high##w(&a[i]) < high##w(&b[j]);                                                        \
            i += first;                                                                                                \
            j += !first;                                                                                               \
        }                                                                                                              \
        return false;                                                                                                  \
    }

FAMILY(4, uint32_t, struct pbc_range)
FAMILY(6, u128, struct pbc_range6)

uint32_t ir_ranges_and(struct ir *ir, uint32_t a, uint32_t b, uint32_t most)
{
    if (a == b || b == IR_ALL) return a;
    if (a == IR_ALL || b == IR_EMPTY) return b;
    const struct ir_ranges x = ir_ranges(ir, a), y = ir_ranges(ir, b);
    struct pbc_range shorts[SHORT], *out = scratch(ir, shorts, (size_t)x.count + y.count, sizeof(*out));
    return ir_intern_ranges(ir, out, and4(x.r, x.count, y.r, y.count, out), most);
}

uint32_t ir_ranges_not(struct ir *ir, uint32_t a, uint32_t most)
{
    if (a == IR_ALL) return IR_EMPTY;
    const struct ir_ranges x = ir_ranges(ir, a);
    struct pbc_range shorts[SHORT], *out = scratch(ir, shorts, (size_t)x.count + 1, sizeof(*out));
    return ir_intern_ranges(ir, out, not4(x.r, x.count, most, out), most);
}

bool ir_ranges_within(const struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_ALL || a == IR_EMPTY) return true;
    if (a == IR_ALL || b == IR_EMPTY) return false;
    const struct ir_ranges x = ir_ranges(ir, a), y = ir_ranges(ir, b);
    return within4(x.r, x.count, y.r, y.count);
}

bool ir_ranges_meet(const struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == IR_EMPTY || b == IR_EMPTY) return false;
    if (a == b || a == IR_ALL || b == IR_ALL) return true;
    const struct ir_ranges x = ir_ranges(ir, a), y = ir_ranges(ir, b);
    return meet4(x.r, x.count, y.r, y.count);
}

bool ir_ranges_have(const struct ir *ir, uint32_t a, uint32_t value)
{
    if (a == IR_ALL) return true;
    const struct ir_ranges x = ir_ranges(ir, a);
    uint32_t from = 0, count = x.count;
    while (count) {
        const uint32_t half = count / 2, after = half + 1;
        if (x.r[from + half].hi < value)
            from += after, count -= after;
        else
            count = half;
    }
    return from < x.count && x.r[from].lo <= value;
}

uint32_t addr_find(const struct ir_addrs *a, unsigned family, u128 address)
{
    uint32_t from = 0, count = addr_count(a, family);
    while (count) {
        const uint32_t half = count / 2, after = half + 1;
        if (addr_span(a, family, from + half).hi < address)
            from += after, count -= after;
        else
            count = half;
    }
    return from;
}

bool addr_held(const struct ir_addrs *a, unsigned family, u128 address)
{
    const uint32_t i = addr_find(a, family, address);
    return i < addr_count(a, family) && addr_span(a, family, i).lo <= address;
}

/* Room for one result of each family. Sets of a million ranges pass through here, so large room is released at once. */
struct room {
    struct pbc_range shorts4[SHORT], *r4;
    struct pbc_range6 shorts6[SHORT], *r6;
};

static void *room_of(void *shorts, size_t count, size_t size)
{
    return count < SHORT ? shorts : heap_resized(NULL, count, size);
}

static void room_init(struct room *room, size_t count4, size_t count6)
{
    room->r4 = room_of(room->shorts4, count4, sizeof(*room->r4));
    room->r6 = room_of(room->shorts6, count6, sizeof(*room->r6));
}

/* Intern a set whose ranges are in the room, and release it. */
static uint32_t intern_all(struct ir *ir, struct room *room, const struct ir_addrs *a)
{
    const uint32_t id = ir_intern_addrs(ir, a);
    if (room->r4 != room->shorts4) free(room->r4);
    if (room->r6 != room->shorts6) free(room->r6);
    return id;
}

static uint32_t intern_room(struct ir *ir, struct room *room, uint32_t count4, uint32_t count6)
{
    return intern_all(ir, room, &(struct ir_addrs){.r4 = room->r4, .r6 = room->r6, .count4 = count4, .count6 = count6});
}

uint32_t ir_addrs_parts(const struct ir *ir, uint32_t a)
{
    const struct ir_addrs *x = ir_addrs(ir, a);
    return x->split ? x->ways : 1;
}

static uint32_t ways_sum(uint32_t a, uint32_t b) { return a > UINT32_MAX - b ? UINT32_MAX : a + b; }

/* Make a split set; `within`: what the live set may have, of the families that count. */
static uint32_t split_of(struct ir *ir, uint32_t live, uint32_t within, uint32_t in, uint32_t out)
{
    struct room room;
    in = ir_addrs_and(ir, in, within);
    if (in == ir_addrs_and(ir, out, within)) return out;
    const struct ir_addrs *x = ir_addrs(ir, in), *y = ir_addrs(ir, out);
    room_init(&room, (size_t)x->count4 + y->count4, (size_t)x->count6 + y->count6);
    const struct ir_addrs all = {
        .r4 = room.r4,
        .r6 = room.r6,
        .count4 = or4(x->r4, x->count4, y->r4, y->count4, room.r4),
        .count6 = or6(x->r6, x->count6, y->r6, y->count6, room.r6),
        .split = live + 1,
        .in = in,
        .out = out,
        .lives = x->lives | y->lives | (live_bits)1 << live,
        .ways = ways_sum(ir_addrs_parts(ir, in), ir_addrs_parts(ir, out)),
        .in_free = ir_addrs_or(ir, in, ir_addrs_not(ir, within)),
    };
    return intern_all(ir, &room, &all);
}

uint32_t ir_addrs_split(struct ir *ir, uint32_t live, uint32_t in, uint32_t out)
{
    return split_of(ir, live, ir->live_within[live], in, out);
}

/* Return the part of a set for addresses that the live set has, or (`in` false) for others. */
static uint32_t half_of(const struct ir *ir, uint32_t a, uint32_t live, bool in)
{
    const struct ir_addrs *x = ir_addrs(ir, a);
    return x->split != live + 1 ? a : in ? x->in : x->out;
}

/* Apply an operation to both halves of two sets, of which one is split. */
static uint32_t by_halves(struct ir *ir, uint32_t a, uint32_t b, uint32_t (*apply)(struct ir *, uint32_t, uint32_t))
{
    const uint32_t x = ir_addrs(ir, a)->split, y = ir_addrs(ir, b)->split;
    const uint32_t live = (x && (!y || x < y) ? x : y) - 1;
    const uint32_t in = apply(ir, half_of(ir, a, live, true), half_of(ir, b, live, true));
    return ir_addrs_split(ir, live, in, apply(ir, half_of(ir, a, live, false), half_of(ir, b, live, false)));
}

uint32_t ir_addrs_part(const struct ir *ir, uint32_t a, uint32_t nth, live_bits *live)
{
    *live = 0;
    for (const struct ir_addrs *x = ir_addrs(ir, a); x->split; x = ir_addrs(ir, a)) {
        const uint32_t before = ir_addrs_parts(ir, x->out);
        *live |= (live_bits)(nth >= before) << (x->split - 1);
        a = nth >= before ? x->in : x->out;
        nth -= nth >= before ? before : 0;
    }
    return nth ? PBC_NONE : a;
}

uint32_t ir_addrs_hull(struct ir *ir, uint32_t a)
{
    const struct ir_addrs *x = ir_addrs(ir, a);
    return x->split ? ir_addrs_ranges(ir, x->r4, x->count4, x->r6, x->count6) : a;
}

uint32_t ir_addrs_now(const struct ir *ir, uint32_t a, live_bits live)
{
    for (const struct ir_addrs *x = ir_addrs(ir, a); x->split; x = ir_addrs(ir, a))
        a = live >> (x->split - 1) & 1 ? x->in : x->out;
    return a;
}

uint32_t ir_addrs_and(struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_ALL) return a;
    if (a == IR_ALL || b == IR_EMPTY) return b;
    const struct ir_addrs *x = ir_addrs(ir, a), *y = ir_addrs(ir, b);
    if (x->split || y->split) return by_halves(ir, a, b, ir_addrs_and);
    struct room room;
    room_init(&room, (size_t)x->count4 + y->count4, (size_t)x->count6 + y->count6);
    const uint32_t n4 = and4(x->r4, x->count4, y->r4, y->count4, room.r4);
    const uint32_t n6 = and6(x->r6, x->count6, y->r6, y->count6, room.r6);
    return intern_room(ir, &room, n4, n6);
}

uint32_t ir_addrs_not(struct ir *ir, uint32_t a)
{
    const struct ir_addrs *x = ir_addrs(ir, a);
    struct room room;
    if (x->complement != PBC_NONE) return x->complement;
    if (x->split) {
        const uint32_t in = ir_addrs_not(ir, x->in),
                       not = ir_addrs_split(ir, x->split - 1, in, ir_addrs_not(ir, x->out));
        ir_addrs_pair(ir, a, not );
        return not ;
    }
    room_init(&room, (size_t)x->count4 + 1, (size_t)x->count6 + 1);
    const uint32_t n4 = not4(x->r4, x->count4, UINT32_MAX, room.r4), n6 = not6(x->r6, x->count6, ~(u128)0, room.r6);
    const uint32_t id = intern_room(ir, &room, n4, n6);
    ir_addrs_pair(ir, a, id);
    return id;
}

/* Return the union of two sets, of which one is split. Straight code may ask both. */
static uint32_t or_split(struct ir *ir, uint32_t a, uint32_t b)
{
    const uint32_t id = by_halves(ir, a, b, ir_addrs_or);
    ir_addrs_note_parts(ir, id, (const uint32_t[2]){a, b}, IR_V4 | IR_V6);
    return id;
}

uint32_t ir_addrs_or(struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_EMPTY || a == IR_ALL) return a;
    if (a == IR_EMPTY || b == IR_ALL) return b;
    const struct ir_addrs *x = ir_addrs(ir, a), *y = ir_addrs(ir, b);
    if (x->split || y->split) return or_split(ir, a, b);
    struct room room;
    room_init(&room, (size_t)x->count4 + y->count4, (size_t)x->count6 + y->count6);
    const uint32_t n4 = or4(x->r4, x->count4, y->r4, y->count4, room.r4);
    const uint32_t n6 = or6(x->r6, x->count6, y->r6, y->count6, room.r6), id = intern_room(ir, &room, n4, n6);
    ir_addrs_note_parts(ir, id, (const uint32_t[2]){a, b}, IR_V4 | IR_V6);
    return id;
}

unsigned ir_addrs_families(const struct ir *ir, uint32_t a)
{
    const struct ir_addrs *x = ir_addrs(ir, a);
    return (x->count4 ? IR_V4 : 0u) | (x->count6 ? IR_V6 : 0u);
}

unsigned ir_addrs_full(const struct ir *ir, uint32_t a)
{
    const struct ir_addrs *x = ir_addrs(ir, a);
    if (x->split) return ir_addrs_full(ir, x->in_free) & ir_addrs_full(ir, x->out);
    const bool full4 = x->count4 == 1 && x->r4[0].lo == 0 && x->r4[0].hi == UINT32_MAX;
    const bool full6 = x->count6 == 1 && low6(x->r6) == 0 && high6(x->r6) == ~(u128)0;
    return (full4 ? IR_V4 : 0u) | (full6 ? IR_V6 : 0u);
}

static uint32_t halves_of_families(struct ir *ir, const struct ir_addrs *a, unsigned families)
{
    const uint32_t live = a->split - 1, within = ir_addrs_of_families(ir, ir->live_within[live], families);
    const uint32_t in = ir_addrs_of_families(ir, a->in, families);
    return split_of(ir, live, within, in, ir_addrs_of_families(ir, a->out, families));
}

uint32_t ir_addrs_of_families(struct ir *ir, uint32_t a, unsigned families)
{
    const unsigned has = ir_addrs_families(ir, a);
    if (a == IR_ALL || a == IR_EMPTY || families == (IR_V4 | IR_V6)) return a;
    if ((ir_addrs_full(ir, a) & families) == families) return IR_ALL;
    if ((has & families) == has) return a;
    if (ir_addrs(ir, a)->narrowed[families] != PBC_NONE) return ir_addrs(ir, a)->narrowed[families];
    struct ir_addrs out = *ir_addrs(ir, a);
    if (!(families & IR_V4)) out.count4 = 0;
    if (!(families & IR_V6)) out.count6 = 0;
    const uint32_t id = out.split ? halves_of_families(ir, &out, families) : ir_intern_addrs(ir, &out);
    const struct ir_addrs *x = ir_addrs(ir, a);
    ir_addrs_note_set(ir, id, x->set, x->set_in & families);
    ir_addrs_note_mirror(ir, id, x->mirror, x->mirror_in & families);
    if (x->parts[0] != PBC_NONE) ir_addrs_note_parts(ir, id, x->parts, x->parts_in & families);
    ir_addrs_note_narrowed(ir, a, families, id);
    return id;
}

static bool ir_addrs_within(const struct ir *ir, uint32_t a, uint32_t b, unsigned families, uint64_t *work)
{
    if (a == b || b == IR_ALL || a == IR_EMPTY) return true;
    const struct ir_addrs *x = ir_addrs(ir, a), *y = ir_addrs(ir, b);
    if (x->split || y->split) {
        const bool both = x->split == y->split, mine = x->split && (!y->split || x->split <= y->split);
        const uint32_t in = both ? y->in : mine ? b : y->in_free, out = both || !mine ? y->out : b;
        return ir_addrs_within(ir, mine ? x->in : a, in, families, work) &&
               ir_addrs_within(ir, mine ? x->out : a, out, families, work);
    }
    if (families & IR_V4) {
        *work += (uint64_t)x->count4 + y->count4;
        if (!within4(x->r4, x->count4, y->r4, y->count4)) return false;
    }
    if (families & IR_V6) {
        *work += (uint64_t)x->count6 + y->count6;
        if (!within6(x->r6, x->count6, y->r6, y->count6)) return false;
    }
    return true;
}

static bool ir_addrs_meet(const struct ir *ir, uint32_t a, uint32_t b, unsigned families)
{
    const struct ir_addrs *x = ir_addrs(ir, a), *y = ir_addrs(ir, b);
    if (x->split || y->split) {
        const uint32_t live = (x->split && (!y->split || x->split < y->split) ? x->split : y->split) - 1;
        return ir_addrs_meet(ir, half_of(ir, a, live, true), half_of(ir, b, live, true), families) ||
               ir_addrs_meet(ir, half_of(ir, a, live, false), half_of(ir, b, live, false), families);
    }
    return (families & IR_V4 && meet4(x->r4, x->count4, y->r4, y->count4)) ||
           (families & IR_V6 && meet6(x->r6, x->count6, y->r6, y->count6));
}

unsigned ir_families(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t what = p->field[IR_WHAT];
    if (what == IR_ALL) return IR_V4 | IR_V6;
    const struct ir_ranges w = ir_ranges(ir, what);
    unsigned families = 0;
    for (uint32_t i = 0; i < w.count; i++) {
        if (w.r[i].lo < WHAT_IP6) families |= IR_V4;
        if (w.r[i].lo <= WHAT_AH6_UNKNOWN && w.r[i].hi >= WHAT_IP6) families |= IR_V6;
    }
    return families;
}

bool ir_is_empty(const struct ir_product *p) { return p->field[IR_WHAT] == IR_EMPTY; }

bool ir_schedules_within(const struct ir *ir, uint32_t a, uint32_t b)
{
    if (!ir->longer) return !(a & ~b);
    for (; a; a &= a - 1)
        if (!(ir->longer[__builtin_ctz(a)] & b)) return false;
    return true;
}

static bool field_within(const struct ir *ir, enum ir_field f, uint32_t a, uint32_t b, unsigned families,
                         uint64_t *work)
{
    switch ((enum ir_sort)ir_fields[f].sort) {
    case IR_SORT_RANGES:
        *work += (uint64_t)ir_ranges(ir, a).count + ir_ranges(ir, b).count;
        return ir_ranges_within(ir, a, b);
    case IR_SORT_ADDRS: return ir_addrs_within(ir, a, b, families, work);
    case IR_SORT_MASK: return (b & ~a) == 0;
    case IR_SORT_ANY: return a && ir_schedules_within(ir, a, b);
    case IR_SORT_MACS: return b == IR_ALL;
    case IR_SORT_FLOWS: return flows_within(ir, a, b);
    case IR_SORT_METERS: return false; /* only equal lists ask for the same tokens */
    case IR_SORT_PATTERNS:
    case IR_SORTS: break;
    }
    const struct ir_patterns x = ir_patterns(ir, a), y = ir_patterns(ir, b);
    uint32_t j = 0;
    *work += (uint64_t)x.count + y.count;
    for (uint32_t i = 0; i < x.count && j < y.count; i++)
        if (x.pattern[i] == y.pattern[j]) j++;
    return j == y.count;
}

bool ir_within(const struct ir *ir, const struct ir_product *a, const struct ir_product *b, uint64_t *work)
{
    if (ir_is_empty(a)) return true;
    const unsigned families = ir_families(ir, a);
    *work += 1;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (a->field[f] != b->field[f] && b->field[f] != IR_ALL &&
            !field_within(ir, f, a->field[f], b->field[f], families, work))
            return false;
    return true;
}

bool ir_may_meet(const struct ir *ir, const struct ir_product *a, const struct ir_product *b)
{
    const unsigned families = ir_families(ir, a) & ir_families(ir, b);
    if ((a->field[IR_HAS] | b->field[IR_HAS]) & (a->field[IR_LACKS] | b->field[IR_LACKS])) return false;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (ir_fields[f].sort == IR_SORT_RANGES && !ir_ranges_meet(ir, a->field[f], b->field[f])) return false;
    if (!families) return true;
    const bool src = ir_addrs_meet(ir, a->field[IR_SRC], b->field[IR_SRC], families) ||
                     ir_addrs_meet(ir, a->field[IR_SRC_SELF], b->field[IR_SRC_SELF], families);
    const bool dst = ir_addrs_meet(ir, a->field[IR_DST], b->field[IR_DST], families) ||
                     ir_addrs_meet(ir, a->field[IR_DST_SELF], b->field[IR_DST_SELF], families);
    return src && dst;
}
