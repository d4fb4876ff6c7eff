/* The verifier's part for ranks: proves that each look-up ends, stays inside and takes the number of lines that the
 * classifier states.
 *
 * A line leads only to lines behind it. So one pass from the first line to the last has seen all that leads to a
 * line before it comes to that line, and knows if the line is a node or lower halves; and one from the last to the
 * first knows how many lines are read from each on. */
#include "vm/program/verify/verify_priv.h"

enum role { NOTHING, NODE, LOWER };
struct rank_pass {
    const struct verifier *v;
    uint32_t i, count; /* index of the classifier; number of its lines */
    const struct pbc_rank *line;
    uint8_t *role;  /* [line]: enum role */
    uint16_t *deep; /* [line]: lines read from this node on */
};

static bool at_line(const struct rank_pass *t, uint32_t line, const char *what)
{
    return fault(t->v, "classifier %u, line %u: %s", t->i, line, what);
}

static bool take_role(const struct rank_pass *t, uint32_t line, enum role role)
{
    if (t->role[line] && t->role[line] != role)
        return at_line(t, line, "the line is used as a node and as lower halves");
    t->role[line] = (uint8_t)role;
    return true;
}

/* Check the lines that an inner node leads to. Their width follows from their own contents. */
static bool lead(const struct rank_pass *t, uint32_t from, uint64_t rest)
{
    const uint32_t first = RANK_BASE(rest), stride = 1 + RANK_STRIDE(rest), children = RANK_COUNT(rest) + 1;
    if (first <= from) return at_line(t, from, "the line leads to itself or to an earlier line");
    if (!inside(first, children * stride, t->count)) return at_line(t, from, "the line leads past the end of `ranks`");
    for (uint32_t n = first; n < first + children * stride; n += stride) {
        if (RANK_WIDE(t->line[n].word[RANK_REST]) != stride - 1)
            return at_line(t, n, "its width differs from the width that its parent gives");
        if (!take_role(t, n, NODE)) return false;
    }
    return true;
}

/* Verify that bounds ascend, so that counting and halving give the same result. */
static bool verify_bounds(const struct rank_pass *t, uint32_t i, bool wide)
{
    const uint64_t *upper = t->line[i].word, *lower = wide ? t->line[i + 1].word : NULL;
    const unsigned count = RANK_COUNT(upper[RANK_REST]);
    for (unsigned n = 1; n < count; n++)
        if (upper[n] < upper[n - 1] || (upper[n] == upper[n - 1] && (!lower || lower[n] <= lower[n - 1])))
            return at_line(t, i, "bounds aren't in order");
    for (unsigned n = count; n < RANK_BOUNDS; n++)
        if (upper[n] != UINT64_MAX || (lower && lower[n] != UINT64_MAX))
            return at_line(t, i, "the bits of an unused bound aren't all 1");
    return true;
}

/* Verify that a bound of a wide leaf is the first address of its range. */
static bool verify_ranges(const struct rank_pass *t, uint32_t i)
{
    const uint64_t *upper = t->line[i].word, *lower = t->line[i + 1].word;
    const unsigned count = RANK_COUNT(upper[RANK_REST]);
    for (unsigned n = 0; n < count; n++) {
        const unsigned bits = RANK_FREE(lower[RANK_REST], n);
        if (bits > 128) return at_line(t, i + 1, "a range has more than 128 bits");
        if (bits == 128) continue;
        const uint64_t above = bits > 64 ? (UINT64_C(1) << (bits - 64)) - 1 : 0,
                       below = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
        if ((upper[n] & above) | (lower[n] & below)) return at_line(t, i + 1, "a range doesn't begin with its bound");
    }
    return !(lower[RANK_REST] >> 8 * count) || at_line(t, i + 1, "reserved bits aren't zero");
}

/* Verify a node. The line behind a wide node is inside: its parent was checked for that, and the roots' lines are
 * among the first four. */
static bool verify_node(const struct rank_pass *t, uint32_t i)
{
    const uint64_t rest = t->line[i].word[RANK_REST];
    const bool wide = RANK_WIDE(rest);
    if ((uint32_t)rest >> 6) return at_line(t, i, "reserved bits aren't zero");
    if (wide && !take_role(t, i + 1, LOWER)) return false;
    const bool inner = RANK_KIND(rest) == RANK_INNER;
    if (wide && inner && t->line[i + 1].word[RANK_REST]) return at_line(t, i + 1, "reserved bits aren't zero");
    if (!verify_bounds(t, i, wide)) return false;
    if (inner) return lead(t, i, rest);
    if (wide && !verify_ranges(t, i)) return false;
    return !RANK_STRIDE(rest) || at_line(t, i, "reserved bits aren't zero");
}

/* True for line 1 or 3, behind a root, if it is left out: all zero. */
static bool is_left_out(const struct rank_pass *t, uint32_t i)
{
    uint64_t bits = 0;
    for (unsigned n = 0; n < 8; n++) bits |= t->line[i].word[n];
    return (i == RANK_SRC + 1 || i == RANK_DST + 1) && !bits;
}

static bool sum_line(const struct rank_pass *t, uint32_t i)
{
    const uint64_t rest = t->line[i].word[RANK_REST];
    const uint32_t stride = 1 + RANK_STRIDE(rest);
    uint16_t below = 0;
    if (t->role[i] != NODE) return true;
    for (uint32_t n = 0; RANK_KIND(rest) == RANK_INNER && n <= RANK_COUNT(rest); n++)
        if (t->deep[RANK_BASE(rest) + n * stride] > below) below = t->deep[RANK_BASE(rest) + n * stride];
    t->deep[i] = (uint16_t)(below + 1 + RANK_WIDE(rest));
    return t->deep[i] <= PBC_RANK_DEPTH || at_line(t, i, "there are too many lines below this line");
}

static bool verify_lines(const struct rank_pass *t)
{
    t->role[RANK_SRC] = t->role[RANK_DST] = NODE;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->role[i] == NOTHING && !is_left_out(t, i)) return at_line(t, i, "nothing leads to this line");
        if (t->role[i] == NODE && !verify_node(t, i)) return false;
    }
    for (uint32_t i = t->count; i-- > 0;)
        if (!sum_line(t, i)) return false;
    return true;
}

bool verify_ranks(const struct verifier *v, uint32_t i)
{
    const struct pbc_classifier *c = &v->p->classifiers[i];
    uint32_t climbed = 0;
    if (c->rank_count) {
        if (c->rank_count < RANK_DST + 2)
            return fault(v, "classifier %u has ranks, but too few lines for two addresses", i);
        uint8_t *role __attribute__((cleanup(free_held))) = calloc(c->rank_count, sizeof *role);
        uint16_t *deep __attribute__((cleanup(free_held))) = calloc(c->rank_count, sizeof *deep);
        if (!role || !deep) return fault_memory(v);
        const struct rank_pass t = {v, i, c->rank_count, v->p->ranks + c->ranks, role, deep};
        if (!verify_lines(&t)) return false;
        climbed = (uint32_t)deep[RANK_SRC] + deep[RANK_DST];
    }
    return climbed == c->climbed ||
           fault(v, "classifier %u: lines: %u in its header, but %u in fact", i, c->climbed, climbed);
}
