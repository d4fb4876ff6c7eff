/* Leaves: runs of blocks of eight lanes, with a column for each half of the key that their boxes ask and the part
 * leaves open. Equal leaves are stored once. */
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"
#include "lang/hash.h"
#include "vm/packet/key.h"

enum { LANES = 8, HALVES = 32, SPORT = KEY_HALF(src_port), DPORT = KEY_HALF(dst_port) };

static uint32_t half_of(uint32_t slot, unsigned half) { return slot >> half % 2 * 16 & 0xffff; }

/* Return 1 if some box of the list does not hold for all ports of the part. */
static uint32_t asks_port(const struct build *b, const struct part *p, struct list l, enum range_field field)
{
    const struct range within = part_range(b->b, p, field);
    for (uint32_t i = 0; i < l.count; i++)
        if (!range_holds(box_range(b->b, field, l.box[i]), within)) return 1;
    return 0;
}

/* Return a bit for each half of which some box asks bits that the part leaves open. */
static uint32_t open_halves(const struct build *b, const struct part *p, struct list l)
{
    uint32_t open = asks_port(b, p, l, RANGE_SPORT) << SPORT | asks_port(b, p, l, RANGE_DPORT) << DPORT;
    for (unsigned c = 0; c < b->b->slots; c++) {
        const unsigned slot = b->b->slot[c];
        const uint32_t *mask = b->b->mask[c];
        uint32_t asked = 0;
        for (uint32_t i = 0; i < l.count; i++) asked |= mask[l.box[i]];
        asked &= ~p->mask[slot];
        open |= (uint32_t)((asked & 0xffff) != 0) << 2 * slot | (uint32_t)(asked >> 16 != 0) << (2 * slot + 1);
    }
    return open;
}

static unsigned rank_columns(const struct build *b) { return b->b->rank[0] ? PBC_RANK_COLUMNS : 0; }

static bool is_masked(const struct build *b, unsigned half) { return b->no_prefixes >> half & 1; }

/* Return the number of columns behind the entries for these halves. The first column is by range, and the number is
 * odd. */
static unsigned columns_of(const struct build *b, uint32_t open)
{
    const unsigned ranks = rank_columns(b), n = ranks + (unsigned)__builtin_popcount(open);
    return (n + (!ranks && !(open & ~b->no_prefixes))) | 1u;
}

/* Return how well a half distinguishes neighbours among the boxes: the number of neighbours with different ranges. */
static unsigned told_apart(const struct build *b, struct list l, unsigned half)
{
    const unsigned slot = half / 2, c = b->column[slot];
    unsigned apart = 1;
    for (uint32_t i = 1; i < l.count; i++) {
        const uint32_t x = l.box[i - 1], y = l.box[i];
        if (slot == SLOT_PORTS) {
            const enum range_field port = half == SPORT ? RANGE_SPORT : RANGE_DPORT;
            apart += box_range(b->b, port, x).lo != box_range(b->b, port, y).lo;
        } else if (c != NO_COLUMN) {
            const uint32_t asked = b->b->mask[c][x] & b->b->mask[c][y];
            apart += half_of((b->b->value[c][x] ^ b->b->value[c][y]) & asked, half) != 0;
        }
    }
    return apart;
}

/* Return, among the halves asked by range, the one that distinguishes most boxes. Walks that compare lane by lane
 * begin with it. */
static unsigned best_first(const struct build *b, struct list l, uint32_t ranges)
{
    unsigned best = 0, most = 0;
    for (; ranges; ranges &= ranges - 1) {
        const unsigned half = (unsigned)__builtin_ctz(ranges), apart = told_apart(b, l, half);
        if (apart <= most) continue;
        most = apart;
        best = half;
    }
    return best;
}

/* Choose a leaf's columns. Columns by range precede those by mask; between them are as many columns that ask nothing
 * as are needed. */
