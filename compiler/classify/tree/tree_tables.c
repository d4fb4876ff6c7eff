/* Tables of the tree, equal tables stored once, with the worst of the ways below each. Equal tables and equal leaves
 * are found by open addressing, at most half full: only contents decide which are shared. */
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"
#include "lang/hash.h"

static uint32_t higher(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t lower(uint32_t a, uint32_t b) { return a < b ? a : b; }

static struct worst worst_any(struct worst a, struct worst b)
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
        w = (struct worst){0, l->blocks, 0, l->chain, l->lines, l->least};
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

static bool equal_table(const struct build *b, uint32_t member, const void *what)
{
    const struct words *w = what;
    const struct table *t = &b->tables[member];
    return t->count == w->count && memcmp(b->words + t->first, w->word, w->count * sizeof *w->word) == 0;
}

uint32_t table_add(struct build *b, const uint64_t words[], uint32_t count)
{
    const uint32_t hash = (uint32_t)hash_bytes(0, words, count * sizeof *words);
    struct place *at = index_find(b, &b->table_index, hash, equal_table, &(struct words){words, count});
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

enum { INDEX_FIRST = 256 };

static bool index_double(struct build *b, struct index *x)
{
    const uint32_t cap = x->cap ? x->cap * 2 : INDEX_FIRST;
    struct place *fresh = mem_take(b, cap * sizeof *fresh);
    if (!fresh) return false;
    memset(fresh, 0, cap * sizeof *fresh);
    for (uint32_t i = 0; i < x->cap; i++) {
        if (!x->place[i].member) continue;
        uint32_t at = x->place[i].hash & (cap - 1);
        while (fresh[at].member) at = (at + 1) & (cap - 1);
        fresh[at] = x->place[i];
    }
    mem_give(b, x->place, x->cap * sizeof *x->place);
    x->place = fresh;
    x->cap = cap;
    return true;
}

struct place *index_find(struct build *b, struct index *x, uint32_t hash, equal_fn *equal, const void *what)
{
    if (x->count * 2 >= x->cap && !index_double(b, x)) return NULL;
    uint32_t at = hash & (x->cap - 1);
    while (x->place[at].member && (x->place[at].hash != hash || !equal(b, x->place[at].member - 1, what)))
        at = (at + 1) & (x->cap - 1);
    return &x->place[at];
}

void index_put(struct index *x, struct place *at, uint32_t hash, uint32_t member)
{
    *at = (struct place){hash, member + 1};
    x->count++;
}
