/* What the parts of the generator share: one function of the program on its way to the kernel's machine.
 *
 * r6 is the packet (struct kpkt) throughout. The bytecode's registers lie in r7, r8, r9, then on the stack; r1 to r5
 * live within one instruction. */
#pragma once

#include "vm/kernel/gen/gen.h"
#include "vm/kernel/gen/insns.h"

enum { R0, R1, R2, R3, R4, R5, PACKET, KEPT, STACK = 10 };
enum { KEPT_COUNT = 3 };

struct emit {
    struct insns a;
    const struct program *p;
    const char *const *names; /* [function]: NULL where it is not reached */
    uint32_t func;
    uint32_t first, count; /* its instructions; label i stands before number i of them */
    uint32_t regs;         /* that it uses; behind them lie the entry that CLASSIFY found, its rule, and the packet */
    uint32_t tail, search; /* labels: a rule decides (r0: rule + 1, r1: firewall + 1); the search for an entry */
    uint32_t leave;        /* of a turn: r0 is the function's result */
    bool decides, again;   /* the tail is needed; the function has AGAIN */
    bool counted;          /* for kernels without may_goto: a function that has AGAIN is a turn of a loop (turns.c) */
    /* Of entries whose code does no more than others' (shapes.c): */
    uint32_t *shapes; /* [entry of the classifier]: which; 0: it has code of its own */
    bool *left_out;   /* [instruction]: it stands in such code */
};

/* One instruction of the function, number i. */
void step_insn(struct emit *e, uint32_t i);

/* Instructions that look at a packet and jump. */
void step_test(struct emit *e, const struct insn *n, uint32_t to);
/* CLASSIFY with what may come of it, and AGAIN. `next`: label of the instruction behind. */
void step_classify(struct emit *e, const struct insn *n, uint32_t next);
void step_again(struct emit *e);

/* What entries have in common; before the first pass. The arrays are the caller's to free. False: no memory. */
bool shapes_find(struct emit *e, const struct pbc_classifier *c);
void shape_code(struct emit *e, uint32_t shape);

/* The function returns r0; r0 becomes the number first. */
void step_leave(struct emit *e);
void step_return(struct emit *e, uint64_t value);

/* Function f of the program, with r0 its result. */
void step_call_program(struct emit *e, uint32_t f);
/* Of a function that searches again, as a turn: how each begins, how one leads to the next, and how the last ends. And
 * all of its loop, as a function of its own, for callers that are not generated. */
void turn_begin(struct emit *e);
void turn_again(struct emit *e);
void turn_end(struct emit *e);
void turns_whole(struct emit *e, const char *name);
/* Does function f search again? */
bool turns_has(const struct program *p, uint32_t f);

/* Register `reg` of the bytecode; one behind the last is what CLASSIFY found. */
void step_get(struct emit *e, unsigned dst, uint32_t reg);
void step_set(struct emit *e, uint32_t reg, unsigned src);
int16_t step_place(uint32_t reg); /* from the end of the stack; reg: KEPT_COUNT or more */

/* Call f(k, …), whose further arguments were put into r2 on: a function of this program, or by STEP_CALL one of the C.
 */
static inline void step_call(struct emit *e, const char *symbol)
{
    insns_put(&e->a, BPF_ALU64 | BPF_MOV | BPF_X, R1, PACKET, 0, 0);
    insns_call(&e->a, symbol);
}
#define NAME(function)         #function
#define STEP_CALL(e, function) step_call(e, NAME(function))

static inline void step_mov(struct emit *e, unsigned dst, uint32_t value)
{
    insns_put(&e->a, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, (int32_t)value);
}
