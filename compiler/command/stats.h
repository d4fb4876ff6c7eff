/* Parts of `preyc --stats`, a file each; stats.c prints them in their order. */
#pragma once

#include "compiler/compiler.h"
#include "compiler/figures.h"

void stats_print_memos(const struct compile *c, struct figures *f); /* remembered verdicts */
void stats_print_lists(const struct compile *c, struct figures *f); /* lists and their classifiers */
