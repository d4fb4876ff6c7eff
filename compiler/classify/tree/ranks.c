/* Ranks of addresses. Each prefix that a box asks has two bounds: its first address, and the first behind it. All
 * bounds of a side, sorted, divide its addresses, and a prefix is the ranks from one bound to the other.
 *
 * Two neighbouring bounds of one prefix make one item of the tree if its leaves are wide, that is, if some bound has
 * a lower half: a wide leaf has, for each bound, the length of its range. Other bounds are items by themselves.
 * Ranks then have gaps; only their order counts.
 *
 * The trees are full: all leaves of a tree are equally deep, and share its bounds out evenly. Most nodes need no
 * lower halves: if bounds are divided between two upper halves, the upper ones distinguish the parts. */
#include "compiler/classify/tree/ranks.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/key.h"

struct bound {
    uint64_t upper, lower;
    uint32_t box, last; /* last: the bound is the first address behind the box's prefix */
};
/* Bounds of a side, ascending, no two equal, and the items that they make. */
struct item {
    uint32_t first; /* first bound of the item */
    uint8_t bits;   /* free bits of the prefix; FREE_ALL: a bound by itself */
};
struct sorted {
    uint64_t *upper, *lower;
    uint32_t *rank; /* ranks of addresses from each bound on */
    uint8_t *bits;  /* free bits of the prefix that ends at the next bound; FREE_ALL: none */
    uint32_t count;
    struct item *item;
    uint32_t items;
    bool wide; /* leaves have lower halves */
};
enum { FREE_ALL = 128 };
#define NO_BOUND (UINT32_MAX - 1) /* a number that no bound has, nor the number behind it */
struct making {
    struct pbc_rank *line;
    uint32_t count, cap;
    uint32_t ranks; /* highest rank so far */
    bool failed;
};

static int column_of(const struct boxes *b, unsigned slot)
{
    for (unsigned i = 0; i < b->slots; i++)
        if (b->slot[i] == slot) return (int)i;
    return -1;
}

/* Read the prefix that a box asks of one side. False if it asks none. */
static bool prefix_of(const struct boxes *b, const int column[4], uint32_t box, uint64_t value[2], uint64_t mask[2])
{
    for (unsigned i = 0; i < 2; i++) {
        const int hi = column[2 * i], lo = column[2 * i + 1];
        value[i] = (uint64_t)(hi < 0 ? 0 : b->value[hi][box]) << 32 | (lo < 0 ? 0 : b->value[lo][box]);
        mask[i] = (uint64_t)(hi < 0 ? 0 : b->mask[hi][box]) << 32 | (lo < 0 ? 0 : b->mask[lo][box]);
        if (~mask[i] & (~mask[i] + 1)) return false;
    }
    return !mask[1] || mask[0] == UINT64_MAX;
}

static void columns_of(const struct boxes *b, unsigned slot, int column[4])
{
    for (unsigned i = 0; i < 4; i++) column[i] = column_of(b, slot + i);
}

bool ranks_suit(const struct boxes *b)
{
    for (unsigned side = 0; side < 2; side++) {
        int column[4];
        uint64_t value[2], mask[2];
        columns_of(b, side ? KEY_SLOT(dst) : KEY_SLOT(src), column);
        for (uint32_t i = 0; i < b->count; i++)
            if (!prefix_of(b, column, i, value, mask)) return false;
    }
    return true;
}

bool ranks_of_ip6(const struct boxes *b)
{
    return column_of(b, KEY_SLOT(src) + 1) >= 0 || column_of(b, KEY_SLOT(dst) + 1) >= 0;
}

static int by_address(const void *a, const void *b)
{
    const struct bound *x = a, *y = b;
    if (x->upper != y->upper) return x->upper < y->upper ? -1 : 1;
    return (x->lower > y->lower) - (x->lower < y->lower);
}

/* Collect the bounds of a side; 0 and the bound after all addresses do not count. Return their number. */
static uint32_t bounds_find(const struct boxes *b, unsigned slot, struct bound *to)
{
    uint32_t n = 0;
    int column[4];
    columns_of(b, slot, column);
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t value[2], mask[2];
        prefix_of(b, column, i, value, mask);
        to[n] = (struct bound){value[0], value[1], i, false};
        n += value[0] || value[1];
        const uint64_t lower = (value[1] | ~mask[1]) + 1, upper = (value[0] | ~mask[0]) + !lower;
        to[n] = (struct bound){upper, lower, i, true};
        n += upper || lower;
    }
    qsort(to, n, sizeof *to, by_address);
    return n;
}

static bool same_address(const struct bound *a, const struct bound *b)
{
    return a->upper == b->upper && a->lower == b->lower;
}

/* Drop duplicate bounds. Afterwards `rank` holds the numbers of each box's bounds. */
static void bounds_unite(const struct bound *bound, uint32_t n, struct rank_range *rank, struct sorted *s)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct bound *const x = &bound[i];
        if (!i || !same_address(x, x - 1)) {
            s->upper[s->count] = x->upper;
            s->lower[s->count] = x->lower;
            s->bits[s->count++] = FREE_ALL;
            s->wide |= x->lower != 0;
        }
        if (x->last)
            rank[x->box].hi = s->count - 1;
        else
            rank[x->box].lo = s->count - 1;
    }
}

