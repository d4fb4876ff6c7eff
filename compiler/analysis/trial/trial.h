/* The trial of a program before it is written: code and rule list must decide alike */
#pragma once

#include "compiler/compiler.h"

struct program;

/* Try the program p, made of c and loaded; c's own lists show which rules its classifiers hold. Frames are drawn
 * from the rules' conditions and from boxes of classifiers, first corners, then at random. At least c->doubts are
 * drawn. If that is DOUBTS, drawing also goes on for a seventh of the time of the earlier stages (an eighth of all).
 * Reports the first difference as a fault of the compiler, with the rule. Returns the number of frames tried. */
uint64_t validate_program(struct compile *c, struct program *p);
