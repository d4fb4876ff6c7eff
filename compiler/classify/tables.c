/* Tables of the tree: equal ones are one. Each knows the worst of the ways below it. */
#include <string.h>

#include "compiler/classify/builder_priv.h"

static uint32_t higher(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t lower(uint32_t a, uint32_t b) { return a < b ? a : b; }

struct worst worst_any(struct worst a, struct worst b)
{
    return (struct worst){higher(a.words, b.words), higher(a.compared, b.compared), higher(a.forks, b.forks),
                          higher(a.chain, b.chain), higher(a.lines, b.lines),       lower(a.least, b.least)};
}

static struct worst worst_both(struct worst a, struct worst b)
{
    return (struct worst){a.words + b.words, a.compared + b.compared, higher(a.forks, b.forks),
                          a.chain + b.chain, a.lines + b.lines,       lower(a.least, b.least)};
}

struct worst word_worst(const struct build *b, uint64_t word)
{
    struct worst w = {.least = PBC_LANE_NONE};
    if (TREE_KIND(word) == TREE_LEAF) {
        const struct leaf *l = &b->leaves[TREE_BASE(word)];
        w = (struct worst){0, l->units, 0, l->chain, unit_lines(l->units), l->least};
    } else if (TREE_KIND(word) == TREE_CUT) {
        w = b->tables[TREE_BASE(word)].worst;
    } else if (TREE_KIND(word) == TREE_FORK) {
        const uint64_t *both = &b->words[b->tables[TREE_BASE(word)].first];
        w = worst_both(word_worst(b, both[0]), word_worst(b, both[1]));
        w.forks++;
    }
    w.words++;
    w.lines++;
    return w;
}

struct words {
    const uint64_t *word;
    uint32_t count;
};

static bool equal(const struct build *b, uint32_t member, const void *what)
{
    const struct words *w = what;
    const struct table *t = &b->tables[member];
    return t->count == w->count && memcmp(b->words + t->first, w->word, w->count * sizeof *w->word) == 0;
}

uint32_t table_add(struct build *b, const uint64_t words[], uint32_t count)
{
    const uint32_t hash = hash_bytes(words, count * sizeof *words);
    struct place *at = index_find(b, &b->table_index, hash, equal, &(struct words){words, count});
    if (!at) return 0;
    if (at->member) return at->member - 1;
    uint64_t *grown = mem_grow(b, b->words, b->word_count, &b->word_cap, sizeof *grown, count);
    if (grown) b->words = grown;
    struct table *tables = mem_grow(b, b->tables, b->table_count, &b->table_cap, sizeof *tables, 1);
    if (tables) b->tables = tables;
    if (b->failed) return 0;
    struct worst worst = {.least = PBC_LANE_NONE};
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || words[i] != words[i - 1]) worst = worst_any(worst, word_worst(b, words[i]));
    bound_lines(b, worst.lines);
    memcpy(b->words + b->word_count, words, count * sizeof *words);
    b->tables[b->table_count] = (struct table){b->word_count, count, worst};
    b->word_count += count;
    index_put(&b->table_index, at, hash, b->table_count);
    return b->table_count++;
}
