/* The first classifier that packets of a batch reach in the function they call, and its result. The way there is
 * followed over tests of headers only. If a packet meets an instruction with an effect, a test of the frame or an
 * end, its search waits until its code gets there. */
#include "vm/judge/classify/classify.h"
#include "vm/judge/insn_tests.h"
#include "vm/pbc.h"
#include "vm/tables.h"

/* Most instructions followed, because they are executed twice. */
enum { FOLLOWED = 16 };

/* True if the test, of headers only, jumps. */
static bool jumps(const struct insn *n, const struct key *key)
{
    const uint32_t slot = key->slot[n->a & 15];
    switch (n->op) {
    case OP_JUMP: return true;
    case OP_JEQ: return slot == n->imm;
    case OP_JNE: return slot != n->imm;
    case OP_JALL: return (slot & n->imm) == n->imm;
    case OP_JNALL: return (slot & n->imm) != n->imm;
    case OP_JANY: return (slot & n->imm) != 0;
    case OP_JNONE: return !(slot & n->imm);
    case OP_JPFX: return same_prefix(n, key);
    case OP_JNPFX: return !same_prefix(n, key);
    case OP_JIN: return half_in(n, key);
    case OP_JNIN: return !half_in(n, key);
    default: return false;
    }
}

static_assert(OP_JUMP == 0 && OP_JNIN == 10, "tests of headers stand first in opcode.def");

/* Return the packets of `todo` for which the test jumps. */
static uint64_t jumping(const struct insn *n, const struct key keys[], uint64_t todo)
{
    uint64_t yes = 0;
    for (; todo; todo &= todo - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(todo);
        yes |= (uint64_t)jumps(n, &keys[at]) << at;
    }
    return yes;
}

static void ahead_search(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                         struct ahead *ahead)
{
    classify_batch(p, classifier, keys, todo, ahead->entry);
    for (; todo; todo &= todo - 1) ahead->classifier[__builtin_ctzll(todo)] = classifier;
}

/* Decide packets whose entry has no code. Every entry is prefetched before the first is read. */
static struct called decide_found(const struct program *p, const struct insn *call, const struct pbc_entry entries[],
                                  uint64_t todo, const uint32_t found[], decided out[])
{
    struct called c = {0};
    for (uint64_t left = todo; left; left &= left - 1) {
        const uint32_t entry = found[__builtin_ctzll(left)];
        __builtin_prefetch(&entries[entry == ENTRY_NONE ? 0 : entry]);
    }
    for (; todo; todo &= todo - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(todo);
        if (found[at] == ENTRY_NONE)
            c.none |= UINT64_C(1) << at;
        else if (entries[found[at]].code)
            c.left |= UINT64_C(1) << at;
        else
            out[at] = decided_by_rule(p, entries[found[at]].rule, call[1].imm);
    }
    return c;
}

/* Follow all packets of `todo` from the instruction on. Where they part, follow each group by itself. */
static void ahead_follow(const struct program *p, const struct insn *n, const struct key keys[], unsigned steps,
                         uint64_t todo, struct ahead *ahead)
{
    for (; steps < FOLLOWED; steps++) {
        if (n->op == OP_CLASSIFY) {
            ahead_search(p, n->imm, keys, todo, ahead);
            return;
        }
        if (n->op == OP_CALL) {
            n = p->code + p->funcs[n->imm].first;
            continue;
        }
        if (n->op > OP_JNIN) return; /* the instruction tests more than the key */
        const uint64_t jump = jumping(n, keys, todo), stay = todo & ~jump;
        if (jump && stay) ahead_follow(p, n + 1 + n->to, keys, steps + 1, jump, ahead);
        todo = stay ? stay : jump;
        n += stay ? 1u : 1u + n->to;
    }
}

struct called classify_call(const struct program *p, const struct insn *call, const struct key keys[], uint64_t todo,
                            struct ahead *ahead, decided out[])
{
    const struct insn *const first = p->code + p->funcs[call->imm].first;
    for (uint64_t left = todo; left; left &= left - 1) ahead->classifier[__builtin_ctzll(left)] = PBC_NONE;
    ahead_follow(p, first, keys, 0, todo, ahead);
    /* The classifier's result decides: `call; decide` in function 0, `classify; retz` in the called one. */
    const bool decides =
        first[0].op == OP_CLASSIFY && first[1].op == OP_RETZ && call[1].op == OP_DECIDE && call[1].a == call->a;
    if (!decides) return (struct called){.left = todo};
    return decide_found(p, call, p->entries + p->classifiers[first->imm].entries, todo, ahead->entry, out);
}
