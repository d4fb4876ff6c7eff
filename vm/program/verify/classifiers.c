/* The verifier's part for classifiers: proves that a search ends, stays inside, and finds the same entry in whichever
 * order it is walked.
 *
 * A word's base is behind the word and a run of blocks ends inside its part, so one pass from the last word to the
 * first knows all that is below each. Shared parts are looked at once: a table's worst values are kept at its first
 * word, a block's at its first unit. Each word belongs to one table, each block to one format, so all of this takes
 * time linear in the classifier. */
#include "vm/packet/key.h"
#include "vm/program/verify/verify_priv.h"
#include "vm/tables.h"

/* Worst values over all paths below a word, each taken separately. */
struct below {
    uint32_t least; /* lowest entry, PBC_LANE_NONE: none */
    uint16_t words, compared, chain;
    uint8_t depth, forks;
};
/* A line of a block. format: 0 not yet in a block; 1 + the format at the first line of a block; else IN_BLOCK. At
 * first lines, compared and chain sum up the run from this block to its end. */
struct line {
    uint32_t format;
    uint16_t compared, chain;
};
#define IN_BLOCK UINT32_MAX

struct classify_pass {
    const struct verifier *v;
    uint32_t i; /* number of the classifier */
    const struct pbc_classifier *c;
    const struct pbc_entry *entries; /* the classifier's parts */
    const struct pbc_format *formats;
    const uint64_t *tree;
    const struct pbc_line *blocks;
    struct below *word, *table; /* word: [word]; table: the same, at the first word of a table */
    uint8_t *bits;              /* [word]: index bits of the table that begins there; 0: none */
    struct line *line;          /* [line of blocks] */
};

static bool at_word(const struct classify_pass *t, uint32_t word, const char *what)
{
    return fault(t->v, "classifier %u, word %u: %s", t->i, word, what);
}

static bool at_block(const struct classify_pass *t, uint32_t block, const char *what)
{
    return fault(t->v, "classifier %u, block at %u: %s", t->i, block, what);
}

/* Check an entry. A rule that counts or logs needs code. Entries are in the order of the rule list. */
static bool verify_entry(const struct classify_pass *t, uint32_t e)
{
    const struct program *p = t->v->p;
    const uint32_t rule = t->entries[e].rule;
    if (rule >= p->rules_count) return fault(t->v, "classifier %u, entry %u: its rule doesn't exist", t->i, e);
    if (e && (rule <= t->entries[e - 1].rule || p->rules[rule].list != p->rules[t->entries[e - 1].rule].list))
        return fault(t->v, "classifier %u, entry %u: its rule isn't after the previous entry's rule in the same list",
                     t->i, e);
    if (t->entries[e].code) return true;
    if (!pbc_decides(p->rules[rule].verdict))
        return fault(t->v, "classifier %u, entry %u: its rule decides nothing, but the entry has no code", t->i, e);
    return !(p->rules[rule].flags & PBC_RULE_LOG) ||
           fault(t->v, "classifier %u, entry %u: its rule logs, but the entry has no code", t->i, e);
}

static bool verify_entries(const struct classify_pass *t)
{
    if (t->c->entry_count > PBC_LANE_NONE)
        return fault(t->v, "classifier %u has more than %u entries", t->i, PBC_LANE_NONE);
    for (uint32_t e = 0; e < t->c->entry_count; e++)
        if (!verify_entry(t, e)) return false;
    return true;
}

/* Verify that the halves behind `from` are valid for a column. */
static bool verify_halves(const struct classify_pass *t, uint32_t i, unsigned from)
{
    const struct pbc_format *f = &t->formats[i];
    for (unsigned h = from; h < sizeof f->half; h++)
        if (f->half[h] & ~(PBC_MASKED | 31u) || (h >= pbc_columns(f->lines) && f->half[h]))
            return fault(t->v, "classifier %u, format %u: a half doesn't exist", t->i, i);
    return from || !(f->half[0] & PBC_MASKED) ||
           fault(t->v, "classifier %u, format %u: the first half has a mask, but must be a range", t->i, i);
}