static void format_of(const struct build *b, struct list l, uint32_t open, struct pbc_format *f)
{
    const unsigned columns = columns_of(b, open);
    const uint8_t unasked = (uint8_t)__builtin_ctz(~open);
    unsigned n = rank_columns(b), last = columns;
    *f = (struct pbc_format){.lines = (uint8_t)((columns + 1) / 2)};
    /* pairs: a bit for the lower half of each slot that blocks compare as a pair, because both halves are asked and
     * no shape has as many lines */
    const bool paired = f->lines > PBC_SHAPE_LINES && !b->b->rank[0];
    const uint32_t pairs = paired ? open & open >> 1 & 0x55555555 & ~(1u << SPORT) : 0,
                   single = open & ~(pairs | pairs << 1), ranges = single & ~b->no_prefixes;
    for (unsigned h = 0; h < HALVES; h += 2) {
        if (!(pairs >> h & 1)) continue;
        f->pairs++;
        f->half[n++] = (uint8_t)h;
        f->half[n++] = (uint8_t)(h + 1);
    }
    const unsigned first = best_first(b, l, ranges);
    if (ranges) f->half[n++] = (uint8_t)first;
    for (unsigned h = 0; h < HALVES; h++)
        if (ranges >> h & 1 && h != first) f->half[n++] = (uint8_t)h;
    for (unsigned h = HALVES; h-- > 0;)
        if (single >> h & 1 && is_masked(b, h)) f->half[--last] = (uint8_t)(h | PBC_MASKED);
    while (n < last) f->half[n++] = unasked;
}

static bool is_sayable(const struct build *b, uint32_t open)
{
    return columns_of(b, open) <= pbc_columns(PBC_LINES_MOST);
}

static uint32_t blocks_of(uint32_t lanes) { return (lanes + LANES - 1) / LANES; }

uint64_t leaf_bytes(const struct build *b, const struct part *p, struct list l)
{
    const uint32_t open = open_halves(b, p, l);
    if (!is_sayable(b, open)) return 0;
    const uint32_t lines = (columns_of(b, open) + 1) / 2, priced = lines > PRICED_LINES ? lines : PRICED_LINES;
    return (uint64_t)blocks_of(l.count) * priced * sizeof(struct pbc_line) + sizeof(struct pbc_format);
}

static bool equal_format(const struct build *b, uint32_t member, const void *what)
{
    return memcmp(&b->formats[member], what, sizeof *b->formats) == 0;
}

static uint32_t format_number(struct build *b, const struct pbc_format *f)
{
    const uint32_t hash = (uint32_t)hash_bytes(0, f, sizeof *f);
    struct place *at = index_find(b, &b->format_index, hash, equal_format, f);
    if (!at) return 0;
    if (at->member) return at->member - 1;
    struct pbc_format *grown = mem_grow(b, b->formats, b->format_count, &b->format_cap, sizeof *f, 1);
    if (!grown) return 0;
    b->formats = grown;
    b->formats[b->format_count] = *f;
    index_put(&b->format_index, at, hash, b->format_count);
    return b->format_count++;
}

static uint32_t range_word(uint32_t lo, uint32_t hi) { return lo | (65535u - hi) << 16; }

static uint32_t port_word(struct range r, struct range within)
{
    return range_holds(r, within) ? 0 : range_word(r.lo, r.hi);
}

struct filling {
    const struct part *p;
    const struct pbc_format *f;
    struct range range[RANGES_MOST]; /* ranges of the part */
};

/* Write ranks that hold for the whole part as if they held for all, so that equal leaves are more often equal. */
static void fill_ranks(const struct build *b, const struct filling *x, uint32_t box, uint32_t *col, uint32_t lane)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct range r = box_range(b->b, RANGE_SRC + i, box);
        const bool whole = range_holds(r, x->range[RANGE_SRC + i]);
        col[(1 + 2 * i) * LANES + lane] = whole ? 0 : r.lo;
        col[(2 + 2 * i) * LANES + lane] = whole ? UINT32_MAX : r.hi;
    }
}

/* Return the word of a half in the box: the bits asked and their mask, or a range. A range is that of a complete
 * prefix, including the bits that the part fixes. */
static uint32_t half_word(const struct build *b, const struct filling *x, uint32_t box, unsigned half)
{
    const unsigned slot = half / 2, c = b->column[slot];
    if (half == SPORT) return port_word(box_range(b->b, RANGE_SPORT, box), x->range[RANGE_SPORT]);
    if (half == DPORT) return port_word(box_range(b->b, RANGE_DPORT, box), x->range[RANGE_DPORT]);
    if (c == NO_COLUMN) return 0;
    const uint32_t value = half_of(b->b->value[c][box], half), mask = half_of(b->b->mask[c][box], half);
    const uint32_t open = mask & ~half_of(x->p->mask[slot], half);
    if (is_masked(b, half)) return (value & open) | open << 16;
    return open ? range_word(value, value | (~mask & 0xffff)) : 0;
}

