/* Whom a statement of a nat translates. */
#pragma once

#include "compiler/normal/ir.h"
#include "vm/program/program.h"

/* Its sources as a value of IR_SRC, interned in ir, whatever their family is; IR_ALL: everybody. */
uint32_t nat_sources(struct ir *ir, const struct program *p, const struct pbc_nat *n);
