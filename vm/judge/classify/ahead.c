/* Which classifier each packet of a batch will reach first, and what it finds there, before any code runs. Where
 * function 0 leads is followed by its tests alone: what has an effect, asks the frame itself or ends stops it, and then
 * the packet is searched for when its code gets there. */
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

/* Does what the classifier finds end the judging: `call; decide; default` in function 0, `classify; retz` in what it
 * calls? */
static bool ends_the_judging(const struct program *p, const struct insn *call, const struct insn *classify)
{
    if (!call || (size_t)(call - p->code) - p->funcs[0].first >= p->funcs[0].count) return false;
    return classify == p->code + p->funcs[call->imm].first && classify[1].op == OP_RETZ && call[1].op == OP_DECIDE &&
           call[1].a == call->a && call[2].op == OP_DEFAULT;
}

/* The decisions of those that found no entry, or one without code. Returns the others. Every entry is asked for before
 * the first is read. */
static uint64_t decide(const struct program *p, const struct insn *call, uint32_t classifier, const struct key keys[],
                       uint64_t todo, const uint32_t found[], decided out[])
{
    const struct pbc_entry *const entries = p->entries + p->classifiers[classifier].entries;
    uint64_t coded = 0;
    for (uint64_t left = todo; left; left &= left - 1) {
        const uint32_t entry = found[__builtin_ctzll(left)];
        __builtin_prefetch(&entries[entry == ENTRY_NONE ? 0 : entry]);
    }
    for (; todo; todo &= todo - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(todo);
        if (found[at] == ENTRY_NONE)
            out[at] = decided_by_default(p, call[2].imm, &keys[at]);
        else if (entries[found[at]].code)
            coded |= UINT64_C(1) << at;
        else
            out[at] = decided_by_rule(p, entries[found[at]].rule, call[1].imm);
    }
    return coded;
}

/* A way through the code, and what becomes of the packets on it. */
struct way {
    const struct program *p;
    const struct key *keys;
    struct ahead *ahead;
    decided *out;
};

/* All packets of `todo` from the instruction on; where they part, each part goes on by itself. `call`: the last on the
 * way here, NULL: none. Returns those that are not decided. */
static uint64_t follow(const struct way *w, const struct insn *n, const struct insn *call, unsigned steps,
                       uint64_t todo)
{
    const struct program *p = w->p;
    uint64_t undecided = 0;
    for (; steps < FOLLOWED; steps++) {
        if (n->op == OP_CLASSIFY) {
            search(p, n->imm, w->keys, todo, w->ahead);
            if (ends_the_judging(p, call, n)) todo = decide(p, call, n->imm, w->keys, todo, w->ahead->entry, w->out);
            break;
        }
        if (n->op == OP_CALL) {
            call = n;
            n = p->code + p->funcs[n->imm].first;
            continue;
        }
        if (!is_followed(n)) break;
        const uint64_t jump = jumping(n, w->keys, todo), stay = todo & ~jump;
        if (jump && stay) undecided |= follow(w, n + 1 + n->to, call, steps + 1, jump);
        todo = stay ? stay : jump;
        n += stay ? 1u : 1u + n->to;
    }
    return undecided | todo;
}

uint64_t classify_ahead(const struct program *p, const struct key keys[], uint64_t todo, struct ahead *ahead,
                        decided out[])
{
    const struct way w = {p, keys, ahead, out};
    for (uint64_t left = todo; left; left &= left - 1) ahead->classifier[__builtin_ctzll(left)] = PBC_NONE;
    return follow(&w, p->code + p->funcs[0].first, NULL, 0, todo);
}
