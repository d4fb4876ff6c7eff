/* The longest path through a program: how many instructions one packet may cost at most. Jumps and calls go forward, so
 * one pass from the last instruction to the first knows what follows each. The compiler writes the figure into meta,
 * the verifier compares. */
#include <stdlib.h>

#include "vm/code_priv.h"

static void free_words(uint32_t **words) { free(*words); }

static uint32_t add(uint32_t a, uint32_t b) { return a > UINT32_MAX - b ? UINT32_MAX : a + b; }

/* The longest way from instruction i on; after[] holds it for all that stand behind in the function. */
static uint32_t from(const struct insn *code, uint32_t i, uint32_t end, const uint32_t *after, const uint32_t *paths,
                     uint32_t func, uint32_t func_count)
{
    const struct insn *n = &code[i];
    uint32_t cost = 1, rest = 0;
    if (n->op >= OPCODE_COUNT) return cost;
    if (n->op == OP_CALL && n->imm > func && n->imm < func_count) cost = add(cost, paths[n->imm]);
    if (!op_info[n->op].ends && i + 1 < end) rest = after[i + 1];
    if (op_jumps(n->op) && n->to < end - i - 1 && after[i + 1 + n->to] > rest) rest = after[i + 1 + n->to];
    return add(cost, rest);
}

uint32_t pbc_longest_path(const struct pbc_func *funcs, uint32_t func_count, const struct insn *code,
                          uint32_t code_count, uint32_t services)
{
    uint32_t *after __attribute__((cleanup(free_words))) = calloc((size_t)code_count + 1, sizeof *after);
    uint32_t *paths __attribute__((cleanup(free_words))) = calloc((size_t)func_count + 1, sizeof *paths);
    if (!after || !paths) return 0;
    for (uint32_t f = func_count; f-- > 0;) {
        uint32_t first = funcs[f].first, count = funcs[f].count;
        if (first > code_count || count == 0 || count > code_count - first) continue;
        for (uint32_t i = first + count; i-- > first;)
            after[i] = from(code, i, first + count, after, paths, f, func_count);
        paths[f] = after[first];
    }
    return services && services < func_count ? add(paths[0], paths[services]) : paths[0];
}
