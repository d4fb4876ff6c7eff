/* The judge of a program, as BPF instructions; what of a program the executor in the kernel does by itself, and for
 * what it hands packets up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/kernel/gen/code.h"
#include "vm/program/program.h"

/* Function 0 as `judge_program` and meta.services as `judge_services`, and all that they call; counted: for stages of
 * that form (vm/kernel/loop.bpf.h). 0 or a negative errno with one line in err; the code is the caller's, to be freed
 * by gen_free. */
int gen_judge(const struct program *p, bool counted, struct code *code, char *err, size_t err_len);
void gen_free(struct code *code);

/* [function]: does function 0 or meta.services lead there? The caller frees it. NULL: no memory. */
bool *gen_reached(const struct program *p);

struct kernel_fits {
    uint32_t in_line, called; /* instructions that packets meet, by opcode.def's column `kernel` */
    uint32_t functions;       /* that the kernel gets */
    uint32_t up;              /* for what its packets may go up: bit i, enum kernel_up i */
};
/* Of a verified program. False: no memory. */
bool kernel_fits(const struct program *p, struct kernel_fits *fits);

/* What up.def says of a reason. */
const char *kernel_up_name(unsigned up);
const char *kernel_up_doc(unsigned up);
