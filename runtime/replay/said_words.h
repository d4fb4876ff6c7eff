/* What a connection's first bytes said, or a request, in words: for --explain. */
#ifndef RUNTIME_REPLAY_SAID_WORDS_H
#define RUNTIME_REPLAY_SAID_WORDS_H

#include "runtime/replay/said.h"

/* Into c->words, of what w->first holds now; malloc'd, NULL where memory is out. */
void said_words(const struct said_world *w, struct said *c);

#endif
