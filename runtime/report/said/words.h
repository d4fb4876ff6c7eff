/* What a connection's first bytes said, or a request, and which conditions it did not meet, in words: for --explain. */
#pragma once

#include "runtime/report/said/said.h"

/* Into c->words and c->passed, of what w->first holds now, where c->branch has been chosen; malloc'd, NULL where memory
 * is out. passed: a line a branch that stands before it, "LINE condition", with its line in the rules. */
void said_words(const struct said_world *w, struct said *c, const struct key *key);
