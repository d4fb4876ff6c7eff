/* Which window to cut on, and whether to set boxes apart first. Windows of every field are tried on a sample of the
 * boxes, jittered, never one at a fixed stride: lists are written in patterns. A cut is judged by how many boxes its
 * children hold: what a packet drawn from the boxes meets, what one drawn from all headers meets, and, for half of it,
 * the largest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/classify/builder_priv.h"

enum {
    SAMPLE_MOST = 512,
    SAMPLE_LEAST = 64,
    FIELDS = 17, /* 15 slots, two ports */
    WIDTH_MOST = 14,
    SPREAD = 4, /* 2^SPREAD children: boxes that reach more are taken to reach them evenly */
    CANDIDATES = 160,
    DENSE = 32, /* boxes at a point */
    DENSE_WIDTH = 2,
};

/* The weights of the parts of a cost, in cache lines. */
static const float LARGEST = 0.2f; /* the share of the largest child in what a cut leaves to do, */
static const float EVEN = 0.5f;    /* and in the rest that of packets drawn from all headers */
static const float COPIES = 5.0f;  /* boxes twice as many as before, since they reach several children, where room for
                                      one  doubling is left */
static const float FORK = 2.5f;    /* a fork: another leaf is compared */
static const float SECOND = 0.66f; /* what is set apart is easier than the whole */

struct field {
    uint8_t slot, first, bits;                      /* of the slot from its bit `first` on */
    uint32_t told;                                  /* bits that the part tells */
    uint32_t known;                                 /* and those that are the same wherever a box asks them */
    uint32_t value[SAMPLE_MOST], mask[SAMPLE_MOST]; /* relative to `first` */
    float use[33];   /* [bit]: sum over the bits below of how well each tells boxes apart */
    int top;         /* the highest bit of use, -1 */
    uint32_t ranges; /* ports: boxes with neither all nor one */
};
struct tally {
    float boxes, drawn; /* that reach the child; packets drawn from them that do */
};
struct scratch {
    uint32_t boxes; /* in the sample */
    float at_a_point;
    unsigned fields;
    struct field field[FIELDS];
    uint16_t order[SAMPLE_MOST];
    uint8_t open[SAMPLE_MOST]; /* log2 of the children that a box reaches */
    struct tally tally[1 << WIDTH_MOST];
};

/* Of at most WIDTH_MOST bits. */
static inline unsigned ones(uint32_t bits)
{
    bits -= bits >> 1 & 0x5555;
    bits = (bits & 0x3333) + (bits >> 2 & 0x3333);
    bits = (bits + (bits >> 4)) & 0x0f0f;
    return (bits + (bits >> 8)) & 31;
}

static uint32_t jitter(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void sample_boxes(struct list l, uint32_t count, uint32_t picked[])
{
    uint64_t state = l.count * 0x9e3779b97f4a7c15u + l.box[0];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t from = (uint32_t)((uint64_t)i * l.count / count),
                       to = (uint32_t)((uint64_t)(i + 1) * l.count / count);
        picked[i] = l.box[from + (to - from > 1 ? jitter(&state) % (to - from) : 0)];
    }
}

static float port_share(struct port_range r, struct port_range all)
{
    const int lo = r.lo > all.lo ? r.lo : all.lo, hi = r.hi < all.hi ? r.hi : all.hi;
    return (float)(hi - lo + 1) / (float)(all.hi - all.lo + 1);
}

/* The bits that all ports of a range have in common. */
static uint32_t prefix_mask(uint32_t lo, uint32_t hi)
{
    uint32_t differs = lo ^ hi;
    differs |= differs >> 1;
    differs |= differs >> 2;
    differs |= differs >> 4;
    differs |= differs >> 8;
    return ~differs & 0xffff;
}

