/* The interpreter: packets of a batch through the code of a verified program. Every row of opcode.def has its case
 * below, reached through a table of labels. Each case ends in a jump to the case of the next instruction, so the
 * processor predicts each jump separately. Nothing is checked here: the verifier proved operands, jumps, registers,
 * and that every path ends. */
#include <string.h>

#include "vm/judge/classify/classify.h"
#include "vm/judge/decide.h"
#include "vm/judge/effects.h"
#include "vm/judge/insn_tests.h"

struct frame {
    const struct insn *back;     /* the CALL; the function returns behind it */
    uint32_t *regs;              /* registers of the caller */
    const struct insn *classify; /* CLASSIFY of the called function, once reached */
    uint32_t entry;              /* entry that CLASSIFY found last */
};

#define CASE(op) do_##op:
#define GO(n)                                                                                                          \
    do {                                                                                                               \
        pc += (n);                                                                                                     \
        goto *cases[pc->op];                                                                                           \
    } while (0)
#define JUMP_IF(yes)                                                                                                   \
    do {                                                                                                               \
        if (yes) GO(1u + pc->to);                                                                                      \
        GO(1);                                                                                                         \
    } while (0)
#define END(d)                                                                                                         \
    do {                                                                                                               \
        out[at] = (d);                                                                                                 \
        goto next_packet;                                                                                              \
    } while (0)

/* Keep a separate jump for each case: merged, they would share one prediction (a sixth slower on long lists). */
#ifdef __clang__
#define OWN_JUMPS
#else
#define OWN_JUMPS __attribute__((optimize("no-crossjumping")))
#endif

