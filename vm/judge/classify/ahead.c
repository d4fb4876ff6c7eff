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

/* All packets of `todo` from the instruction on; where they part, each part goes on by itself. */
static void follow(const struct program *p, const struct insn *n, unsigned steps, const struct key keys[],
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
        if (jump && stay) follow(p, n + 1 + n->to, steps + 1, keys, jump, ahead);
        todo = stay ? stay : jump;
        n += stay ? 1u : 1u + n->to;
    }
}

void classify_ahead(const struct program *p, const struct key keys[], uint64_t todo, struct ahead *ahead)
{
    for (uint64_t left = todo; left; left &= left - 1) ahead->classifier[__builtin_ctzll(left)] = PBC_NONE;
    follow(p, p->code + p->funcs[0].first, 0, keys, todo, ahead);
}
