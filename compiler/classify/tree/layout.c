/* The finished tree: parents before children, from the root on. Tables are made after all that they lead to, so the
 * reverse of that order is right. */
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"

static uint64_t rebased(uint64_t word, uint32_t base)
{
    return (word & ((UINT64_C(1) << TREE_BASE_AT) - 1)) | (uint64_t)base << TREE_BASE_AT;
}

static uint64_t placed(const struct build *b, const uint32_t first[], uint64_t word)
{
    switch (TREE_KIND(word)) {
    case TREE_CUT:
    case TREE_FORK: return rebased(word, first[TREE_BASE(word)]);
    case TREE_LEAF: return rebased(word, b->leaves[TREE_BASE(word)].block);
    default: return TREE_NONE;
    }
}

static void count_words(struct built *out)
{
    for (uint32_t i = 0; i < out->tree_count; i++) {
        out->cuts += TREE_KIND(out->tree[i]) == TREE_CUT && (i == 0 || out->tree[i] != out->tree[i - 1]);
        out->fork_count += TREE_KIND(out->tree[i]) == TREE_FORK && (i == 0 || out->tree[i] != out->tree[i - 1]);
    }
}

bool layout(struct build *b, uint64_t root, struct built *out)
{
    const uint32_t count = b->word_count + 1;
    uint32_t *first = mem_take(b, b->table_count * sizeof *first);
    out->tree = mem_take(b, count * sizeof *out->tree);
    if (b->failed) {
        mem_give(b, first, b->table_count * sizeof *first);
        return false;
    }
    uint32_t at = 1;
    for (uint32_t t = b->table_count; t-- > 0; at += b->tables[t].count) first[t] = at;
    out->tree[0] = placed(b, first, root);
    for (uint32_t t = 0; t < b->table_count; t++)
        for (uint32_t i = 0; i < b->tables[t].count; i++)
            out->tree[first[t] + i] = placed(b, first, b->words[b->tables[t].first + i]);
    out->tree_count = count;
    mem_give(b, first, b->table_count * sizeof *first);
    count_words(out);
    return true;
}