OWN_JUMPS void run_code(const struct program *p, uint32_t func, const struct key keys[], struct pkt *const pkts[],
                        uint64_t todo, const struct ahead *ahead, const struct effects *e, decided out[])
{
    static const void *const cases[OPCODE_COUNT] = {
#define OP(ident, name, operands, ends, kernel, doc) [OP_##ident] = &&do_##ident,
#include "vm/opcode.def"
    };
    struct frame frames[PBC_CALL_DEPTH], *frame = frames;
    uint32_t all_regs[(PBC_CALL_DEPTH + 1) * PBC_REGS], *regs = all_regs, result;
    const struct insn *const entry = p->code + p->funcs[func].first, *pc;
    const struct key *key;
    unsigned at;
next_packet: /* no called function ends a program, so frame and regs have their initial values */
    if (!todo) return;
    at = (unsigned)__builtin_ctzll(todo);
    todo &= todo - 1;
    key = &keys[at];
    pc = entry;
    if (ahead) {
        memset(all_regs, 0, PBC_REGS * sizeof *all_regs); /* functions called before decided nothing */
        pc = p->code + ahead->from[at];
    }
    GO(0);
    CASE(JUMP) GO(1u + pc->to);
    CASE(JEQ) JUMP_IF(key->slot[pc->a] == pc->imm);
    CASE(JNE) JUMP_IF(key->slot[pc->a] != pc->imm);
    CASE(JALL) JUMP_IF((key->slot[pc->a] & pc->imm) == pc->imm);
    CASE(JNALL) JUMP_IF((key->slot[pc->a] & pc->imm) != pc->imm);
    CASE(JANY) JUMP_IF(key->slot[pc->a] & pc->imm);
    CASE(JNONE) JUMP_IF(!(key->slot[pc->a] & pc->imm));
    CASE(JPFX) JUMP_IF(same_prefix(pc, key));
    CASE(JNPFX) JUMP_IF(!same_prefix(pc, key));
    CASE(JIN) JUMP_IF(half_in(pc, key));
    CASE(JNIN) JUMP_IF(!half_in(pc, key));
    CASE(JMAP) JUMP_IF(half_in_map(p, pc, key));
    CASE(JNMAP) JUMP_IF(!half_in_map(p, pc, key));
    CASE(JSET) JUMP_IF(set_has(p, pc->imm, key, pc->a));
    CASE(JNSET) JUMP_IF(!set_has(p, pc->imm, key, pc->a));
    CASE(JMAC) JUMP_IF(mac_in_set(p, pc, key, pkts[at]));
    CASE(JNMAC) JUMP_IF(!mac_in_set(p, pc, key, pkts[at]));
    CASE(JMACK) JUMP_IF(mac_of_kind(pc, key, pkts[at]));
    CASE(JNMACK) JUMP_IF(!mac_of_kind(pc, key, pkts[at]));
    CASE(JPAT) JUMP_IF(pattern_at(p, pc, key, pkts[at]));
    CASE(JNPAT) JUMP_IF(!pattern_at(p, pc, key, pkts[at]));
    CASE(JHDR) JUMP_IF(header_in(p, pc, key, pkts[at]));
    CASE(JNHDR) JUMP_IF(!header_in(p, pc, key, pkts[at]));
    CASE(JNFIRST) JUMP_IF(stream_fails(e->stream, p, pc->imm));
    CASE(JNOVER) JUMP_IF(effect_meter(e, p, pc->imm, key, at) != METER_OVER);
    CASE(JNWITHIN) JUMP_IF(effect_meter(e, p, pc->imm, key, at) != METER_WITHIN);
    CASE(JNFLOWS) JUMP_IF(effect_flows(e, &p->grains[pc->a], key, at) <= pc->imm);
    CASE(COUNT)
    {
        effect_count(e, pc->imm, pkts[at]->wire_len);
        GO(1);
    }
    CASE(LOG)
    {
        effect_log(e, p, pc->imm, at);
        GO(1);
    }
    CASE(MIRROR)
    {
        effect_mirror(e, p, pc->imm, pkts[at], at);
        GO(1);
    }
    CASE(ADD)
    {
        effect_add(e, p, pc->imm, &keys[at]);
        GO(1);
    }
    CASE(CALL)
    {
        *frame++ = (struct frame){.back = pc, .regs = regs};
        regs += PBC_REGS;
        pc = p->code + p->funcs[pc->imm].first;
        GO(0);
    }
    CASE(CLASSIFY)
    {
        frame[-1].classify = pc;
        result = ahead && ahead->classifier[at] == pc->imm ? ahead->entry[at] : classify_one(p, pc->imm, key, 0);
        goto found;
    }
    CASE(AGAIN)
    {
        pc = frame[-1].classify;
        result = classify_one(p, pc->imm, key, frame[-1].entry + 1);
    }
found:
    if (result == ENTRY_NONE) GO(1);
    {
        const struct pbc_entry *const found = &p->entries[p->classifiers[pc->imm].entries + result];
        if (!found->code) {
            result = found->rule + 1;
            goto leave;
        }
        frame[-1].entry = result;
        pc = p->code + p->funcs[frame[-1].back->imm].first + found->code;
        GO(0);
    }
    CASE(RETNZ)
    {
        result = regs[pc->a];
        if (result) goto leave;
        GO(1);
    }
    CASE(RETK)
    {
        result = pc->imm + 1;
        goto leave;
    }
    CASE(RETZ)
    {
        result = 0;
        goto leave;
    }
leave:
    frame--;
    pc = frame->back;
    regs = frame->regs;
    regs[pc->a] = result;
    GO(1);
    CASE(DECIDE)
    {
        result = regs[pc->a];
        if (result) END(decided_by_rule(p, result - 1, pc->imm));
        GO(1);
    }
    CASE(DECIDEK) END(decided_by_rule(p, pc->imm, pc->to));
    CASE(DEFAULT) END(decided_by_default(p, pc->imm, key));
    CASE(ACCEPT) END(decided_by_nobody(ACTION_ACCEPT));
    CASE(PASS) END(decided_by_nobody(ACTION_PASS));
    CASE(RETB)
    {
        result = pc->imm + 1;
        goto leave;
    }
    CASE(PICK)
    {
        result = regs[pc->a];
        if (result) END(decided_as(result - 1, ACTION_FORWARD, PBC_NONE));
        GO(1);
    }
    CASE(HOST) END(decided_by_nobody(ACTION_ACCEPT));
}

struct decision program_decide(const struct program *p, const struct key *key, const struct pkt *pkt)
{
    struct pkt *const pkts[] = {(struct pkt *)(uintptr_t)pkt}; /* run_code writes no packet */
    decided d;
    run_code(p, p->root, key, pkts, 1, NULL, NULL, &d);
    return decision_of(d);
}

uint32_t program_serve(const struct program *p, const struct key *key, const struct pkt *pkt)
{
    struct pkt *const pkts[] = {(struct pkt *)(uintptr_t)pkt};
    decided d;
    if (!p->services_count) return PBC_NONE;
    run_code(p, p->meta->services, key, pkts, 1, NULL, NULL, &d);
    return decided_action(d) == ACTION_FORWARD ? decided_rule(d) : PBC_NONE;
}
