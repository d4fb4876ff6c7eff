/* Which classifier each packet of a batch will reach first, and what it finds there, before any code runs. Where
 * function 0 leads is followed by its tests alone: what has an effect, asks the frame itself or ends stops it, and then
 * the packet is searched for when its code gets there. */
#include "vm/classify/classify.h"
#include "vm/vm.h"

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
    case OP_JANY: return slot & n->imm;
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

/* The classifier, PBC_NONE: none, or it can't be said. */
static uint32_t follow(const struct program *p, const struct key *key)
{
    const struct insn *n = p->code + p->funcs[0].first;
    for (unsigned steps = 0; steps < FOLLOWED; steps++) {
        if (n->op == OP_CLASSIFY) return n->imm;
        if (n->op == OP_CALL)
            n = p->code + p->funcs[n->imm].first;
        else if (is_followed(n))
            n += 1u + (jumps(n, key) ? n->to : 0u);
        else
            return PBC_NONE;
    }
    return PBC_NONE;
}

/* What can be told when the program is loaded. */
void classify_ahead_choose(struct program *p)
{
    const struct insn *n = p->code + p->funcs[0].first;
    p->ahead_classifier = PBC_NONE;
    p->classifies = p->classifiers_count > 0;
    if (!p->classifies) return;
    while (n->op == OP_CALL) n = p->code + p->funcs[n->imm].first;
    if (n->op == OP_CLASSIFY) p->ahead_classifier = n->imm;
}

/* All that lead where the first of them does; removed from *todo. */
static uint64_t take_alike(const uint32_t classifier[], uint64_t *todo)
{
    const uint32_t wanted = classifier[__builtin_ctzll(*todo)];
    uint64_t alike = 0;
    for (uint64_t left = *todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        alike |= (uint64_t)(classifier[at] == wanted) << at;
    }
    *todo &= ~alike;
    return alike;
}

/* Each classifier that packets lead to. */
static void search_each(const struct program *p, const struct key keys[], uint64_t todo, struct ahead *ahead)
{
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        ahead->classifier[at] = follow(p, &keys[at]);
    }
    while (todo) {
        const uint32_t classifier = ahead->classifier[__builtin_ctzll(todo)];
        const uint64_t alike = take_alike(ahead->classifier, &todo);
        if (classifier != PBC_NONE) classify_batch(p, classifier, keys, alike, ahead->entry);
    }
}

void classify_ahead(const struct program *p, const struct key keys[], uint64_t todo, struct ahead *ahead)
{
    if (p->ahead_classifier == PBC_NONE) {
        search_each(p, keys, todo, ahead);
        return;
    }
    for (unsigned i = 0; i < VM_BATCH; i++) ahead->classifier[i] = p->ahead_classifier;
    classify_batch(p, p->ahead_classifier, keys, todo, ahead->entry);
}