/* Return the free bits of the prefix with these bounds. */
static uint8_t bits_between(const struct sorted *s, uint32_t first, uint32_t end)
{
    const uint64_t lower = s->lower[end] - s->lower[first],
                   upper = s->upper[end] - s->upper[first] - (s->lower[end] < s->lower[first]);
    return (uint8_t)(lower ? __builtin_ctzll(lower) : 64 + __builtin_ctzll(upper));
}

static void items_make(const struct rank_range *rank, uint32_t boxes, struct sorted *s)
{
    for (uint32_t i = 0; s->wide && i < boxes; i++)
        if (rank[i].lo != NO_BOUND && rank[i].hi == rank[i].lo + 1)
            s->bits[rank[i].lo] = bits_between(s, rank[i].lo, rank[i].hi);
    for (uint32_t i = 0; i < s->count; i += s->bits[i] < FREE_ALL ? 2 : 1)
        s->item[s->items++] = (struct item){i, s->bits[i]};
}

/* ---- trees ---- */

/* Return the first of `more` fresh lines. */
static uint32_t lines_add(struct making *m, uint32_t more)
{
    if (m->cap - m->count < more) {
        const uint32_t cap = m->cap + m->cap / 2 + more + 64;
        struct pbc_rank *grown = realloc(m->line, cap * sizeof *grown);
        if (!grown) {
            m->failed = true;
            return 0;
        }
        m->line = grown;
        m->cap = cap;
    }
    m->count += more;
    return m->count - more;
}

/* Items from `first` on that a node of so many levels holds. */
struct span {
    uint32_t first, count;
    unsigned levels;
};
/* Division of a node's items: child i has those from at[i] to at[i + 1]. */
struct division {
    uint32_t at[RANK_BOUNDS + 2], children;
};

/* Return the most items that a tree of so many levels holds. */
static uint64_t ranks_most(unsigned levels)
{
    uint64_t most = RANK_BOUNDS;
    for (; levels > 1; levels--) most *= RANK_BOUNDS + 1;
    return most;
}

static unsigned levels_of(uint32_t items)
{
    unsigned levels = 1;
    while (ranks_most(levels) < items) levels++;
    return levels;
}

static bool begins_half(const struct sorted *s, uint32_t item)
{
    return !item || s->upper[s->item[item - 1].first] != s->upper[s->item[item].first];
}

/* Divide a node's items evenly. A cut moves back to an upper half that began shortly before, if the next child has
 * room. */
static struct division divide(const struct sorted *s, struct span of)
{
    const uint64_t most = ranks_most(of.levels - 1);
    struct division d = {.children = (uint32_t)((of.count + most - 1) / most)};
    d.at[0] = of.first;
    d.at[d.children] = of.first + of.count;
    for (uint32_t c = d.children - 1; c > 0; c--) {
        const uint32_t even = of.first + (uint32_t)((uint64_t)of.count * c / d.children);
        uint32_t at = even;
        while (!begins_half(s, at) && even - at < of.count / d.children / 2) at--;
        d.at[c] = begins_half(s, at) && d.at[c + 1] - at <= most ? at : even;
    }
    return d;
}

/* True if a node of these bounds needs lower halves. */
static bool is_wide(const struct sorted *s, struct span of)
{
    if (of.levels == 1) return s->wide;
    const struct division d = divide(s, of);
    for (uint32_t c = 1; c < d.children; c++)
        if (!begins_half(s, d.at[c])) return true;
    return false;
}

static void bound_put(struct making *m, uint32_t at, bool wide, unsigned i, uint64_t upper, uint64_t lower)
{
    m->line[at].word[i] = upper;
    if (wide) m->line[at + 1].word[i] = lower;
}

/* Write a leaf, and its bounds' ranks. Return its lines. */
static uint32_t leaf_put(struct making *m, const struct sorted *s, struct span of, uint32_t at)
{
    const uint32_t base = m->ranks;
    uint64_t bits = 0;
    for (unsigned i = 0; i < RANK_BOUNDS; i++) {
        const struct item *const x = &s->item[of.first + i];
        const bool used = i < of.count;
        bound_put(m, at, s->wide, i, used ? s->upper[x->first] : UINT64_MAX, used ? s->lower[x->first] : UINT64_MAX);
        if (!used) continue;
        bits |= (uint64_t)x->bits << 8 * i;
        s->rank[x->first] = ++m->ranks;
        if (!s->wide) continue;
        m->ranks++;
        if (x->bits < FREE_ALL) s->rank[x->first + 1] = m->ranks;
    }
    if (s->wide) m->line[at + 1].word[RANK_REST] = bits;
    m->line[at].word[RANK_REST] = RANK_NODE(RANK_LEAF, s->wide, 0, of.count, base);
    return 1 + s->wide;
}

