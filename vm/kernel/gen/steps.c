/* Write instructions that act, call, return and decide. */
#include <stddef.h>

#include "vm/judge/effects.h"
#include "vm/kernel/gen/emit_priv.h"
#include "vm/kernel/kpkt.h"

/* Return the place of register `reg` on the stack. */
int16_t step_place(uint32_t reg) { return (int16_t)(-8 * (int)(reg - KEPT_COUNT + 1)); }

void step_get(struct emit *e, unsigned dst, uint32_t reg)
{
    if (reg < KEPT_COUNT)
        insns_put(&e->a, BPF_ALU64 | BPF_MOV | BPF_X, dst, KEPT + reg, 0, 0);
    else
        insns_put(&e->a, BPF_LDX | BPF_MEM | BPF_DW, dst, STACK, step_place(reg), 0);
}

void step_set(struct emit *e, uint32_t reg, unsigned src)
{
    if (reg < KEPT_COUNT)
        insns_put(&e->a, BPF_ALU64 | BPF_MOV | BPF_X, KEPT + reg, src, 0, 0);
    else
        insns_put(&e->a, BPF_STX | BPF_MEM | BPF_DW, STACK, src, step_place(reg), 0);
}

void step_leave(struct emit *e)
{
    if (e->counted && e->again)
        insns_jump(&e->a, e->leave);
    else
        insns_put(&e->a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void step_return(struct emit *e, uint64_t value)
{
    if (value >> 32)
        insns_number(&e->a, R0, value);
    else
        step_mov(e, R0, (uint32_t)value);
    step_leave(e);
}

/* Load the register into r0; if it is 0, continue behind the instruction. */
static void unless_zero(struct emit *e, const struct insn *n, uint32_t next)
{
    step_get(e, R0, n->a);
    insns_jump_if(&e->a, BPF_JMP | BPF_JEQ | BPF_K, R0, 0, next);
}

static void return_default(struct emit *e, const struct insn *n)
{
    const uint32_t known = insns_label(&e->a);
    const decided other = decided_by_default(e->p, n->imm, &(struct key){0});
    const decided usual = decided_by_default(e->p, n->imm, &(struct key){.kind = KIND_IP4});
    if (other != usual) {
        insns_put(&e->a, BPF_LDX | BPF_MEM | BPF_W, R1, PACKET, offsetof(struct kpkt, key.kind), 0);
        insns_jump_if(&e->a, BPF_JMP32 | BPF_JSET | BPF_K, R1, KIND_IP | KIND_ARP, known);
        step_return(e, other);
        insns_here(&e->a, known);
    }
    step_return(e, usual);
}

const char *step_effect(const struct emit *e, unsigned op)
{
    const bool would = e->p->root;
    if (op == OP_COUNT) return would ? NAME(kernel_would_count) : NAME(kernel_count);
    return would ? NAME(kernel_would_log) : NAME(kernel_log);
}

void step_insn(struct emit *e, uint32_t i)
{
    const struct insn *const n = &e->p->code[e->first + i];
    const uint32_t next = i + 1;
    if (op_jumps(n->op) && n->op != OP_JUMP) {
        step_test(e, n, next + n->to);
        return;
    }
    switch ((enum opcode)n->op) {
    case OP_JUMP:
        if (n->to) insns_jump(&e->a, next + n->to);
        break;
    case OP_COUNT:
    case OP_LOG:
        step_mov(e, R2, n->imm);
        step_call(e, step_effect(e, n->op));
        break;
    case OP_MIRROR:
        if (e->p->root) break; /* the second judgement copies nothing */
        step_mov(e, R2, n->imm);
        STEP_CALL(e, kernel_mirror);
        break;
    case OP_ADD:
        if (e->p->root) break; /* the second judgement adds no members */
        step_mov(e, R2, n->imm);
        STEP_CALL(e, kernel_add);
        break;
    case OP_CALL:
        step_call_program(e, n->imm);
        step_set(e, n->a, R0);
        break;
    case OP_CLASSIFY: step_classify(e, n, next); break;
    case OP_AGAIN: step_again(e); break;
    case OP_RETNZ:
    case OP_PICK:
        unless_zero(e, n, next);
        step_leave(e);
        break;
    case OP_RETK:
    case OP_RETB: step_return(e, (uint64_t)n->imm + 1); break;
    case OP_RETZ:
    case OP_HOST: step_return(e, 0); break;
    case OP_DECIDE:
        unless_zero(e, n, next);
        step_mov(e, R1, n->imm + 1);
        insns_jump(&e->a, e->tail);
        break;
    case OP_DECIDEK: step_return(e, decided_by_rule(e->p, n->imm, n->to)); break;
    case OP_DEFAULT: return_default(e, n); break;
    case OP_ACCEPT: step_return(e, decided_by_nobody(ACTION_ACCEPT)); break;
    case OP_PASS: step_return(e, decided_by_nobody(ACTION_PASS)); break;
    default: break;
    }
}
