/* AGAIN for kernels without may_goto: a function that searches again is one turn of the kernel's own loop
 * (bpf_loop), and its caller loops over it. Between turns all state is in the packet (struct kernel_again), whose
 * contents those kernels do not know: they follow only one turn, and remove code that this turn never reaches. */
#include <stddef.h>

#include "vm/kernel/gen/emit_priv.h"
#include "vm/kernel/kpkt.h"

/* More turns than any search takes: each but the last finds an entry with code (PBC_CHAIN_MAX). */
enum { TURNS_MOST = PBC_CHAIN_MAX + 2 };

static int16_t at_reg(uint32_t reg) { return (int16_t)(offsetof(struct kpkt, again.regs) + 8 * (size_t)reg); }
enum { FROM = offsetof(struct kpkt, again.from), RESULT = offsetof(struct kpkt, again.result) };

bool turns_has(const struct program *p, uint32_t f)
{
    const struct insn *const code = &p->code[p->funcs[f].first];
    for (uint32_t i = 0; i < p->funcs[f].count; i++)
        if (code[i].op == OP_AGAIN) return true;
    return false;
}

/* Begin a turn. r1: its number, r2: the place of the packet's address. Turn 0 begins with the function itself. */
void turn_begin(struct emit *e)
{
    struct insns *const a = &e->a;
    const uint32_t first = insns_label(a);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_DW, PACKET, R2, 0, 0);
    insns_jump_if(a, BPF_JMP32 | BPF_JEQ | BPF_K, R1, 0, first);
    for (uint32_t reg = 0; reg < e->regs; reg++) {
        insns_put(a, BPF_LDX | BPF_MEM | BPF_DW, R0, PACKET, at_reg(reg), 0);
        step_set(e, reg, R0);
    }
    insns_put(a, BPF_LDX | BPF_MEM | BPF_DW, R3, PACKET, FROM, 0);
    insns_jump(a, e->search);
    insns_here(a, first);
    step_mov(e, R0, 0);
    for (uint32_t reg = 0; reg < e->regs; reg++) step_set(e, reg, R0);
}

/* End a turn that goes on with a search from r3. */
void turn_again(struct emit *e)
{
    struct insns *const a = &e->a;
    insns_put(a, BPF_STX | BPF_MEM | BPF_DW, PACKET, R3, FROM, 0);
    for (uint32_t reg = 0; reg < e->regs; reg++) {
        step_get(e, R0, reg);
        insns_put(a, BPF_STX | BPF_MEM | BPF_DW, PACKET, R0, at_reg(reg), 0);
    }
    step_mov(e, R0, 0);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void turn_end(struct emit *e)
{
    struct insns *const a = &e->a;
    insns_here(a, e->leave);
    insns_put(a, BPF_STX | BPF_MEM | BPF_DW, PACKET, R0, RESULT, 0);
    step_mov(e, R0, 1);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Write the loop over the function of that name; r0: its result. */
static void loop(struct emit *e, const char *name)
{
    struct insns *const a = &e->a;
    const uint32_t packet = e->regs + 2 > KEPT_COUNT ? e->regs + 2 : KEPT_COUNT; /* on the stack */
    step_set(e, packet, PACKET);
    step_mov(e, R1, TURNS_MOST);
    insns_symbol(a, R2, name, 0);
    insns_put(a, BPF_ALU64 | BPF_MOV | BPF_X, R3, STACK, 0, 0);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_K, R3, 0, 0, step_place(packet));
    step_mov(e, R4, 0);
    insns_put(a, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop);
    /* If a search has not ended, the packet goes up. */
    insns_put(a, BPF_JMP | BPF_JGE | BPF_K, R0, 0, 2, TURNS_MOST);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_DW, R0, PACKET, RESULT, 0);
    insns_put(a, BPF_JMP | BPF_JA, 0, 0, 2, 0);
    insns_put(a, BPF_ST | BPF_MEM | BPF_B, PACKET, 0, offsetof(struct kpkt, up), KERNEL_UP_BUSY);
    step_mov(e, R0, 0);
}

void turns_whole(struct emit *e, const char *name)
{
    loop(e, name);
    insns_put(&e->a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void step_call_program(struct emit *e, uint32_t f)
{
    if (e->counted && turns_has(e->p, f))
        loop(e, e->names[f]);
    else
        step_call(e, e->names[f]);
}