static bool verify_format(const struct classify_pass *t, uint32_t i)
{
    const struct pbc_format *f = &t->formats[i];
    const unsigned ranks = t->c->rank_count ? PBC_RANK_COLUMNS : 0;
    if (f->lines == 0 || f->lines > PBC_LINES_MOST || pbc_columns(f->lines) < ranks)
        return fault(t->v, "classifier %u, format %u: a block of this classifier can't have %u lines", t->i, i,
                     f->lines);
    if (ranks ? f->pairs > 0 : 2u * f->pairs > pbc_columns(f->lines))
        return fault(t->v, "classifier %u, format %u: the number of pairs isn't possible", t->i, i);
    for (unsigned h = 0; h < ranks; h++)
        if (f->half[h])
            return fault(t->v, "classifier %u, format %u: the first halves aren't 0, although the classifier has ranks",
                         t->i, i);
    for (unsigned h = 0; h < 2u * f->pairs; h += 2)
        if (f->half[h] > 30 || f->half[h] % 2 || f->half[h + 1] != f->half[h] + 1)
            return fault(t->v, "classifier %u, format %u: a pair isn't the two halves of a slot", t->i, i);
    return verify_halves(t, i, ranks ? ranks : 2u * f->pairs);
}

static const uint32_t *column(const struct classify_pass *t, uint32_t block, unsigned col)
{
    return t->blocks[block + col / 2].col[col % 2];
}

static uint32_t lane_entry(const struct classify_pass *t, uint32_t block, unsigned lane)
{
    const uint32_t word = column(t, block, 0)[lane];
    return lane == 7 ? word & ~PBC_LANE_MORE : word;
}

static bool has_more(const struct classify_pass *t, uint32_t block) { return column(t, block, 0)[7] & PBC_LANE_MORE; }

/* Verify that a value has no bits outside its mask, and that no range runs backwards. */
static bool verify_compared(const struct classify_pass *t, uint32_t block, const struct pbc_format *f, unsigned lane)
{
    const unsigned ranks = t->c->rank_count ? PBC_RANK_COLUMNS : 0, pairs = 2u * f->pairs;
    for (unsigned i = 1; i <= ranks; i += 2)
        if (column(t, block, i)[lane] > column(t, block, i + 1)[lane]) return at_block(t, block, "ranks run backwards");
    for (unsigned i = 1; i <= pairs; i += 2)
        if (column(t, block, i)[lane] & ~column(t, block, i + 1)[lane])
            return at_block(t, block, "value has bits outside the mask");
    for (unsigned i = ranks + pairs + 1; i <= pbc_columns(f->lines); i++) {
        const uint32_t word = column(t, block, i)[lane], lower = word & 0xffff, upper = word >> 16;
        const bool masked = f->half[i - 1] & PBC_MASKED;
        if (masked && lower & ~upper) return at_block(t, block, "value has bits outside the mask");
        if (!masked && lower > 65535 - upper) return at_block(t, block, "a range runs backwards");
    }
    return true;
}

static bool verify_lane(const struct classify_pass *t, uint32_t block, const struct pbc_format *f, unsigned lane)
{
    const uint32_t entry = lane_entry(t, block, lane), first = column(t, block, 1)[lane];
    if (entry != PBC_LANE_NONE)
        return entry < t->c->entry_count ? verify_compared(t, block, f, lane)
                                         : at_block(t, block, "entry doesn't exist");
    const bool never =
        t->c->rank_count || f->pairs ? first == 1 && column(t, block, 2)[lane] == 0 : first == UINT32_MAX;
    return never || at_block(t, block, "an unused lane may match");
}

/* Verify a block. before: the last entry of the lane before this block, 0: none. Only unused lanes may follow an
 * unused one, because nothing sorts behind PBC_LANE_NONE. */
static bool verify_block(const struct classify_pass *t, uint32_t block, const struct pbc_format *f, uint32_t before)
{
    for (unsigned lane = 0; lane < 8; lane++) {
        const uint32_t entry = lane_entry(t, block, lane);
        if (!verify_lane(t, block, f, lane)) return false;
        if (entry < before) return at_block(t, block, "lanes aren't in order");
        before = entry;
    }
    return true;
}

