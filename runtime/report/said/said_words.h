/* Content of a connection's first bytes or of a request, and the conditions that failed, as text for --explain. */
#pragma once

#include "runtime/report/said/said.h"

/* Write c->words and c->passed from the content of w->first, when c->branch has been chosen; malloc'd, NULL if memory
 * is out. passed: a line "LINE condition" for each branch before the chosen one, with its line in the rules. */
void said_words(const struct said_world *w, struct said *c, const struct key *key);
