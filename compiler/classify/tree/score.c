/* The choice of a window to cut on, or of boxes to set apart first. Windows of every field are tried on a sample of
 * the boxes. A cut is judged by the part of the way to leaves that it covers, and by the number of boxes in its
 * children. These are the children that a packet drawn from the boxes meets, those that a packet drawn from all
 * headers meets, and, for a share of it, the largest child. */
#include "compiler/classify/tree/score_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPREAD = 4, /* log2 of children; boxes that reach more are taken to reach them evenly */
    CANDIDATES = 160,
    DENSE = 32, /* boxes at a point that make a part dense */
    DENSE_WIDTH = 2,
    UNIT = PRICED_LINES * sizeof(struct pbc_line), /* bytes that cost as much to compare as a small block */
};

/* Weights in a cost, in steps, that is, reads of a word of the tree. */
struct weights {
    float largest;            /* share of the largest child in the work that a cut leaves */
    float second;             /* work for the boxes set apart, relative to the whole */
    uint32_t leaf, leaf_long; /* boxes of a leaf of small blocks: without need; at most, if that is cheaper */
};
static const struct weights usual = {0.2f, 0.6f, LEAF_BOXES, LEAF_LONG}, short_ways = {0.4f, 1, LEAF_FEW, LEAF_BOXES};
static const float EVEN = 0.4f; /* share, in the rest of that work, of packets drawn from all headers */
static const float COPIES = 2;  /* cost of doubling the boxes by copies, if there is room for one doubling */
static const float FORK = 2.5f; /* cost of a fork: one more leaf is compared */
static const float FURTHER = 1; /* cost of each unit of a leaf behind the first: many searches end before it */

/* Return the remaining part of the way from the list to leaves for this number of boxes: 0 .. 1. */
static float left_to_do(float list, float boxes)
{
    return boxes <= LEAF_FEW ? 0 : log2f(boxes / LEAF_FEW) / log2f(list / LEAF_FEW);
}

struct candidate {
    float score;
    struct plan plan;
};
struct scoring {
    const struct weights *weights;
    bool dense; /* true if enough boxes hold at a point to cover small parts completely */
    struct scratch *x;
    uint32_t boxes;
    float budget, copies, unit; /* copies: price of twice as many boxes; unit: bytes of a block */
    unsigned forks, tried;      /* tried: number of windows */
    struct candidate *best;
    unsigned count;
};

/* Offer a way, rated by its cost for its progress: the cost of the whole if the rest goes on like this. */
static void plan_offer(struct scoring *s, float cost, float left, struct plan plan)
{
    if (s->count < CANDIDATES && left < 0.99f) s->best[s->count++] = (struct candidate){cost / (1 - left), plan};
}

/* Effect of the boxes looked at so far on the children. These boxes reach the fewest children. */
struct sums {
    float boxes, pairs, reach, spread;
    uint32_t highest;
    uint64_t met; /* 16 bits each: how often a child had no box, one, two or more when a box came to it */
};
static inline float times_met(const struct sums *s, unsigned boxes) { return (float)(s->met >> 16 * boxes & 0xffff); }

static void tally_sum(struct sums *s, struct tally *t, uint32_t children, uint32_t value, uint32_t open,
                      unsigned log2_reach)
{
    const float reach = (float)(1u << log2_reach), part = reach / (float)children;
    if (log2_reach > SPREAD) {
        s->pairs += s->reach / (float)children + s->boxes * part;
        s->spread += part;
    } else {
        const float share = 1 / reach; /* a power of two, so products are exact */
        uint32_t sub = 0;
        do {
            struct tally *c = &t[value | sub];
            s->pairs += (float)c->boxes * share + c->drawn;
            s->met += UINT64_C(1) << 16 * (c->boxes < 3 ? c->boxes : 3);
            c->boxes++;
            c->drawn += share;
            if (c->boxes > s->highest) s->highest = c->boxes;
            sub = (sub - open) & open;
        } while (sub);
    }
    s->reach += reach;
    s->boxes += 1;
}

/* Return the cost of cutting all boxes in the sums, and the work left after that. Negative: useless, or no room. */
static float cut_cost(const struct scoring *s, const struct sums *m, uint32_t children, float *left)
{
    const float scale = (float)s->boxes / (float)s->x->boxes, all = m->boxes * scale, own = m->boxes - m->spread;
    const float met = m->boxes > 1 ? 1 + m->pairs / (m->boxes * (m->boxes - 1)) * (all - 1) : 1;
    const float even = m->reach * scale / (float)children;
    float used = times_met(m, 0);
    const float once = used - times_met(m, 1),
                twice = times_met(m, 1) - times_met(m, 2); /* children with one box, with two */
    if (scale > 1) used += once * once / (2 * twice + 2);
    if (used > own * scale) used = own * scale;
    if (used > (float)children) used = (float)children;
    if (used < 1) used = 1;
    float largest = ((float)m->highest - (scale > 1 ? 1 : 0)) * scale + m->spread * scale;
    if (largest < met) largest = met;
    if (met > all * 0.97f && all > 2) return -1;
    const float slots = (m->reach - m->spread * (float)children) * scale + m->spread * scale * used;
    const float bytes = (float)children * 8 + (slots / LEAF_FEW + used / 2) * s->unit;
    if (bytes > s->budget && !s->dense) return -1;
    const float n = (float)s->boxes;
    const float mean = (1 - EVEN) * left_to_do(n, met) + EVEN * left_to_do(n, even);
    *left = (1 - s->weights->largest) * mean + s->weights->largest * left_to_do(n, largest);
    return 1 + s->copies * (slots > all ? log2f(slots / all) : 0);
}