/* Count entries with code among the lanes, each once. `before`: the last entry counted already; PBC_LANE_NONE: none. */
static unsigned coded(const struct classify_pass *t, uint32_t block, uint32_t before)
{
    unsigned count = 0;
    for (unsigned lane = 0; lane < 8; lane++) {
        const uint32_t entry = lane_entry(t, block, lane);
        if (entry == PBC_LANE_NONE) break;
        count += entry != before && t->entries[entry].code;
        before = entry;
    }
    return count;
}

static uint32_t least_of(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Sum up the run from this block on. The sum of the next block is known. */
static void sum_block(const struct classify_pass *t, uint32_t block, unsigned lines)
{
    struct line *l = &t->line[block];
    const struct line *next = has_more(t, block) ? &t->line[block + lines] : NULL;
    l->compared = (uint16_t)least_of(1 + (next ? next->compared : 0u), PBC_COMPARED_MAX + 1);
    l->chain = (uint16_t)coded(t, block, PBC_LANE_NONE);
    if (!next) return;
    /* an entry on both sides of the seam counts once */
    const uint32_t last = lane_entry(t, block, 7), first = lane_entry(t, block + lines, 0);
    const unsigned twice = last == first && last != PBC_LANE_NONE && t->entries[last].code;
    l->chain = (uint16_t)least_of(l->chain + next->chain - twice, PBC_CHAIN_MAX + 1);
}

/* Take the lines of a block for a format. */
static bool take_lines(const struct classify_pass *t, uint32_t block, uint32_t format, unsigned lines)
{
    if (!inside(block, lines, t->c->block_count)) return at_block(t, block, "the block goes past the end of `blocks`");
    for (unsigned n = 0; n < lines; n++) {
        if (t->line[block + n].format) return at_block(t, block + n, "the line belongs to two blocks");
        t->line[block + n].format = n ? IN_BLOCK : format + 1;
    }
    return true;
}

/* Verify the run that a leaf names. Runs may share their ends; a known end is not checked again. */
static bool verify_run(const struct classify_pass *t, uint32_t base, uint32_t format)
{
    const struct pbc_format *const f = &t->formats[format];
    uint32_t block = base, before = 0;
    for (bool more = true; more; block += f->lines) {
        if (block < t->c->block_count && t->line[block].format == format + 1) {
            if (lane_entry(t, block, 0) < before) return at_block(t, block, "lanes aren't in order");
            break;
        }
        if (!take_lines(t, block, format, f->lines) || !verify_block(t, block, f, before)) return false;
        before = lane_entry(t, block, 7);
        more = has_more(t, block);
    }
    while (block > base) {
        block -= f->lines;
        sum_block(t, block, f->lines);
    }
    return true;
}

/* Verify that a table is behind its word and inside the tree, and that all words with the same base agree on its
 * size. */
static bool verify_table(const struct classify_pass *t, uint32_t i, unsigned bits)
{
    const uint32_t base = TREE_BASE(t->tree[i]);
    if (base <= i) return at_word(t, i, "its table isn't after this word");
    if (!inside(base, 1u << bits, t->c->tree_count)) return at_word(t, i, "its table ends past the end of `tree`");
    if (t->bits[base] && t->bits[base] != bits) return at_word(t, i, "its table has two sizes");
    t->bits[base] = (uint8_t)bits;
    return true;
}

static bool verify_word(const struct classify_pass *t, uint32_t i)
{
    const uint64_t w = t->tree[i];
    const uint32_t base = TREE_BASE(w);
    uint64_t said = 0;
    switch (TREE_KIND(w)) {
    case TREE_NONE: break;
    case TREE_CUT: said = TREE_CUT_WORD(base, TREE_WORD(w), TREE_SHIFT(w), TREE_BITS(w)); break;
    case TREE_FORK: said = TREE_FORK_WORD(base, TREE_LEAST(w)); break;
    case TREE_LEAF: said = TREE_LEAF_WORD(base, TREE_FORMAT(w), TREE_SHAPE(w)); break;
    default: return at_word(t, i, "unknown kind");
    }
    if (w != said) return at_word(t, i, "reserved bits aren't zero");
    if (TREE_KIND(w) == TREE_LEAF) {
        if (TREE_FORMAT(w) >= t->c->format_count) return at_word(t, i, "format doesn't exist");
        return TREE_SHAPE(w) == pbc_shape(&t->formats[TREE_FORMAT(w)]) ||
               at_word(t, i, "its shape isn't its format's shape");
    }
    if (TREE_KIND(w) == TREE_FORK) return verify_table(t, i, 1);
    if (TREE_KIND(w) == TREE_NONE) return true;
    if (TREE_BITS(w) == 0 || TREE_BITS(w) > 16) return at_word(t, i, "its window has 0 bits, or more than 16");
    if (TREE_SHIFT(w) + TREE_BITS(w) > 64)
        return at_word(t, i, "its window goes past the end of the key's 64-bit word");
    return verify_table(t, i, TREE_BITS(w));
}

/* Verify that tables do not overlap. */
static bool verify_tables(const struct classify_pass *t)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < t->c->tree_count; i++) {
        if (!t->bits[i]) continue;
        if (i < end) return at_word(t, i, "the word belongs to two tables");
        end = (uint64_t)i + (1u << t->bits[i]);
    }
    return true;
}