static void port_field(const struct build *b, const struct part *p, const uint32_t picked[], uint32_t count,
                       unsigned first, struct field *f)
{
    struct port_range s, d;
    part_ports(p, &s, &d);
    const struct port_range all = first ? d : s, *ports = first ? b->b->dport : b->b->sport;
    const uint32_t known = p->mask[SLOT_PORTS] >> first & 0xffff, value = p->value[SLOT_PORTS] >> first & 0xffff;
    f->slot = SLOT_PORTS;
    f->first = (uint8_t)first;
    f->bits = 16;
    f->told = f->known = known;
    f->ranges = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct port_range r = ports[picked[i]];
        const bool whole = r.lo <= all.lo && r.hi >= all.hi;
        const uint32_t lo = r.lo > all.lo ? r.lo : all.lo, hi = r.hi < all.hi ? r.hi : all.hi;
        f->mask[i] = (whole || lo > hi ? 0 : prefix_mask(lo, hi)) | known;
        f->value[i] = ((lo & ~known) | value) & f->mask[i];
        f->ranges += !whole && lo < hi;
    }
}

static void slot_field(const struct build *b, const struct part *p, const uint32_t picked[], uint32_t count,
                       unsigned column, struct field *f)
{
    const unsigned slot = b->b->slot[column];
    const uint32_t *value = b->b->value[column], *mask = b->b->mask[column], known = p->mask[slot];
    f->slot = (uint8_t)slot;
    f->first = 0;
    f->bits = 32;
    f->told = f->known = known;
    for (uint32_t i = 0; i < count; i++) {
        f->mask[i] = mask[picked[i]] | known;
        f->value[i] = (value[picked[i]] & ~known) | p->value[slot];
    }
}

/* Counts of 32 bits side by side: plane i holds bit i of each count. */
struct counts {
    uint32_t plane[10];
};
static inline void counts_add(struct counts *c, uint32_t bits)
{
    for (unsigned i = 0; bits && i < 10; i++) {
        const uint32_t carry = c->plane[i] & bits;
        c->plane[i] ^= bits;
        bits = carry;
    }
}
static uint32_t counts_get(const struct counts *c, unsigned bit)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < 10; i++) n |= (c->plane[i] >> bit & 1) << i;
    return n;
}

/* Bits that are the same wherever they are asked are taken for known: packets that have them otherwise find nothing
 * here, and are no reason to look at them. */
static void field_settle(struct field *f, uint32_t count)
{
    uint32_t set = 0, clear = 0;
    for (uint32_t i = 0; i < count; i++) {
        set |= f->value[i] & f->mask[i];
        clear |= ~f->value[i] & f->mask[i];
    }
    const uint32_t same = (set ^ clear) & ~f->known;
    f->known |= same;
    for (uint32_t i = 0; i < count; i++) {
        f->mask[i] |= same;
        f->value[i] = (f->value[i] & ~same) | (set & same);
    }
}

/* How well each bit tells boxes apart: the share of those that ask it, and how evenly. */
static bool field_use(struct field *f, uint32_t count)
{
    struct counts asked = {{0}}, set = {{0}};
    if (f->slot != SLOT_KIND) field_settle(f, count);
    for (uint32_t i = 0; i < count; i++) {
        counts_add(&asked, f->mask[i] & ~f->known);
        counts_add(&set, f->value[i] & f->mask[i] & ~f->known);
    }
    f->use[0] = 0;
    f->top = -1;
    for (unsigned bit = 0; bit < f->bits; bit++) {
        const uint32_t a = counts_get(&asked, bit), o = counts_get(&set, bit);
        const uint32_t fewer = o < a - o ? o : a - o;
        f->use[bit + 1] = f->use[bit] + (float)fewer * 2 / (float)count + (a ? (float)a / (float)count / 64 : 0);
        if (fewer) f->top = (int)bit;
    }
    return f->use[f->bits] > 0;
}

/* How many boxes hold for a key drawn from the part, on average. Where there are many, an early one soon covers all of
 * a small part, and cutting drops what is behind it: copies cost nothing then, and forks would keep apart what hides
 * one another. */
static float boxes_at_a_point(const struct build *b, struct list l, const struct part *p, const uint32_t picked[],
                              uint32_t count)
{
    struct port_range s, d;
    part_ports(p, &s, &d);
    float sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = picked[i];
        int asked = 0;
        if (b->coded && b->coded[b->b->entry[box]]) continue;
        for (unsigned c = 0; c < b->b->slots; c++) asked += __builtin_popcount(open_mask(b, p, box, c));
        sum += ldexpf(port_share(b->b->sport[box], s) * port_share(b->b->dport[box], d), -asked);
    }
    return sum / (float)count * (float)l.count;
}

