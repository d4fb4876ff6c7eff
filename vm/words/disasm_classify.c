/* Classifiers in the listing: entries, formats, the tree word by word with its leaves' lanes below them. A small
 * classifier is printed in full; of a large one, or of parts that a hostile file repeats, only the first parts are
 * printed. */
#include "vm/tables.h"
#include "vm/words/words_priv.h"

enum { ROWS = 256, LEAVES = 64, BLOCKS = 16 };

struct listing {
    const struct program *p;
    const struct pbc_classifier *c;
    FILE *out;
    uint32_t shown[LEAVES]; /* first blocks of the runs printed so far */
    uint32_t shown_count;
};

static void dump_more(const struct listing *l, uint32_t count, const char *what)
{
    if (count) fprintf(l->out, "    ... and %u more %s\n", count, what);
}

/* True for the first words of the addresses. */
static bool is_ip4(unsigned slot) { return slot == KEY_SLOT(src) || slot == KEY_SLOT(dst); }

/* Return the name of a slot; in a classifier with ranks, two slots hold ranks. */
static const char *slot_name(const struct pbc_classifier *c, unsigned slot)
{
    if (!c->rank_count || !is_ip4(slot)) return slot_names[slot];
    return slot == KEY_SLOT(src) ? "src_rank" : "dst_rank";
}

/* Add the parts of the key under a window of a word: "src0 24-31". */
static void add_window(struct text *t, const struct pbc_classifier *c, unsigned word, unsigned shift, unsigned bits)
{
    const unsigned from = word * 64 + shift, to = from + bits;
    const char *between = "";
    for (unsigned at = from, width; at < to; at += width - at % width) {
        width = at / 32 < KEY_SLOT(src_port) ? 32 : 16;
        const unsigned end = to < at - at % width + width ? to - 1 : at - at % width + width - 1;
        text_add(t, "%s%s %u", between, width == 32 ? slot_name(c, at / 32) : half_names[at / 16], at % width);
        if (end > at) text_add(t, "-%u", end % width);
        between = ", ";
    }
}

static const uint32_t *column(const struct pbc_line *b, unsigned i) { return b[i / 2].col[i % 2]; }

/* Return the number of lanes up to the last used one. */
static unsigned lanes_of(const struct pbc_line *b)
{
    unsigned lanes = 0;
    while (lanes < 8 && (column(b, 0)[lanes] & PBC_LANE_NONE) != PBC_LANE_NONE) lanes++;
    return lanes;
}

/* Add the name of a half: its own, or the name of its slot with the place of the half there. */
static void add_half(struct text *t, unsigned half)
{
    if (half_names[half])
        text_add(t, "%s", half_names[half]);
    else
        text_add(t, "%s.%s", slot_names[half / 2], half % 2 ? "upper" : "lower");
}

/* Add a number; if it is half of an address, as two bytes. */
static void add_half_number(struct text *t, uint32_t number, unsigned half)
{
    if (is_ip4(half / 2))
        text_add(t, "%u.%u", number >> 8, number & 0xff);
    else
        text_add(t, "%u", number);
}

static void add_half_range(struct text *t, uint32_t range, unsigned half)
{
    const uint32_t lo = range & 0xffff, hi = 65535 - (range >> 16);
    if (!lo && hi == 65535) return;
    text_add(t, "  ");
    add_half(t, half);
    text_add(t, " ");
    add_half_number(t, lo, half);
    if (lo == hi) return;
    text_add(t, "-");
    add_half_number(t, hi, half);
}

static void add_ranks(struct text *t, const char *name, uint32_t lo, uint32_t hi)
{
    if (lo || hi < UINT32_MAX) text_add(t, lo == hi ? "  %s %u" : "  %s %u-%u", name, lo, hi);
}

/* Add an address as in code, with its mask if that is not a prefix. */
static void add_slot(struct text *t, unsigned slot, uint32_t value, uint32_t mask)
{
    if (!mask) return;
    if (is_ip4(slot) && !(~mask & (~mask + 1))) {
        text_add(t, "  %s ", slot_names[slot]);
        text_add_address(t, (const uint32_t[4]){value}, false);
        if (mask != UINT32_MAX) text_add(t, "/%u", (unsigned)__builtin_popcount(mask));
        return;
    }
    text_add(t, "  %s 0x%x", slot_names[slot], value);
    if (mask != UINT32_MAX) text_add(t, " of 0x%x", mask);
}