/* Write a node at its line, or two if it is wide, and all below it. Return the lines that a look-up reads from it on.
 */
static uint32_t node_put(struct making *m, const struct sorted *s, struct span of, uint32_t at, bool wide)
{
    if (of.levels == 1) return leaf_put(m, s, of, at);
    const struct division d = divide(s, of);
    uint32_t deepest = 0;
    bool stride = false;
    for (uint32_t c = 0; c < d.children; c++)
        stride |= is_wide(s, (struct span){d.at[c], d.at[c + 1] - d.at[c], of.levels - 1});
    const uint32_t base = lines_add(m, d.children << stride);
    for (uint32_t c = 0; c < d.children && !m->failed; c++) {
        const struct span below = {d.at[c], d.at[c + 1] - d.at[c], of.levels - 1};
        const uint32_t lines = node_put(m, s, below, base + (c << stride), stride);
        if (lines > deepest) deepest = lines;
    }
    if (m->failed) return 0;
    for (unsigned i = 0; i < RANK_BOUNDS; i++) {
        const bool used = i + 1 < d.children, whole = used && begins_half(s, d.at[i + 1]);
        const uint32_t b = used ? s->item[d.at[i + 1]].first : 0;
        bound_put(m, at, wide, i, used ? s->upper[b] : UINT64_MAX, whole ? 0 : used ? s->lower[b] : UINT64_MAX);
    }
    if (wide) m->line[at + 1].word[RANK_REST] = 0;
    m->line[at].word[RANK_REST] = RANK_NODE(RANK_INNER, wide, stride, d.children - 1, base);
    return 1 + wide + deepest;
}

/* ---- a list ---- */

/* Turn the numbers of each box's bounds into its ranks. */
static void ranks_put(struct rank_range *rank, uint32_t boxes, const struct sorted *s, uint32_t most)
{
    for (uint32_t i = 0; i < boxes; i++) {
        rank[i].lo = rank[i].lo == NO_BOUND ? 0 : s->rank[rank[i].lo];
        rank[i].hi = rank[i].hi == NO_BOUND ? most : s->rank[rank[i].hi] - 1;
    }
}

static bool side_make(const struct boxes *b, unsigned side, struct ranks *r, struct making *m)
{
    struct bound *bound = malloc((2 * (size_t)b->count + 1) * sizeof *bound);
    struct rank_range *rank = malloc(((size_t)b->count + 1) * sizeof *rank);
    const uint32_t n = bound ? bounds_find(b, side ? KEY_SLOT(dst) : KEY_SLOT(src), bound) : 0;
    const size_t room = (size_t)n + RANK_BOUNDS; /* a leaf looks at RANK_BOUNDS items, even if fewer are left */
    struct sorted s = {.upper = malloc(room * sizeof *s.upper),
                       .lower = malloc(room * sizeof *s.lower),
                       .rank = malloc(room * sizeof *s.rank),
                       .bits = malloc(room * sizeof *s.bits),
                       .item = malloc(room * sizeof *s.item)};
    const bool ok = s.upper && s.lower && s.rank && s.bits && s.item && bound && rank;
    r->boxes.rank[side] = rank;
    if (ok) {
        for (uint32_t i = 0; i < b->count; i++) rank[i] = (struct rank_range){NO_BOUND, NO_BOUND};
        bounds_unite(bound, n, rank, &s);
        items_make(rank, b->count, &s);
        const struct span every = {0, s.items, levels_of(s.items)};
        m->ranks = 0;
        r->climbed += node_put(m, &s, every, side ? RANK_DST : RANK_SRC, is_wide(&s, every));
        r->boxes.rank_most[side] = m->ranks;
        if (!m->failed) ranks_put(rank, b->count, &s, m->ranks);
    }
    free(bound);
    free(s.upper);
    free(s.lower);
    free(s.rank);
    free(s.bits);
    free(s.item);
    return ok && !m->failed;
}

bool ranks_make(const struct boxes *b, struct ranks *r)
{
    struct making m = {0};
    *r = (struct ranks){.boxes = *b};
    r->boxes.slots = 0;
    for (unsigned c = 0; c < b->slots; c++) {
        if (b->slot[c] < KEY_SLOT(kind)) continue;
        r->boxes.slot[r->boxes.slots] = b->slot[c];
        r->boxes.value[r->boxes.slots] = b->value[c];
        r->boxes.mask[r->boxes.slots++] = b->mask[c];
    }
    lines_add(&m, RANK_DST + 2); /* lines of both roots */
    if (!m.failed) memset(m.line, 0, (RANK_DST + 2) * sizeof *m.line);
    const bool ok = !m.failed && side_make(b, 0, r, &m) && side_make(b, 1, r, &m);
    r->lines = m.line;
    r->count = m.count;
    if (!ok) ranks_fini(r);
    return ok;
}

void ranks_fini(struct ranks *r)
{
    free(r->lines);
    free(r->boxes.rank[0]);
    free(r->boxes.rank[1]);
    *r = (struct ranks){.count = 0};
}