static void fill_lane(const struct build *b, const struct filling *x, uint32_t box, uint32_t *col, uint32_t lane)
{
    unsigned i = 1;
    col[lane] = b->b->entry[box];
    if (b->b->rank[0]) fill_ranks(b, x, box, col, lane);
    for (; i < 2u * x->f->pairs; i += 2) {
        const unsigned slot = x->f->half[i - 1] / 2, c = b->column[slot];
        const uint32_t mask = b->b->mask[c][box] & ~x->p->mask[slot];
        col[i * LANES + lane] = b->b->value[c][box] & mask;
        col[(i + 1) * LANES + lane] = mask;
    }
    for (i += rank_columns(b); i <= pbc_columns(x->f->lines); i++)
        col[i * LANES + lane] = half_word(b, x, box, PBC_HALF(x->f->half[i - 1]));
}

static void leaf_fill(const struct build *b, const struct filling *x, struct list l, struct pbc_line *blocks)
{
    const uint32_t count = blocks_of(l.count), lines = x->f->lines;
    memset(blocks, 0, (size_t)count * lines * sizeof *blocks);
    for (uint32_t i = 0; i < count * LANES; i++) {
        uint32_t *col = (uint32_t *)(void *)(blocks + i / LANES * lines);
        const uint32_t lane = i % LANES;
        if (i < l.count) {
            fill_lane(b, x, l.box[i], col, lane);
        } else {
            col[lane] = PBC_LANE_NONE;
            col[LANES + lane] = b->b->rank[0] || x->f->pairs ? 1 : UINT32_MAX;
        }
        if (lane == LANES - 1 && i + 1 < count * LANES) col[lane] |= PBC_LANE_MORE;
    }
}

struct content {
    const struct pbc_line *blocks;
    uint32_t lines, format;
};

static bool equal(const struct build *b, uint32_t member, const void *what)
{
    const struct content *c = what;
    const struct leaf *l = &b->leaves[member];
    return l->format == c->format && l->lines == c->lines &&
           memcmp(b->blocks + l->block, c->blocks, c->lines * sizeof *c->blocks) == 0;
}

/* Count entries with code, each once: a rule's boxes are side by side. */
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
    struct pbc_line *blocks = mem_grow(b, b->blocks, b->block_count, &b->block_cap, sizeof *blocks, c->lines);
    if (blocks) b->blocks = blocks;
    if (b->failed) return 0;
    memcpy(b->blocks + b->block_count, c->blocks, c->lines * sizeof *blocks);
    b->leaves[b->leaf_count] = (struct leaf){.block = b->block_count,
                                             .lanes = l.count,
                                             .blocks = blocks_of(l.count),
                                             .lines = c->lines,
                                             .format = (uint16_t)c->format,
                                             .chain = coded_entries(b, l),
                                             .least = b->b->entry[l.box[0]]};
    b->block_count += c->lines;
    const uint32_t lines = b->formats[c->format].lines;
    if (lines < PRICED_LINES) b->spared_lines += (PRICED_LINES - lines) * blocks_of(l.count);
    bound_lines(b, c->lines);
    if (!b->longest || l.count > b->leaves[b->longest - 1].lanes) b->longest = b->leaf_count + 1;
    return b->leaf_count++;
}

uint64_t leaf_word(struct build *b, const struct part *p, struct list l)
{
    const struct stack_mark mark = stack_mark(b);
    const uint32_t open = open_halves(b, p, l);
    struct pbc_format f;
    if (!is_sayable(b, open)) return TREE_NONE;
    format_of(b, l, open, &f);
    struct filling x = {.p = p, .f = &f};
    for (unsigned r = 0; r < range_fields(b->b); r++) x.range[r] = part_range(b->b, p, r);
    struct content c = {.lines = blocks_of(l.count) * f.lines, .format = format_number(b, &f)};
    struct pbc_line *blocks = stack_get(b, c.lines * sizeof *blocks);
    if (!blocks || b->failed) return TREE_NONE;
    leaf_fill(b, &x, l, blocks);
    c.blocks = blocks;
    const uint32_t hash = (uint32_t)hash_bytes(c.format, blocks, c.lines * sizeof *blocks);
    struct place *at = index_find(b, &b->leaf_index, hash, equal, &c);
    uint32_t leaf = 0;
    if (at && at->member) {
        leaf = at->member - 1;
    } else if (at) {
        leaf = leaf_new(b, &c, l);
        index_put(&b->leaf_index, at, hash, leaf);
    }
    stack_release(b, mark);
    return TREE_LEAF_WORD(leaf, c.format, pbc_shape(&f));
}