static void fields_find(struct build *b, struct list l, const struct part *p, struct scratch *x)
{
    uint32_t picked[SAMPLE_MOST], count = l.count / 8;
    if (count < SAMPLE_LEAST) count = SAMPLE_LEAST;
    if (count > SAMPLE_MOST) count = SAMPLE_MOST;
    if (count > l.count) count = l.count;
    sample_boxes(l, count, picked);
    x->boxes = count;
    x->at_a_point = boxes_at_a_point(b, l, p, picked, count);
    x->fields = 0;
    for (unsigned c = 0; c < b->b->slots; c++) {
        slot_field(b, p, picked, count, c, &x->field[x->fields]);
        if (field_use(&x->field[x->fields], count)) x->fields++;
    }
    for (unsigned first = 0; first <= 16; first += 16) {
        port_field(b, p, picked, count, first, &x->field[x->fields]);
        if (field_use(&x->field[x->fields], count) || x->field[x->fields].ranges) x->fields++;
    }
}

/* How much of the way from the list to leaves is still to go from so many boxes: 0 .. 1. */
static float left_to_do(float list, float boxes)
{
    return boxes <= LEAF_FEW ? 0 : log2f(boxes / LEAF_FEW) / log2f(list / LEAF_FEW);
}

struct candidate {
    float score;
    struct plan plan;
};
struct scoring {
    bool dense; /* so many boxes hold at a point that small parts are covered whole */
    struct scratch *x;
    uint32_t boxes;
    float budget, copies, unit; /* copies: the price of twice as many boxes; unit: bytes of a block */
    unsigned forks, tried;      /* windows */
    struct candidate *best;
    unsigned count;
};

/* A way is as good as what it costs for what it does: if the rest goes on like this, that is what the whole costs. */
static void offer(struct scoring *s, float cost, float left, struct plan plan)
{
    if (s->count < CANDIDATES && left < 0.99f) s->best[s->count++] = (struct candidate){cost / (1 - left), plan};
}

/* What the boxes looked at so far, those that reach the fewest children, do to the children. */
struct sums {
    float boxes, pairs, reach, highest, spread, children, once, twice;
};

static void sums_add(struct sums *s, struct tally *t, uint32_t children, uint32_t value, uint32_t open,
                     unsigned log2_reach)
{
    const float reach = (float)(1u << log2_reach), part = reach / (float)children;
    if (log2_reach > SPREAD) {
        s->pairs += s->reach / (float)children + s->boxes * part;
        s->spread += part;
    } else {
        uint32_t sub = 0;
        do {
            struct tally *c = &t[value | sub];
            s->pairs += c->boxes / reach + c->drawn;
            s->children += c->boxes == 0;
            s->once += c->boxes == 0 ? 1.0f : c->boxes == 1 ? -1.0f : 0.0f;
            s->twice += c->boxes == 1 ? 1.0f : c->boxes == 2 ? -1.0f : 0.0f;
            c->boxes += 1;
            c->drawn += 1 / reach;
            if (c->boxes > s->highest) s->highest = c->boxes;
            sub = (sub - open) & open;
        } while (sub);
    }
    s->reach += reach;
    s->boxes += 1;
}

/* The cost of cutting all that the sums hold, and how much is left to do then. Negative: no use, or no room. */
static float cut_cost(const struct scoring *s, const struct sums *m, uint32_t children, float *left)
{
    const float scale = (float)s->boxes / (float)s->x->boxes, all = m->boxes * scale, own = m->boxes - m->spread;
    const float met = m->boxes > 1 ? 1 + m->pairs / (m->boxes * (m->boxes - 1)) * (all - 1) : 1;
    const float even = m->reach * scale / (float)children;
    float used = m->children;
    if (scale > 1) used += m->once * m->once / (2 * m->twice + 2);
    if (used > own * scale) used = own * scale;
    if (used > (float)children) used = (float)children;
    if (used < 1) used = 1;
    float largest = (m->highest - (scale > 1 ? 1 : 0)) * scale + m->spread * scale;
    if (largest < met) largest = met;
    if (met > all * 0.97f && all > 2) return -1;
    const float slots = (m->reach - m->spread * (float)children) * scale + m->spread * scale * used;
    const float bytes = (float)children * 8 + (slots / LEAF_FEW + used / 2) * s->unit;
    if (bytes > s->budget && !s->dense) return -1;
    const float n = (float)s->boxes;
    const float mean = (1 - EVEN) * left_to_do(n, met) + EVEN * left_to_do(n, even);
    *left = (1 - LARGEST) * mean + LARGEST * left_to_do(n, largest);
    return 1 + s->copies * (slots > all ? log2f(slots / all) : 0);
}

