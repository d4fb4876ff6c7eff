/* Straight code under way: instructions are appended to the image; a jump names a label that is bound later, for jumps
 * only go forward. Knows what can be reached, so that nothing else is written, and bridges jumps that would reach
 * further than a branch may (PBC_BRANCH_MAX) by relays on the way. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "compiler/image/image.h"
#include "lang/arena.h"

/* A place not reached yet and the jumps that wait for it. Zero is an unused label. */
struct label {
    struct label *next; /* of the labels that jumps wait for */
    uint32_t fixups;    /* 1 + index of the last one, 0: none */
    uint32_t oldest;    /* instruction of the first one */
};

struct fixup {
    uint32_t insn, next;
};

struct assembler {
    struct image *img;
    struct label *waiting;
    struct fixup *fixups;
    uint32_t fixup_count, fixup_cap, fixup_free; /* free: 1 + index */
    bool reachable;                              /* control can come to the next instruction */
    bool full;                                   /* the image's CODE section is */
};

void asm_init(struct assembler *a, struct image *img);
void asm_fini(struct assembler *a);

/* Append one instruction; nothing where control cannot come. */
void asm_op(struct assembler *a, uint8_t op, uint8_t operand, uint32_t imm);
void asm_to(struct assembler *a, uint8_t op, uint8_t operand, uint16_t to, uint32_t imm);
/* One that jumps to the label. */
void asm_jump(struct assembler *a, uint8_t op, uint8_t operand, uint32_t imm, struct label *to);
/* The label is here. */
void asm_bind(struct assembler *a, struct label *l);
/* Call at least every ASM_STRETCH instructions, between tests: jumps that have waited long get a relay here. */
void asm_relay(struct assembler *a);
enum { ASM_STRETCH = 400 };

uint32_t asm_here(const struct assembler *a);
/* Everything from here on is a new function: reachable, with no jump waiting. */
void asm_begin(struct assembler *a);
/* What a classifier's entry leads to begins here. No jump may be waiting. */
void asm_entry(struct assembler *a);