static void worse(struct below *b, const struct below *o)
{
    if (o->least < b->least) b->least = o->least;
    if (o->words > b->words) b->words = o->words;
    if (o->compared > b->compared) b->compared = o->compared;
    if (o->chain > b->chain) b->chain = o->chain;
    if (o->depth > b->depth) b->depth = o->depth;
    if (o->forks > b->forks) b->forks = o->forks;
}

static void sum_table(const struct classify_pass *t, uint32_t base)
{
    struct below *b = &t->table[base];
    *b = t->word[base];
    for (uint32_t i = 1; i < 1u << t->bits[base]; i++) worse(b, &t->word[base + i]);
}

static bool sum_word(const struct classify_pass *t, uint32_t i)
{
    const uint64_t w = t->tree[i];
    const uint32_t base = TREE_BASE(w);
    struct below b = {.least = PBC_LANE_NONE};
    if (TREE_KIND(w) == TREE_CUT || TREE_KIND(w) == TREE_FORK) b = t->table[base];
    if (TREE_KIND(w) == TREE_FORK) {
        if (TREE_LEAST(w) != t->word[base + 1].least)
            return at_word(t, i, "its lowest entry isn't the lowest entry below this word");
        /* A search walks both words of a fork, so their values add up. */
        const struct below *x = &t->word[base], *y = &t->word[base + 1];
        b.words = (uint16_t)(x->words + y->words); /* at most 2^PBC_FORKS_MAX paths of PBC_TREE_DEPTH words each */
        b.compared = (uint16_t)least_of(x->compared + (uint32_t)y->compared, PBC_COMPARED_MAX + 1);
        b.chain = (uint16_t)least_of(x->chain + (uint32_t)y->chain, PBC_CHAIN_MAX + 1);
        b.forks++;
    } else if (TREE_KIND(w) == TREE_LEAF) {
        if (!verify_run(t, base, TREE_FORMAT(w))) return false;
        b.least = lane_entry(t, base, 0);
        b.compared = t->line[base].compared;
        b.chain = t->line[base].chain;
    }
    b.words++;
    b.depth++;
    t->word[i] = b;
    if (b.depth > PBC_TREE_DEPTH) return at_word(t, i, "too many words below this word");
    if (b.forks > PBC_FORKS_MAX) return at_word(t, i, "too many forks below this word");
    if (b.compared > PBC_COMPARED_MAX) return at_word(t, i, "too many blocks below this word");
    return b.chain <= PBC_CHAIN_MAX || at_word(t, i, "too many entries with code below this word");
}

