/* A ruleset as text of the rule language, not yet formatted */
#pragma once

#include <stdio.h>

#include "compiler/import/model.h"

/* Counts of what could not be expressed */
struct unsaid {
    uint64_t rules;       /* rules left out */
    uint64_t wider;       /* rules left out whose dropped packets are now let through */
    uint64_t wider_parts; /* parts left out that drop packets: policies */
    uint64_t parts;       /* parts left out of written rules, and things beside rules */
};

/* Write the rules. source: the file's name, for the first line. Returns 0, or -EFBIG with nothing written: the text is
 * longer than WRITTEN_MOST, or the ruleset is spent. */
enum { WRITTEN_MOST = 64 << 20 };
int write_rules(struct ruleset *s, const char *source, FILE *out, struct unsaid *unsaid);
