/* Straight code in the making: instructions are appended to the image; a jump names a label that is bound later, since
 * jumps only go forward. Unreachable code is left out, and jumps further than a branch may reach (PBC_BRANCH_MAX) are
 * bridged by relays on the way. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "compiler/image/image.h"
#include "lang/arena.h"

/* A place not reached yet, with the jumps that wait for it. A zeroed label is unused. */
struct label {
    struct label *next; /* next label that jumps wait for */
    uint32_t fixups;    /* 1 + index of the last fixup, 0: none */
    uint32_t oldest;    /* instruction of the first fixup */
};

struct fixup {
    uint32_t insn, next;
};

struct assembler {
    struct image *img;
    struct label *waiting;
    struct fixup *fixups;
    uint32_t fixup_count, fixup_cap, fixup_free; /* fixup_free: 1 + index of the first free fixup */
    bool reachable;                              /* true if control can reach the next instruction */
    bool full;                                   /* true if the image's CODE section is full */
};

void asm_init(struct assembler *a, struct image *img);
void asm_fini(struct assembler *a);

/* Append one instruction, unless control cannot reach it. */
void asm_op(struct assembler *a, uint8_t op, uint8_t operand, uint32_t imm);
void asm_to(struct assembler *a, uint8_t op, uint8_t operand, uint16_t to, uint32_t imm);
/* Append an instruction that jumps to the label. */
void asm_jump(struct assembler *a, uint8_t op, uint8_t operand, uint32_t imm, struct label *to);
/* Bind the label to this place. */
void asm_bind(struct assembler *a, struct label *l);
/* Insert relays for jumps that have waited long. Call this at least every ASM_STRETCH instructions, between tests. */
void asm_relay(struct assembler *a);
enum { ASM_STRETCH = 400 };

uint32_t asm_here(const struct assembler *a);
/* Begin a function: reachable, with no jump waiting. */
void asm_begin(struct assembler *a);
/* Begin the code of a classifier's entry. No jump may be waiting. */
void asm_entry(struct assembler *a);