static void add_masked(struct text *t, uint32_t word, unsigned half)
{
    const uint32_t value = word & 0xffff, mask = word >> 16, shift = half % 2 * 16;
    if (!mask) return;
    text_add(t, "  ");
    if (half / 2 == KEY_SLOT(kind)) {
        text_add(t, "kind ");
        if (value) text_add_kind(t, value << shift, "|");
        if (mask & ~value) text_add(t, value ? " not " : "not "), text_add_kind(t, (mask & ~value) << shift, "|");
        return;
    }
    add_half(t, half);
    text_add(t, " 0x%x", value);
    if (mask != 0xffff) text_add(t, " of 0x%x", mask);
}

static void dump_lane(const struct listing *l, const struct pbc_line *b, const struct pbc_format *f, unsigned lane)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    unsigned i = 1;
    text_add(&t, "      entry %u", column(b, 0)[lane] & PBC_LANE_NONE);
    if (l->c->rank_count) {
        add_ranks(&t, slot_name(l->c, KEY_SLOT(src)), column(b, 1)[lane], column(b, 2)[lane]);
        add_ranks(&t, slot_name(l->c, KEY_SLOT(dst)), column(b, 3)[lane], column(b, 4)[lane]);
        i += PBC_RANK_COLUMNS;
    }
    for (; i < 2u * f->pairs; i += 2) add_slot(&t, f->half[i - 1] / 2, column(b, i)[lane], column(b, i + 1)[lane]);
    for (; i <= pbc_columns(f->lines); i++) {
        const uint32_t word = column(b, i)[lane];
        if (f->half[i - 1] & PBC_MASKED)
            add_masked(&t, word, PBC_HALF(f->half[i - 1]));
        else
            add_half_range(&t, word, f->half[i - 1]);
    }
    dump_line(&t, l->out);
}

/* Print the run of blocks, unless it was printed before. */
static void dump_run(struct listing *l, uint64_t leaf)
{
    const struct pbc_format *f = &l->p->formats[l->c->formats + TREE_FORMAT(leaf)];
    const struct pbc_line *b = &l->p->blocks[l->c->blocks + TREE_BASE(leaf)];
    bool follows = true;
    for (uint32_t i = 0; i < l->shown_count; i++)
        if (l->shown[i] == TREE_BASE(leaf)) return;
    if (l->shown_count == LEAVES) return;
    l->shown[l->shown_count++] = TREE_BASE(leaf);
    for (unsigned n = 0; n < BLOCKS && follows; n++, b += f->lines) {
        for (unsigned lane = 0; lane < lanes_of(b); lane++) dump_lane(l, b, f, lane);
        follows = column(b, 0)[7] & PBC_LANE_MORE;
    }
    if (follows) fprintf(l->out, "      ... and more\n");
}

/* Print words `from` to `to`, which are alike. */
static void dump_words(struct listing *l, uint32_t from, uint32_t to)
{
    const uint64_t w = l->p->tree[l->c->tree + from];
    const uint32_t base = TREE_BASE(w);
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    text_add(&t, from == to ? "    word %u: " : "    word %u-%u: ", from, to);
    switch ((enum tree_kind)TREE_KIND(w)) {
    case TREE_NONE: text_add(&t, "none"); break;
    case TREE_CUT:
        text_add(&t, "cut ");
        add_window(&t, l->c, TREE_WORD(w), TREE_SHIFT(w), TREE_BITS(w));
        text_add(&t, " -> %u-%u", base, base + (1u << TREE_BITS(w)) - 1);
        break;
    case TREE_FORK:
        text_add(&t, "fork -> %u, %u", base, base + 1);
        if (TREE_LEAST(w) != PBC_LANE_NONE) text_add(&t, " from entry %u", TREE_LEAST(w));
        break;
    case TREE_LEAF: text_add(&t, "leaf at line %u in format %u", base, TREE_FORMAT(w)); break;
    }
    dump_line(&t, l->out);
    if (TREE_KIND(w) == TREE_LEAF) dump_run(l, w);
}

static void dump_tree(struct listing *l)
{
    const uint64_t *tree = l->p->tree + l->c->tree;
    uint32_t next = 0;
    for (unsigned rows = 0; rows < ROWS && next < l->c->tree_count; rows++) {
        const uint32_t from = next++;
        while (next < l->c->tree_count && tree[next] == tree[from]) next++;
        dump_words(l, from, next - 1);
    }
    dump_more(l, l->c->tree_count - next, "words");
}

