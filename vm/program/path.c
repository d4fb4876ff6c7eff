/* The longest path through a program: the most instructions that one packet may cost. Jumps and calls go forward, so
 * one pass from the last instruction to the first knows what follows each. The compiler writes the figure into meta,
 * the verifier compares. */
#include <stdlib.h>

#include "vm/pbc.h"
#include "vm/tables.h"

static void words_free(uint32_t **words) { free(*words); }

static uint32_t cost_add(uint32_t a, uint64_t b) { return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b; }

/* Path lengths known so far; functions are processed from the last to the first. */
struct known_paths {
    const struct pbc_code *c;
    uint32_t *after; /* [instruction]: longest path from it on; valid behind the current instruction */
    uint32_t *paths; /* [function]: longest path through it; valid behind the current function */
    uint32_t *most;  /* [PBC_CHAIN_MAX]: heap of a classifier's longest paths */
};

/* Replace the heap's least value, its first, by `path`. */
static void sift(uint32_t *heap, uint32_t count, uint32_t path)
{
    uint32_t at = 0;
    for (uint32_t below = 1; below < count; below = 2 * at + 1) {
        if (below + 1 < count && heap[below + 1] < heap[below]) below++;
        if (heap[below] >= path) break;
        heap[at] = heap[below];
        at = below;
    }
    heap[at] = path;
}

/* Return the sum of the `chain` longest paths through entries' code: a packet asks at most that many entries, and
 * none twice. */
static uint32_t entry_paths(const struct known_paths *w, const struct pbc_classifier *k, uint32_t first, uint32_t end)
{
    const uint32_t count = k->chain < PBC_CHAIN_MAX ? k->chain : PBC_CHAIN_MAX;
    uint32_t sum = 0;
    if (!count || k->entries > w->c->entries_count || k->entry_count > w->c->entries_count - k->entries) return 0;
    for (uint32_t i = 0; i < count; i++) w->most[i] = 0;
    for (uint32_t e = 0; e < k->entry_count; e++) {
        const uint32_t code = w->c->entries[k->entries + e].code;
        if (code && code < end - first && w->after[first + code] > w->most[0])
            sift(w->most, count, w->after[first + code]);
    }
    for (uint32_t i = 0; i < count; i++) sum = cost_add(sum, w->most[i]);
    return sum;
}

static uint32_t classify_cost(const struct known_paths *w, uint32_t classifier, uint32_t first, uint32_t end)
{
    if (classifier >= w->c->classifiers_count) return 1;
    const struct pbc_classifier *k = &w->c->classifiers[classifier];
    const uint64_t search = 1 + (uint64_t)k->climbed + k->words + k->compared, times = 1 + (uint64_t)k->chain;
    if (search > UINT32_MAX || times > UINT32_MAX) return UINT32_MAX;
    return cost_add(entry_paths(w, k, first, end), search * times);
}

/* Return the longest path from instruction i on. */
static uint32_t from(const struct known_paths *w, uint32_t func, uint32_t i, uint32_t end)
{
    const struct insn *n = &w->c->code[i];
    uint32_t cost = 1, rest = 0;
    if (n->op >= OPCODE_COUNT) return cost;
    if (n->op == OP_CLASSIFY) cost = classify_cost(w, n->imm, w->c->funcs[func].first, end);
    if (n->op == OP_CALL && n->imm > func && n->imm < w->c->funcs_count) cost = cost_add(cost, w->paths[n->imm]);
    if (!op_info[n->op].ends && i + 1 < end) rest = w->after[i + 1];
    if (op_jumps(n->op) && n->to < end - i - 1 && w->after[i + 1 + n->to] > rest) rest = w->after[i + 1 + n->to];
    return cost_add(cost, rest);
}

uint32_t pbc_longest_path(const struct pbc_code *c)
{
    uint32_t *after __attribute__((cleanup(words_free))) = calloc((size_t)c->code_count + 1, sizeof *after);
    uint32_t *paths __attribute__((cleanup(words_free))) = calloc((size_t)c->funcs_count + 1, sizeof *paths);
    uint32_t most[PBC_CHAIN_MAX];
    const struct known_paths w = {.c = c, .after = after, .paths = paths, .most = most};
    if (!after || !paths) return 0;
    for (uint32_t f = c->funcs_count; f-- > 0;) {
        const uint32_t first = c->funcs[f].first, count = c->funcs[f].count;
        if (first > c->code_count || count == 0 || count > c->code_count - first) continue;
        for (uint32_t i = first + count; i-- > first;) after[i] = from(&w, f, i, first + count);
        paths[f] = after[first];
    }
    uint32_t packet = paths[0];
    const uint32_t stream = c->streams < c->funcs_count ? paths[c->streams] : 0;
    if (c->services && c->services < c->funcs_count) packet = cost_add(packet, paths[c->services]);
    if (c->would && c->would < c->funcs_count) packet = cost_add(packet, paths[c->would]);
    return packet > stream ? packet : stream;
}
