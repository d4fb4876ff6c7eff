/* Leaves: runs of blocks of eight lanes, in the smallest format that holds the bits that their boxes ask and the part
 * leaves open. Equal leaves are stored once. */
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"
#include "vm/packet/key.h"

enum { LANES = 8, SLOTS_MOST = 14, HALF_FIRST_SLOT = 11, NO_HALF = 20 };

/* Find the bits of each slot that some box asks and the part leaves open. */
static void open_slots(const struct build *b, const struct part *p, struct list l, uint32_t open[16])
{
    memset(open, 0, 16 * sizeof *open);
    for (unsigned c = 0; c < b->b->slots; c++) {
        const uint32_t *mask = b->b->mask[c];
        uint32_t asked = 0;
        for (uint32_t i = 0; i < l.count; i++) asked |= mask[l.box[i]];
        open[b->b->slot[c]] = asked & ~p->mask[b->b->slot[c]];
    }
}

/* Return a slot of which only one half is asked, for the format's half; 16: none. */
static unsigned half_slot(const uint32_t open[16])
{
    for (unsigned s = 15; s >= HALF_FIRST_SLOT; s--)
        if (open[s] && (!(open[s] >> 16) || !(open[s] & 0xffff))) return s;
    return 16;
}

static bool format_of(const struct build *b, const uint32_t open[16], struct pbc_format *f)
{
    const unsigned half = half_slot(open);
    unsigned n = 0;
    *f = (struct pbc_format){.half = NO_HALF};
    if (half < 16) f->half = (uint8_t)(half * 2 + (open[half] >> 16 ? 1 : 0));
    if (b->b->rank[0]) {
        f->slot[n++] = KEY_SLOT(src);
        f->slot[n++] = KEY_SLOT(dst);
    }
    for (unsigned s = 0; s < 16; s++) {
        if (!open[s] || s == half) continue;
        if (n == SLOTS_MOST) return false;
        f->slot[n++] = (uint8_t)s;
    }
    f->size = n <= pbc_format_slots(1) ? 1 : n <= pbc_format_slots(2) ? 2 : 4;
    return true;
}

static uint32_t blocks_of(uint32_t lanes) { return (lanes + LANES - 1) / LANES; }

uint64_t leaf_bytes(const struct build *b, const struct part *p, struct list l)
{
    uint32_t open[16];
    struct pbc_format f;
    open_slots(b, p, l, open);
    if (!format_of(b, open, &f)) return 0;
    return (uint64_t)blocks_of(l.count) * f.size * sizeof(struct pbc_block) + sizeof f;
}

/* Return the number of the format, found by a scan of the few formats. */
static uint32_t format_number(struct build *b, const struct pbc_format *f)
{
    for (uint32_t i = 0; i < b->format_count; i++)
        if (memcmp(&b->formats[i], f, sizeof *f) == 0) return i;
    struct pbc_format *grown = mem_grow(b, b->formats, b->format_count, &b->format_cap, sizeof *f, 1);
    if (!grown) return 0;
    b->formats = grown;
    b->formats[b->format_count] = *f;
    return b->format_count++;
}

static uint32_t port_lane(struct range r, struct range within)
{
    return range_holds(r, within) ? 0 : r.lo | (65535u - r.hi) << 16;
}

struct filling {
    const struct part *p;
    const struct pbc_format *f;
    struct range range[RANGES_MOST]; /* the part's */
};

/* Ranks that hold for the whole part are written as if they held for all, so that equal leaves are more often equal. */
static void fill_ranks(const struct build *b, const struct filling *x, uint32_t box, uint32_t *col, uint32_t lane)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct range r = box_range(b->b, RANGE_SRC + i, box);
        const bool whole = range_holds(r, x->range[RANGE_SRC + i]);
        col[i * LANES + lane] = whole ? 0 : r.lo;
        col[(pbc_format_slots(x->f->size) + i) * LANES + lane] = whole ? UINT32_MAX : r.hi;
    }
}

static void fill_lane(const struct build *b, const struct filling *x, uint32_t box, uint32_t *col, uint32_t lane)
{
    const struct boxes *s = b->b;
    const unsigned size = x->f->size, slots = pbc_format_slots(size);
    if (s->rank[0]) fill_ranks(b, x, box, col, lane);
    for (unsigned i = s->rank[0] ? 2 : 0; i < slots; i++) {
        const unsigned slot = x->f->slot[i], c = b->column[slot];
        if (c == NO_COLUMN || (i && !slot)) continue;
        const uint32_t mask = s->mask[c][box] & ~x->p->mask[slot];
        col[i * LANES + lane] = s->value[c][box] & mask;
        col[(slots + i) * LANES + lane] = mask;
    }
    col[pbc_col_sport(size) * LANES + lane] = port_lane(box_range(s, RANGE_SPORT, box), x->range[RANGE_SPORT]);
    col[pbc_col_dport(size) * LANES + lane] = port_lane(box_range(s, RANGE_DPORT, box), x->range[RANGE_DPORT]);
    const unsigned slot = x->f->half / 2, c = b->column[slot];
    if (slot != SLOT_PORTS && c != NO_COLUMN) {
        const uint32_t shift = (x->f->half & 1u) * 16, mask = (s->mask[c][box] & ~x->p->mask[slot]) >> shift & 0xffff;
        col[pbc_col_half(size) * LANES + lane] = (s->value[c][box] >> shift & mask) | mask << 16;
    }
    col[pbc_col_entry(size) * LANES + lane] = s->entry[box];
}

