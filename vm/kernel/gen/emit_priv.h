/* Shared by the parts of the generator: one function of the program while it is translated to BPF.
 *
 * r6 always points to the packet (struct kpkt). The bytecode's registers are in r7, r8, r9, then on the stack; r1 to
 * r5 are valid within one instruction. */
#pragma once

#include "vm/kernel/gen/gen.h"
#include "vm/kernel/gen/insns.h"

enum { R0, R1, R2, R3, R4, R5, PACKET, KEPT, STACK = 10 };
enum { KEPT_COUNT = 3 };

struct emit {
    struct insns a;
    const struct program *p;
    const char *const *names; /* [function]: its name; NULL: not reached */
    uint32_t func;
    uint32_t first, count; /* the function's instructions; label i is before the i-th one */
    uint32_t regs; /* number of registers used; behind them: the entry that CLASSIFY found, its rule, and the packet */
    uint32_t tail, search; /* labels: of the code after a rule decides (r0: rule + 1, r1: firewall + 1); of the search
                              for an entry */
    uint32_t leave;        /* label at the end of a turn; r0 is the function's result */
    bool decides, again;   /* decides: the tail is needed; again: the function has AGAIN */
    bool counted;          /* for kernels without may_goto: a function that has AGAIN is a turn of a loop (turns.c) */
    /* Entries that share their code with others (shapes.c): */
    uint32_t *shapes; /* [entry of the classifier]: its shape; 0: the entry has its own code */
    bool *left_out;   /* [instruction]: it belongs to shared code */
};

/* Write instruction number i of the function. */
void step_insn(struct emit *e, uint32_t i);

/* Write an instruction that tests the packet and jumps to label `to`. */
void step_test(struct emit *e, const struct insn *n, uint32_t to);
/* Write CLASSIFY with the code behind it (first function), or AGAIN. `next`: label of the following instruction. */
void step_classify(struct emit *e, const struct insn *n, uint32_t next);
void step_again(struct emit *e);

/* Find the code that entries share, before the first pass. The caller frees the arrays. False: no memory. */
bool shapes_find(struct emit *e, const struct pbc_classifier *c);
void shape_code(struct emit *e, uint32_t shape);

/* Return the name of the C function that does COUNT or LOG for a rule; code without `audit` has its own. */
const char *step_effect(const struct emit *e, unsigned op);

/* Return from the function with r0, or with a number. */
void step_leave(struct emit *e);
void step_return(struct emit *e, uint64_t value);

/* Write a call of the program's function f; r0: its result. */
void step_call_program(struct emit *e, uint32_t f);
/* Write the parts of a function that searches again, as a turn of a loop: its start, the step to the next turn, and
 * the end of the last turn. turns_whole writes the loop as a separate function, for callers that are not generated. */
void turn_begin(struct emit *e);
void turn_again(struct emit *e);
void turn_end(struct emit *e);
void turns_whole(struct emit *e, const char *name);
/* True if function f searches again. */
bool turns_has(const struct program *p, uint32_t f);

/* Read or write register `reg` of the bytecode; the register behind the last holds the result of CLASSIFY. */
void step_get(struct emit *e, unsigned dst, uint32_t reg);
void step_set(struct emit *e, uint32_t reg, unsigned src);
int16_t step_place(uint32_t reg); /* offset from the end of the stack; reg: KEPT_COUNT or more */

/* Call f(k, …) with its other arguments in r2 and on: a function of this program or, through STEP_CALL, a C
 * function. */
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