/* Return the price of copies of boxes that reach several children: higher if less room is left. */
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
            tally_sum(&sums, x->tally, wrap + 1, f->value[j] >> shift & mask, wrap & ~mask, k);
        }
        if (i == 0 || (k && ends[k] == ends[k - 1])) continue;
        float left;
        const float cost = cut_cost(s, &sums, wrap + 1, &left);
        if (cost < 0) continue;
        if (i == x->boxes) {
            plan_offer(s, cost, left, (struct plan){WAY_CUT, w, 0});
        } else if (s->forks && f->slot != SLOT_KIND) {
            const float wide = (float)(x->boxes - i) * (float)s->boxes / (float)x->boxes;
            left += s->weights->second * left_to_do((float)s->boxes, wide);
            plan_offer(s, cost + FORK, left, (struct plan){WAY_FORK, w, 1u << k});
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

/* Choose a window of kind first, while many boxes ask its bits: it decides the meaning of the rest of a key. */
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

static uint32_t untold(const struct field *f) { return ~f->told & UINT32_MAX >> (32 - f->bits); }

/* Choose a window of the highest open bits of a range field: ranges may share no bits and still be distinguished by
 * these. */
static bool range_window(const struct scratch *x, struct window *w)
{
    const struct field *best = NULL;
    for (unsigned i = 0; i < x->fields; i++)
        if (x->field[i].range && x->field[i].ranges * 4 > x->boxes && untold(&x->field[i]) &&
            (!best || x->field[i].ranges > best->ranges || untold(&x->field[i]) > untold(best)))
            best = &x->field[i];
    if (!best) return false;
    const unsigned top = 31u - (unsigned)__builtin_clz(untold(best));
    *w = (struct window){best->slot, (uint8_t)(best->first + (top ? top - 1 : 0)), top ? 2 : 1};
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

/* Return the number of boxes that a leaf may hold without need: fewer for larger blocks. */
static uint32_t leaf_most(const struct weights *w, uint64_t bytes, uint32_t blocks)
{
    const uint64_t lines = bytes / blocks / sizeof(struct pbc_line);
    return lines <= 4 ? w->leaf : lines <= 8 ? LEAF_BOXES * 2 / 3 : LEAF_FEW;
}

/* True if comparing all boxes, `bytes` in a leaf, is cheaper than the best way to continue, which is first. */
static bool compare_all(const struct scoring *s, struct list l, uint64_t bytes)
{
    const float units = (float)(bytes / UNIT);
    return bytes && l.count <= s->weights->leaf_long && s->count && s->best->score > FURTHER * (units - 1);
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
    const struct weights *const weights = b->short_ways ? &short_ways : &usual;
    const uint32_t blocks = (l.count + LEAF_FEW - 1) / LEAF_FEW;
    const bool leaf = bytes && l.count <= leaf_most(weights, bytes, blocks);
    if (leaf && !kind_is_open(b, l, p)) {
        plans[0] = (struct plan){.way = WAY_LEAF};
        return 1;
    }
    fields_find(b, l, p, x);
    b->work += x->boxes;
    if (kind_window(x, &w)) plans[n++] = (struct plan){.way = WAY_CUT, .window = w};
    if (leaf) plans[n++] = (struct plan){.way = WAY_LEAF};
    if (leaf) return n;
    struct scoring s = {
        .weights = weights, .x = x, .boxes = l.count, .budget = (float)a.bytes, .forks = a.forks, .best = best};
    s.unit = bytes ? (float)bytes / (float)blocks : PBC_LINES_MOST * sizeof(struct pbc_line);
    s.dense = x->at_a_point > DENSE;
    s.copies = s.dense ? 0 : copies_price(&s);
    if (s.dense) s.forks = 0;
    for (unsigned i = 0; i < x->fields; i++) try_field(&s, &x->field[i]);
    b->work += (uint64_t)s.tried * x->boxes;
    qsort(best, s.count, sizeof *best, by_score);
    if (compare_all(&s, l, bytes)) {
        plans[n++] = (struct plan){.way = WAY_LEAF};
        return n;
    }
    for (unsigned i = 0; i < s.count && n + 2 < most; i++) plans[n++] = best[i].plan;
    if (!range_window(x, &w)) return n;
    plans[n++] = (struct plan){.way = WAY_CUT, .window = w};
    if (w.width == 2 && n < most)
        plans[n++] = (struct plan){.way = WAY_CUT, .window = {w.slot, (uint8_t)(w.shift + 1), 1}};
    return n;
}
