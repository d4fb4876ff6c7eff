/* Which classifier packets of a batch will reach first in the function that they call, and what they find there. Where
 * it leads is followed by its tests alone: what has an effect, asks the frame itself or ends stops it, and then the
 * packet is searched for when its code gets there. */
#include "vm/judge/classify/classify.h"
#include "vm/pbc.h"
#include "vm/tables.h"

/* More is not followed: it would be done twice. */
enum { FOLLOWED = 16 };

static bool halves_in(uint32_t half, uint32_t range)
{
    return half - (range >> 16) <= (range & 0xffff) - (range >> 16);
}

/* Does the test, which asks headers alone, jump? */
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
    case OP_JPFX: return (key->slot[n->a >> 5] ^ n->imm) >> (n->a & 31) == 0;
    case OP_JNPFX: return (key->slot[n->a >> 5] ^ n->imm) >> (n->a & 31) != 0;
    case OP_JIN: return halves_in(key->half[n->a & 31], n->imm);
    case OP_JNIN: return !halves_in(key->half[n->a & 31], n->imm);
    default: return false;
    }
}

static bool is_followed(const struct insn *n) { return n->op <= OP_JNIN; }
static_assert(OP_JUMP == 0 && OP_JNIN == 10, "tests of headers stand first in opcode.def");

/* The packets of `todo` for which it does. */
static uint64_t jumping(const struct insn *n, const struct key keys[], uint64_t todo)
{
    uint64_t yes = 0;
    for (; todo; todo &= todo - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(todo);
        yes |= (uint64_t)jumps(n, &keys[at]) << at;
    }
    return yes;
}

static void search(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                   struct ahead *ahead)
{
    classify_batch(p, classifier, keys, todo, ahead->entry);
    for (; todo; todo &= todo - 1) ahead->classifier[__builtin_ctzll(todo)] = classifier;
}

/* Does what the classifier finds decide: `call; decide` in function 0, `classify; retz` in what it calls? */
static bool decides(const struct program *p, const struct insn *call)
{
    const struct insn *const n = p->code + p->funcs[call->imm].first;
    return n[0].op == OP_CLASSIFY && n[1].op == OP_RETZ && call[1].op == OP_DECIDE && call[1].a == call->a;
}

/* The decisions of those that found an entry without code. Every entry is asked for before the first is read. */
static struct called decide(const struct program *p, const struct insn *call, const struct pbc_entry entries[],
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

/* All packets of `todo` from the instruction on; where they part, each part goes on by itself. */
static void follow(const struct program *p, const struct insn *n, const struct key keys[], unsigned steps,
                   uint64_t todo, struct ahead *ahead)
{
    for (; steps < FOLLOWED; steps++) {
        if (n->op == OP_CLASSIFY) {
            search(p, n->imm, keys, todo, ahead);
            return;
        }
        if (n->op == OP_CALL) {
            n = p->code + p->funcs[n->imm].first;
            continue;
        }
        if (!is_followed(n)) return;
        const uint64_t jump = jumping(n, keys, todo), stay = todo & ~jump;
        if (jump && stay) follow(p, n + 1 + n->to, keys, steps + 1, jump, ahead);
        todo = stay ? stay : jump;
        n += stay ? 1u : 1u + n->to;
    }
}

struct called classify_call(const struct program *p, const struct insn *call, const struct key keys[], uint64_t todo,
                            struct ahead *ahead, decided out[])
{
    const struct insn *const first = p->code + p->funcs[call->imm].first;
    for (uint64_t left = todo; left; left &= left - 1) ahead->classifier[__builtin_ctzll(left)] = PBC_NONE;
    follow(p, first, keys, 0, todo, ahead);
    if (!decides(p, call)) return (struct called){.left = todo};
    return decide(p, call, p->entries + p->classifiers[first->imm].entries, todo, ahead->entry, out);
}
