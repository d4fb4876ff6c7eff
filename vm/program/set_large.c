/* Sets of the code so large that a batch prefetches their memory (judge/sets/ahead.c). */
#include "vm/program/set_index.h"
#include "vm/tables.h"

/* Least size of a set's ranges with which the set does not stay in the caches beside everything else. */
enum { AHEAD_BYTES = 4 << 20 };

static bool is_large(const struct program *p, uint32_t set)
{
    const struct pbc_set *s = &p->sets[set];
    return s->count4 * sizeof(struct pbc_range) + s->count6 * sizeof(struct pbc_range6) >= AHEAD_BYTES;
}

static bool is_listed(const struct program *p, uint32_t set, uint8_t dst)
{
    for (unsigned i = 0; i < p->ahead_count; i++)
        if (p->ahead[i].set == set && p->ahead[i].dst == dst) return true;
    return false;
}

void set_ahead_choose(struct program *p)
{
    for (uint32_t i = 0; p->lookup && i < p->code_count && p->ahead_count < PROGRAM_AHEAD; i++) {
        const struct insn *n = &p->code[i];
        if ((n->op != OP_JSET && n->op != OP_JNSET) || !is_large(p, n->imm) || is_listed(p, n->imm, n->a)) continue;
        p->ahead[p->ahead_count++] = (struct set_side){.set = n->imm, .dst = n->a};
    }
}