static void dump_formats(const struct listing *l)
{
    const uint32_t count = l->c->format_count < ROWS ? l->c->format_count : ROWS;
    for (uint32_t i = 0; i < count; i++) {
        const struct pbc_format *f = &l->p->formats[l->c->formats + i];
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        text_add(&t, "    format %u: %u line%s,", i, f->lines, f->lines == 1 ? "" : "s");
        if (l->c->rank_count) text_add(&t, " src_rank dst_rank");
        for (unsigned h = 0; h < 2u * f->pairs; h += 2) text_add(&t, " %s", slot_names[f->half[h] / 2]);
        for (unsigned h = l->c->rank_count ? PBC_RANK_COLUMNS : 2u * f->pairs; h < pbc_columns(f->lines); h++) {
            text_add(&t, " ");
            add_half(&t, PBC_HALF(f->half[h]));
            if (f->half[h] & PBC_MASKED) text_add(&t, "/mask");
        }
        dump_line(&t, l->out);
    }
    dump_more(l, l->c->format_count - count, "formats");
}

static void dump_entries(const struct listing *l)
{
    const uint32_t count = l->c->entry_count < ROWS ? l->c->entry_count : ROWS;
    for (uint32_t i = 0; i < count; i++) {
        const struct pbc_entry *e = &l->p->entries[l->c->entries + i];
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        text_add(&t, "    entry %u: ", i);
        add_rule(&t, l->p, e->rule);
        if (e->code) text_add(&t, " code %u", e->code);
        dump_line(&t, l->out);
    }
    dump_more(l, l->c->entry_count - count, "entries");
}

static bool has_no_bits(const struct pbc_rank *r)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++) bits |= r->word[i];
    return !bits;
}

/* Print the trees that find ranks, node by node: "line 4: rank 12, + 1 from 2001:db8::, + 1 from 2001:db9::"; of a
 * wide leaf "+ 1 in 2001:db8::/64", or "+ 1 from" if a range has no end, and one more behind each. */
static void dump_ranks(const struct listing *l)
{
    const struct pbc_rank *const all = l->p->ranks + l->c->ranks;
    uint32_t next = 0;
    for (unsigned rows = 0; rows < ROWS && next < l->c->rank_count; rows++) {
        const struct pbc_rank *const node = &all[next];
        const uint64_t rest = node->word[RANK_REST];
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        text_add(&t, "    line %u: ", next);
        next += 1 + RANK_WIDE(rest);
        if (next <= RANK_DST + 2 && has_no_bits(node)) continue; /* the line behind a root */
        text_add(&t, RANK_KIND(rest) == RANK_INNER ? "-> %u" : "rank %u", RANK_BASE(rest));
        for (unsigned i = 0; i < RANK_COUNT(rest); i++) {
            const uint64_t upper = node->word[i], lower = RANK_WIDE(rest) ? node[1].word[i] : 0;
            const uint32_t address[4] = {(uint32_t)(upper >> 32), (uint32_t)upper, (uint32_t)(lower >> 32),
                                         (uint32_t)lower};
            const bool inner = RANK_KIND(rest) == RANK_INNER;
            const unsigned bits = !inner && RANK_WIDE(rest) ? RANK_FREE(node[1].word[RANK_REST], i) : 128;
            text_add(&t, inner ? ", from " : bits < 128 ? ", + 1 in " : ", + 1 from ");
            text_add_address(&t, address, true);
            if (bits < 128) text_add(&t, "/%u", 128 - bits);
            if (inner) text_add(&t, " -> %u", RANK_TO(rest, i + 1));
        }
        dump_line(&t, l->out);
    }
    dump_more(l, l->c->rank_count - next, "lines");
}

static void dump_classifier(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_classifier *c = &p->classifiers[i];
    struct listing l = {.p = p, .c = c, .out = out};
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  classifier", i, c->name);
    text_add(&t, ": %u entries, %u words, %u lines of blocks; at most %u words, %u blocks, %u forks, %u in turn",
             c->entry_count, c->tree_count, c->block_count, c->words, c->compared, c->forks, c->chain);
    if (c->rank_count) text_add(&t, "; %u lines for ranks, at most %u", c->rank_count, c->climbed);
    dump_line(&t, out);
    dump_entries(&l);
    dump_formats(&l);
    dump_ranks(&l);
    dump_tree(&l);
}

void dump_classifiers(const struct program *p, FILE *out)
{
    if (p->classifiers_count) fprintf(out, "\nclassifiers\n");
    for (uint32_t i = 0; i < p->classifiers_count; i++)
        dump_classifier(p->would && i >= p->meta->would_classifiers ? p->would : p, i, out);
}
