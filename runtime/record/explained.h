/* --replay with --explain: one packet of a recording, in words. */
#ifndef RUNTIME_RECORD_EXPLAINED_H
#define RUNTIME_RECORD_EXPLAINED_H

#include "runtime/options.h"
#include "runtime/record/actor.h"
#include "runtime/replay/text.h"

/* Judge the batch in a->views up to packet `at`, and explain that one; the actor goes on no further. Returns the exit
 * status. */
int explained(struct actor *a, unsigned at, const struct options *o, const struct labels *labels);

#endif