/* Boxes that reach several children stand in each, and the room for that is bounded: the less is left, the dearer. */
static float copies_price(const struct scoring *s)
{
    const float room = log2f(s->budget / (float)s->boxes * LEAF_FEW / s->unit);
    return COPIES / (room > 0.2f ? room : 0.2f);
}

static void try_window(struct scoring *s, const struct field *f, unsigned shift, unsigned width)
{
    struct scratch *x = s->x;
    const uint32_t wrap = (1u << width) - 1;
    const struct window w = {f->slot, (uint8_t)(f->first + shift), (uint8_t)width};
    s->tried++;
    unsigned ends[WIDTH_MOST + 2] = {0};
    for (uint32_t i = 0; i < x->boxes; i++) {
        x->open[i] = (uint8_t)ones(~(f->mask[i] >> shift) & wrap);
        ends[x->open[i] + 1]++;
    }
    for (unsigned k = 1; k <= width + 1; k++) ends[k] += ends[k - 1];
    for (uint32_t i = 0; i < x->boxes; i++) x->order[ends[x->open[i]]++] = (uint16_t)i;
    memset(x->tally, 0, (wrap + 1) * sizeof *x->tally);
    struct sums sums = {0};
    uint32_t i = 0;
    for (unsigned k = 0; k <= width; k++) {
        for (; i < ends[k]; i++) {
            const uint32_t j = x->order[i], mask = f->mask[j] >> shift & wrap;
            sums_add(&sums, x->tally, wrap + 1, f->value[j] >> shift & mask, wrap & ~mask, k);
        }
        if (i == 0 || (k && ends[k] == ends[k - 1])) continue;
        float left;
        const float cost = cut_cost(s, &sums, wrap + 1, &left);
        if (cost < 0) continue;
        if (i == x->boxes) {
            offer(s, cost, left, (struct plan){WAY_CUT, w, 0});
        } else if (s->forks && f->slot != SLOT_KIND) {
            const float wide = (float)(x->boxes - i) * (float)s->boxes / (float)x->boxes;
            left += SECOND * left_to_do((float)s->boxes, wide);
            offer(s, cost + FORK, left, (struct plan){WAY_FORK, w, 1u << k});
        }
    }
}

static void try_field(struct scoring *s, const struct field *f)
{
    for (unsigned width = 1; width <= WIDTH_MOST && width <= f->bits; width += width < 4 ? 1 : 2) {
        if (s->dense && width > DENSE_WIDTH) break;
        if ((1u << width) > 16 && (1u << width) > s->boxes) break;
        if ((float)(8u << width) > s->budget) break;
        unsigned best = 0;
        for (unsigned shift = 1; shift + width <= f->bits; shift++)
            if (f->use[shift + width] - f->use[shift] >= f->use[best + width] - f->use[best]) best = shift;
        try_window(s, f, best, width);
        const unsigned anchored = f->top + 1 >= (int)width ? (unsigned)(f->top + 1) - width : 0;
        if (f->top >= 0 && anchored != best) try_window(s, f, anchored, width);
    }
}

/* Kind decides what the rest of a key means: while many boxes ask its bits, it is cut on before all else. */
static bool kind_window(const struct scratch *x, struct window *w)
{
    enum { KIND_WIDTH_MOST = 11 };
    const struct field *f = NULL;
    for (unsigned i = 0; i < x->fields; i++)
        if (x->field[i].slot == SLOT_KIND) f = &x->field[i];
    if (!f) return false;
    uint32_t asked[32] = {0}, most = 0;
    for (uint32_t i = 0; i < x->boxes; i++)
        for (unsigned bit = 0; bit < 32; bit++) asked[bit] += (f->mask[i] & ~f->known) >> bit & 1;
    unsigned first = 32, last = 0;
    for (unsigned bit = 0; bit < 32; bit++)
        if (asked[bit] > most) most = asked[bit];
    if (most * 4 < x->boxes) return false;
    for (unsigned bit = 0; bit < 32; bit++) {
        if (asked[bit] * 8 < x->boxes || asked[bit] == 0) continue;
        if (first == 32) first = bit;
        if (bit - first < KIND_WIDTH_MOST) last = bit;
    }
    *w = (struct window){SLOT_KIND, (uint8_t)first, (uint8_t)(last - first + 1)};
    return true;
}

