/* --only: which frames have lines. `drop, rule SSH` takes those of either, `drop rule SSH` those of both, `not drop`
 * the others; words are verdicts, `rule`, `service`, `server` and `reason` with a name as lines have it, and
 * `otherwise`: than was recorded. */
#pragma once

#include "runtime/report/text.h"

struct only {
    struct only_term *terms;
    unsigned count;
};

/* text NULL: all frames. 0, or -1 with a line in err. only_fini in any case. */
int only_init(struct only *only, const char *text, const struct labels *labels, char *err, size_t err_len);
void only_fini(struct only *only);
/* otherwise: a recording says another verdict. */
bool only_takes(const struct only *only, const struct verdict *v, bool otherwise);
/* Is any word of it `otherwise`? */
bool only_asks_recorded(const struct only *only);
