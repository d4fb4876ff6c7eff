/* Questions of a list's boxes in a part: a sample of the boxes, jittered rather than at a fixed stride, since lists
 * are written in patterns; and for each field, how well its bits distinguish the sampled boxes. */
#include <math.h>

#include "compiler/classify/tree/score_priv.h"

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

static float range_share(struct range r, struct range all)
{
    const struct range in = range_clip(r, all);
    return in.lo > in.hi ? 0 : ((float)(in.hi - in.lo) + 1) / ((float)(all.hi - all.lo) + 1);
}

/* Return the mask of the bits that all values of a range share. */
static uint32_t prefix_mask(uint32_t lo, uint32_t hi)
{
    uint32_t differs = lo ^ hi;
    differs |= differs >> 1;
    differs |= differs >> 2;
    differs |= differs >> 4;
    differs |= differs >> 8;
    differs |= differs >> 16;
    return ~differs;
}

static void range_field(const struct build *b, const struct part *p, const uint32_t picked[], uint32_t count,
                        unsigned field, struct field *f)
{
    const struct range_place at = range_place(b->b, field);
    const struct range all = part_range(b->b, p, field);
    const uint32_t bits = UINT32_MAX >> (32 - at.bits), known = p->mask[at.slot] >> at.first & bits,
                   value = p->value[at.slot] >> at.first & bits;
    f->slot = at.slot;
    f->first = at.first;
    f->bits = at.bits;
    f->told = f->known = known;
    f->ranges = 0;
    f->range = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct range r = box_range(b->b, field, picked[i]), in = range_clip(r, all);
        const bool whole = range_holds(r, all);
        f->mask[i] = ((whole || in.lo > in.hi ? 0 : prefix_mask(in.lo, in.hi)) & bits) | known;
        f->value[i] = ((in.lo & ~known) | value) & f->mask[i];
        f->ranges += !whole && in.lo < in.hi;
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
    f->range = false;
    f->told = f->known = known;
    for (uint32_t i = 0; i < count; i++) {
        f->mask[i] = mask[picked[i]] | known;
        f->value[i] = (value[picked[i]] & ~known) | p->value[slot];
    }
}

/* Counts of 64 bits side by side: plane i holds bit i of each count. */
struct counts {
    uint64_t plane[10];
};
static inline void counts_add(struct counts *c, uint64_t bits)
{
    for (unsigned i = 0; bits && i < 10; i++) {
        const uint64_t carry = c->plane[i] & bits;
        c->plane[i] ^= bits;
        bits = carry;
    }
}
static uint32_t counts_get(const struct counts *c, unsigned bit)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < 10; i++) n |= (uint32_t)(c->plane[i] >> bit & 1) << i;
    return n;
}

/* Treat bits with the same value in all boxes that ask them as known: packets with other values find nothing here,
 * so these bits need no test. */
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

/* Rate how well each bit distinguishes boxes: by the share of boxes that ask it, and its evenness. False: no use. */
static bool field_use(struct field *f, uint32_t count)
{
    struct counts counts = {{0}}; /* bits that are asked; from bit 32 on, bits that are set of these */
    uint32_t open = 0;
    if (f->slot != SLOT_KIND) field_settle(f, count);
    for (uint32_t i = 0; i < count; i++) open |= f->mask[i] & ~f->known;
    for (uint32_t i = 0; i < count && open; i++) {
        const uint32_t asked = f->mask[i] & ~f->known;
        counts_add(&counts, asked | (uint64_t)(f->value[i] & asked) << 32);
    }
    f->use[0] = 0;
    f->top = -1;
    for (unsigned bit = 0; bit < f->bits; bit++) {
        const uint32_t a = counts_get(&counts, bit), o = counts_get(&counts, bit + 32);
        const uint32_t fewer = o < a - o ? o : a - o;
        f->use[bit + 1] = f->use[bit] + (float)fewer * 2 / (float)count + (a ? (float)a / (float)count / 64 : 0);
        if (fewer) f->top = (int)bit;
    }
    return f->use[f->bits] > 0;
}

/* Return the mean number of boxes that hold for a key drawn from the part. If there are many, an early box soon
 * covers all of a small part, and cutting drops the boxes behind it. Copies are then free, and forks would separate
 * boxes that hide one another. */
static float boxes_at_a_point(const struct build *b, struct list l, const struct part *p, const uint32_t picked[],
                              uint32_t count)
{
    struct range all[RANGES_MOST];
    for (unsigned f = 0; f < range_fields(b->b); f++) all[f] = part_range(b->b, p, f);
    float sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = picked[i];
        int asked = 0;
        if (b->coded && b->coded[b->b->entry[box]]) continue;
        for (unsigned c = 0; c < b->b->slots; c++) asked += __builtin_popcount(open_mask(b, p, box, c));
        float share = 1;
        for (unsigned f = 0; f < range_fields(b->b); f++) share *= range_share(box_range(b->b, f, box), all[f]);
        sum += ldexpf(share, -asked);
    }
    return sum / (float)count * (float)l.count;
}

void fields_find(const struct build *b, struct list l, const struct part *p, struct scratch *x)
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
    for (unsigned f = 0; f < range_fields(b->b); f++) {
        range_field(b, p, picked, count, f, &x->field[x->fields]);
        if (field_use(&x->field[x->fields], count) || x->field[x->fields].ranges) x->fields++;
    }
}
