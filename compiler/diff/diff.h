/* `preyc --diff OLD NEW`: what a change of rules changes for packets. Both programs' rule lists become one normal form;
 * only rules that are not the same in both, in the same order, can change anything, so their regions alone are
 * compared. */
#ifndef COMPILER_DIFF_H
#define COMPILER_DIFF_H

#include <stdio.h>

#include "compiler/compiler.h"

/* Does it let more through (accept where it was drop or reject), less, or neither (drop and reject differ, another rule
 * or answer decides alike: not told). */
enum change { CHANGE_WIDENED, CHANGE_NARROWED, CHANGE_OTHER };

/* Compare two compiles that were run without errors. Prints to `out`, as text or JSON. Returns 0: nothing widened; 1:
 * something did, or may have, where the budget ended; -ENOMEM. */
int diff_print(struct compile *old, struct compile *new, bool json, FILE *out);

/* A compile whose image is that of a .pbc: the rule list and what it names, ready for make_normal. 0, or -EINVAL with one
 * line in err. */
int diff_load(struct compile *c, const char *path, char *err, size_t err_len);

#endif
