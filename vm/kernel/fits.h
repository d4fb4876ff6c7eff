/* What of a program the executor in the kernel does by itself, and for what it hands packets up. */
#pragma once

#include "vm/program/program.h"

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
