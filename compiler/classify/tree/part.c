/* Parts of the key space, and the boxes that play no role in a part, because an earlier box covers theirs. A box whose
 * entry has code covers nothing, since the rest of its rule may fail. */
#include "compiler/classify/tree/builder_priv.h"
#include "vm/packet/key.h"

enum {
    PAIRS_MOST = 48, /* most boxes of a list in which each box is compared with all before it */
    WIDE_KEPT = 8,   /* number of the widest boxes with which each box of a longer list is compared */
};

struct range_place range_place(const struct boxes *b, unsigned field)
{
    if (field == RANGE_SPORT) return (struct range_place){SLOT_PORTS, 0, 16};
    if (field == RANGE_DPORT) return (struct range_place){SLOT_PORTS, 16, 16};
    const uint32_t most = b->rank_most[field - RANGE_SRC] | 1u;
    return (struct range_place){field == RANGE_SRC ? KEY_SLOT(src) : KEY_SLOT(dst), 0,
                                (uint8_t)(32 - __builtin_clz(most))};
}

struct range part_range(const struct boxes *b, const struct part *p, unsigned field)
{
    const struct range_place at = range_place(b, field);
    const uint32_t all = UINT32_MAX >> (32 - at.bits), value = p->value[at.slot] >> at.first & all,
                   mask = p->mask[at.slot] >> at.first & all;
    const struct range r = {value, value | (~mask & all)};
    return field < RANGE_SRC ? r : range_clip(r, (struct range){0, b->rank_most[field - RANGE_SRC]});
}

/* Columns and ranges of a part that the boxes of a list may still distinguish. */
struct open {
    unsigned columns;
    uint8_t column[16];
    uint32_t bits[16]; /* bits of each such column that the part leaves open */
    struct range range[RANGES_MOST];
};

static void open_of(const struct build *b, struct list l, const struct part *p, struct open *o)
{
    o->columns = 0;
    for (unsigned f = 0; f < range_fields(b->b); f++) o->range[f] = part_range(b->b, p, f);
    for (unsigned c = 0; c < b->b->slots; c++) {
        const uint32_t *mask = b->b->mask[c], unknown = ~p->mask[b->b->slot[c]];
        uint32_t asked = 0;
        for (uint32_t i = 0; i < l.count; i++) asked |= mask[l.box[i]];
        if (!(asked & unknown)) continue;
        o->column[o->columns] = (uint8_t)c;
        o->bits[o->columns++] = unknown;
    }
}

/* True if x holds for all keys of the part for which y does. */
static bool covers(const struct build *b, const struct open *o, uint32_t x, uint32_t y)
{
    const struct boxes *s = b->b;
    if (b->coded && b->coded[s->entry[x]] && s->entry[x] != s->entry[y]) return false;
    for (unsigned i = 0; i < o->columns; i++) {
        const unsigned c = o->column[i];
        const uint32_t asks = s->mask[c][x] & o->bits[i];
        if (asks & ~s->mask[c][y] || (s->value[c][x] ^ s->value[c][y]) & asks) return false;
    }
    for (unsigned f = 0; f < range_fields(s); f++)
        if (!range_holds(box_range(s, f, x), range_clip(box_range(s, f, y), o->range[f]))) return false;
    return true;
}

/* The smallest box around the boxes looked at so far, within the part. */
struct around {
    uint32_t value[16], mask[16];
    struct range range[RANGES_MOST];
};

static void around_first(const struct build *b, const struct open *o, struct around *a, uint32_t box)
{
    for (unsigned i = 0; i < o->columns; i++) {
        a->mask[i] = b->b->mask[o->column[i]][box] & o->bits[i];
        a->value[i] = b->b->value[o->column[i]][box];
    }
    for (unsigned f = 0; f < range_fields(b->b); f++) a->range[f] = range_clip(box_range(b->b, f, box), o->range[f]);
}

static struct range range_joined(struct range a, struct range b)
{
    return (struct range){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}

static void around_add(const struct build *b, const struct open *o, struct around *a, uint32_t box)
{
    for (unsigned i = 0; i < o->columns; i++)
        a->mask[i] &= b->b->mask[o->column[i]][box] & ~(a->value[i] ^ b->b->value[o->column[i]][box]);
    for (unsigned f = 0; f < range_fields(b->b); f++)
        a->range[f] = range_joined(a->range[f], range_clip(box_range(b->b, f, box), o->range[f]));
}

static bool covers_around(const struct build *b, const struct open *o, uint32_t x, const struct around *a)
{
    const struct boxes *s = b->b;
    if (b->coded && b->coded[s->entry[x]]) return false;
    for (unsigned i = 0; i < o->columns; i++) {
        const unsigned c = o->column[i];
        const uint32_t asks = s->mask[c][x] & o->bits[i];
        if (asks & ~a->mask[i] || (s->value[c][x] ^ a->value[i]) & asks) return false;
    }
    for (unsigned f = 0; f < range_fields(s); f++)
        if (!range_holds(box_range(s, f, x), a->range[f])) return false;
    return true;
}

/* Return the number of boxes up to the first that covers all behind it. */
static uint32_t needed(const struct build *b, struct list l, const struct open *o)
{
    if (l.count < 2) return l.count;
    struct around a;
    uint32_t end = l.count;
    around_first(b, o, &a, l.box[l.count - 1]);
    for (uint32_t i = l.count - 1; i-- > 0;) {
        if (covers_around(b, o, l.box[i], &a)) end = i + 1;
        around_add(b, o, &a, l.box[i]);
    }
    return end;
}

static uint32_t pairs(struct build *b, struct list l, const struct open *o)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l.count; i++) {
        bool covered = false;
        for (uint32_t j = 0; j < kept && !covered; j++) covered = covers(b, o, l.box[j], l.box[i]);
        b->work += kept;
        if (!covered) l.box[kept++] = l.box[i];
    }
    return kept;
}

/* Return the number of bits that the box asks in the part: the fewer, the more it covers. */
static unsigned bits_asked(const struct build *b, const struct open *o, uint32_t box)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < o->columns; i++)
        bits += (unsigned)__builtin_popcount(b->b->mask[o->column[i]][box] & o->bits[i]);
    for (unsigned f = 0; f < range_fields(b->b); f++) bits += range_holds(box_range(b->b, f, box), o->range[f]) ? 0 : 8;
    return bits;
}

static uint32_t behind_wide(struct build *b, struct list l, const struct open *o)
{
    uint32_t wide[WIDE_KEPT];
    unsigned bits[WIDE_KEPT], have = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l.count; i++) {
        const uint32_t box = l.box[i];
        bool covered = false;
        for (unsigned j = 0; j < have && !covered; j++) covered = covers(b, o, wide[j], box);
        b->work += have;
        if (covered) continue;
        l.box[kept++] = box;
        const unsigned asks = bits_asked(b, o, box);
        unsigned narrowest = 0;
        for (unsigned j = 1; j < have; j++)
            if (bits[j] > bits[narrowest]) narrowest = j;
        if (have < WIDE_KEPT)
            narrowest = have++;
        else if (bits[narrowest] <= asks)
            continue;
        wide[narrowest] = box;
        bits[narrowest] = asks;
    }
    return kept;
}

uint32_t part_prune(struct build *b, struct list l, const struct part *p)
{
    struct open o;
    open_of(b, l, p, &o);
    b->work += l.count;
    l.count = needed(b, l, &o);
    return l.count <= PAIRS_MOST ? pairs(b, l, &o) : behind_wide(b, l, &o);
}
