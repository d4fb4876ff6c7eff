/* The last doubt about a program before it is written: does what was made decide as the rules do? */
#pragma once

#include "compiler/compiler.h"

struct program;

/* p: what was made of c, loaded; c's own lists say which rules its classifiers hold. Frames are drawn from the rules'
 * conditions and from the boxes of classifiers, first corners, then by chance; at least c->doubts, then as long as the
 * stages before have taken by a seventh (an eighth of all), if c->doubts is DOUBTS. Reports the first difference as a
 * fault of the compiler, with the rule. Returns how many frames were tried. */
uint64_t validate_program(struct compile *c, const struct program *p);