/* Ranges of ports may have no bit in common and still be told apart by the highest that is open. */
static bool range_window(const struct scratch *x, struct window *w)
{
    const struct field *best = NULL;
    for (unsigned i = 0; i < x->fields; i++)
        if (x->field[i].slot == SLOT_PORTS && x->field[i].ranges * 4 > x->boxes && (~x->field[i].told & 0xffff) &&
            (!best || x->field[i].ranges > best->ranges || ~x->field[i].told > ~best->told))
            best = &x->field[i];
    if (!best) return false;
    const unsigned top = 31u - (unsigned)__builtin_clz(~best->told & 0xffff);
    *w = (struct window){SLOT_PORTS, (uint8_t)(best->first + (top ? top - 1 : 0)), top ? 2 : 1};
    return true;
}

static bool kind_is_open(const struct build *b, struct list l, const struct part *p)
{
    const unsigned c = b->column[SLOT_KIND];
    for (uint32_t i = 0; c != NO_COLUMN && i < l.count; i++)
        if (open_mask(b, p, l.box[i], c)) return true;
    return false;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return memcmp(&x->plan, &y->plan, sizeof x->plan);
}

/* Boxes that a leaf may hold without need: of those that take more bytes fewer. */
static uint32_t leaf_most(uint64_t bytes, uint32_t boxes)
{
    const uint64_t unit = bytes / ((boxes + LEAF_FEW - 1) / LEAF_FEW) / sizeof(struct pbc_block);
    return unit <= 1 ? LEAF_BOXES : unit <= 2 ? LEAF_BOXES * 2 / 3 : LEAF_FEW;
}

unsigned plans_find(struct build *b, struct list l, const struct part *p, struct allowance a, struct plan plans[],
                    unsigned most)
{
    struct candidate best[CANDIDATES];
    struct window w;
    unsigned n = 0;
    if (!b->scratch) b->scratch = mem_take(b, sizeof *b->scratch);
    if (b->failed) return 0;
    struct scratch *x = b->scratch;
    const uint64_t bytes = leaf_bytes(b, p, l);
    const bool leaf = bytes && l.count <= leaf_most(bytes, l.count);
    if (leaf && !kind_is_open(b, l, p)) {
        plans[0] = (struct plan){.way = WAY_LEAF};
        return 1;
    }
    fields_find(b, l, p, x);
    b->work += x->boxes;
    if (kind_window(x, &w)) plans[n++] = (struct plan){.way = WAY_CUT, .window = w};
    if (leaf) plans[n++] = (struct plan){.way = WAY_LEAF};
    if (leaf) return n;
    struct scoring s = {.x = x, .boxes = l.count, .budget = (float)a.bytes, .forks = a.forks, .best = best};
    s.unit = bytes ? (float)bytes / (float)((l.count + LEAF_FEW - 1) / LEAF_FEW) : 4 * sizeof(struct pbc_block);
    s.dense = x->at_a_point > DENSE;
    s.copies = s.dense ? 0 : copies_price(&s);
    if (s.dense) s.forks = 0;
    for (unsigned i = 0; i < x->fields; i++) try_field(&s, &x->field[i]);
    b->work += (uint64_t)s.tried * x->boxes;
    qsort(best, s.count, sizeof *best, by_score);
    for (unsigned i = 0; i < s.count && n + 2 < most; i++) plans[n++] = best[i].plan;
    if (!range_window(x, &w)) return n;
    plans[n++] = (struct plan){.way = WAY_CUT, .window = w};
    if (w.width == 2 && n < most)
        plans[n++] = (struct plan){.way = WAY_CUT, .window = {w.slot, (uint8_t)(w.shift + 1), 1}};
    return n;
}