static void fill(const struct build *b, const struct filling *x, struct list l, struct pbc_block *blocks)
{
    const uint32_t count = blocks_of(l.count), size = x->f->size;
    memset(blocks, 0, (size_t)count * size * sizeof *blocks);
    for (uint32_t i = 0; i < count * LANES; i++) {
        uint32_t *col = (uint32_t *)(void *)(blocks + i / LANES * size);
        const uint32_t lane = i % LANES, entry = pbc_col_entry(size) * LANES + lane;
        if (i < l.count) {
            fill_lane(b, x, l.box[i], col, lane);
        } else {
            col[lane] = 1;
            col[entry] = PBC_LANE_NONE;
        }
        if (lane == LANES - 1 && i + 1 < count * LANES) col[entry] |= PBC_LANE_MORE;
    }
}

struct content {
    const struct pbc_block *blocks;
    uint32_t units, format;
};

static bool equal(const struct build *b, uint32_t member, const void *what)
{
    const struct content *c = what;
    const struct leaf *l = &b->leaves[member];
    return l->format == c->format && l->units == c->units &&
           memcmp(b->blocks + l->block, c->blocks, c->units * sizeof *c->blocks) == 0;
}

/* Count entries with code, each once: a rule's boxes stand side by side. */
static uint32_t coded_entries(const struct build *b, struct list l)
{
    uint32_t coded = 0;
    for (uint32_t i = 0, before = UINT32_MAX; b->coded && i < l.count; i++) {
        const uint32_t entry = b->b->entry[l.box[i]];
        coded += entry != before && b->coded[entry];
        before = entry;
    }
    return coded;
}

static uint32_t leaf_new(struct build *b, const struct content *c, struct list l)
{
    struct leaf *leaves = mem_grow(b, b->leaves, b->leaf_count, &b->leaf_cap, sizeof *leaves, 1);
    if (leaves) b->leaves = leaves;
    struct pbc_block *blocks = mem_grow(b, b->blocks, b->block_count, &b->block_cap, sizeof *blocks, c->units);
    if (blocks) b->blocks = blocks;
    if (b->failed) return 0;
    memcpy(b->blocks + b->block_count, c->blocks, c->units * sizeof *blocks);
    b->leaves[b->leaf_count] = (struct leaf){.block = b->block_count,
                                             .lanes = l.count,
                                             .units = c->units,
                                             .format = (uint16_t)c->format,
                                             .chain = coded_entries(b, l),
                                             .least = b->b->entry[l.box[0]]};
    b->block_count += c->units;
    bound_lines(b, unit_lines(c->units));
    if (!b->longest || l.count > b->leaves[b->longest - 1].lanes) b->longest = b->leaf_count + 1;
    return b->leaf_count++;
}

uint64_t leaf_word(struct build *b, const struct part *p, struct list l)
{
    const struct stack_mark mark = stack_mark(b);
    uint32_t open[16];
    struct pbc_format f;
    open_slots(b, p, l, open);
    if (!format_of(b, open, &f)) return TREE_NONE;
    struct filling x = {.p = p, .f = &f};
    for (unsigned r = 0; r < range_fields(b->b); r++) x.range[r] = part_range(b->b, p, r);
    struct content c = {.units = blocks_of(l.count) * f.size, .format = format_number(b, &f)};
    struct pbc_block *blocks = stack_get(b, c.units * sizeof *blocks);
    if (!blocks || b->failed) return TREE_NONE;
    fill(b, &x, l, blocks);
    c.blocks = blocks;
    const uint32_t hash = hash_bytes(blocks, c.units * sizeof *blocks) ^ c.format;
    struct place *at = index_find(b, &b->leaf_index, hash, equal, &c);
    uint32_t leaf = 0;
    if (at && at->member) {
        leaf = at->member - 1;
    } else if (at) {
        leaf = leaf_new(b, &c, l);
        index_put(&b->leaf_index, at, hash, leaf);
    }
    stack_release(b, mark);
    return TREE_LEAF_WORD(leaf, c.format);
}
