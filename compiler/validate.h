/* The last doubt about a program before it is written: do its classifiers say what its rules do? */
#ifndef COMPILER_VALIDATE_H
#define COMPILER_VALIDATE_H

#include "compiler/compiler.h"

struct program;

/* p: what was made of c, loaded. Reports the first difference as a fault of the compiler, with the rule. */
void validate_classifiers(struct compile *c, const struct program *p);

#endif
