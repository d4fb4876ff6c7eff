/* Sources of a nat's statement */
#pragma once

#include "compiler/normal/ir.h"
#include "vm/program/program.h"

/* Return the statement's sources as a value of IR_SRC, interned in ir, of any family; IR_ALL: all. */
uint32_t nat_sources(struct ir *ir, const struct program *p, const struct pbc_nat *n);
