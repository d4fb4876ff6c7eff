/* A ruleset as text of the rule language, not yet laid out. */
#pragma once

#include <stdio.h>

#include "compiler/import/model.h"

/* How much of it could not be said. */
struct unsaid {
    uint64_t rules; /* that are left out */
    uint64_t wider; /* of those: what they drop is now let by */
    uint64_t parts; /* of rules that stand, and things beside the rules */
};

/* `source`: the file's name, for the first line. Returns 0, or -EFBIG: what the rules say at each place is longer than
 * WRITTEN_MOST, or the ruleset is spent; then nothing is written. */
enum { WRITTEN_MOST = 64 << 20 };
int write_rules(struct ruleset *s, const char *source, FILE *out, struct unsaid *unsaid);