static bool verify_tree(const struct classify_pass *t)
{
    const uint32_t count = t->c->tree_count;
    for (uint32_t i = 0; i < count; i++)
        if (!verify_word(t, i)) return false;
    if (!verify_tables(t)) return false;
    for (uint32_t i = count; i-- > 0;) {
        if (!sum_word(t, i)) return false;
        if (t->bits[i]) sum_table(t, i);
    }
    return true;
}

static bool same_figure(const struct classify_pass *t, const char *what, uint32_t said, uint32_t is)
{
    return said == is || fault(t->v, "classifier %u: %s: %u in its header, but %u in fact", t->i, what, said, is);
}

static bool verify_classifier(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_classifier *c = &p->classifiers[i];
    if (!verify_string(v, c->name, "classifier", i)) return false;
    if (!verify_ranks(v, i)) return false;
    if (c->tree_count == 0) return fault(v, "classifier %u has no tree", i);
    struct below *word __attribute__((cleanup(free_held))) = malloc(c->tree_count * sizeof *word);
    struct below *table __attribute__((cleanup(free_held))) = malloc(c->tree_count * sizeof *table);
    uint8_t *bits __attribute__((cleanup(free_held))) = calloc(c->tree_count, sizeof *bits);
    struct line *line __attribute__((cleanup(free_held))) = calloc((size_t)c->block_count + 1, sizeof *line);
    if (!word || !table || !bits || !line) return fault_memory(v);
    const struct classify_pass t = {.v = v,
                                    .i = i,
                                    .c = c,
                                    .entries = p->entries + c->entries,
                                    .formats = p->formats + c->formats,
                                    .tree = p->tree + c->tree,
                                    .blocks = p->blocks + c->blocks,
                                    .word = word,
                                    .table = table,
                                    .bits = bits,
                                    .line = line};
    if (!verify_entries(&t)) return false;
    for (uint32_t f = 0; f < c->format_count; f++)
        if (!verify_format(&t, f)) return false;
    return verify_tree(&t) && same_figure(&t, "words", c->words, word->words) &&
           same_figure(&t, "blocks", c->compared, word->compared) && same_figure(&t, "forks", c->forks, word->forks) &&
           same_figure(&t, "entries with code in turn", c->chain, word->chain);
}

/* Verify that the parts of classifiers follow one another in each section and leave nothing out. */
static bool verify_parts(const struct verifier *v)
{
    enum { PARTS = 5 };
    static const char *const names[PARTS] = {"entries", "formats", "tree", "blocks", "ranks"};
    const struct program *p = v->p;
    const uint32_t total[PARTS] = {p->entries_count, p->formats_count, p->tree_count, p->blocks_count, p->ranks_count};
    uint32_t next[PARTS] = {0};
    for (uint32_t i = 0; i < p->classifiers_count; i++) {
        const struct pbc_classifier *c = &p->classifiers[i];
        const uint32_t part[PARTS][2] = {{c->entries, c->entry_count},
                                         {c->formats, c->format_count},
                                         {c->tree, c->tree_count},
                                         {c->blocks, c->block_count},
                                         {c->ranks, c->rank_count}};
        for (unsigned s = 0; s < PARTS; s++) {
            if (part[s][0] != next[s])
                return fault(
                    v,
                    "classifier %u: its part of section `%s` doesn't begin where the previous classifier's part ends",
                    i, names[s]);
            if (!inside(part[s][0], part[s][1], total[s]))
                return fault(v, "classifier %u: its part of section `%s` goes past the section's end", i, names[s]);
            next[s] += part[s][1];
        }
    }
    for (unsigned s = 0; s < PARTS; s++)
        if (next[s] != total[s]) return fault(v, "section `%s` has entries that belong to no classifier", names[s]);
    return true;
}

bool verify_classifiers(const struct verifier *v)
{
    const struct program *p = v->p;
    const struct verifier would = {.p = p->would, .err = v->err, .err_len = v->err_len, .failed = v->failed};
    if (!verify_parts(v)) return false;
    for (uint32_t i = 0; i < p->classifiers_count; i++)
        if (!verify_classifier(p->would && i >= p->meta->would_classifiers ? &would : v, i)) return false;
    return true;
}
