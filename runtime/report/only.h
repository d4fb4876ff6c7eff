/* --only: filter for the frames that get lines. `drop, rule SSH` takes frames that match either, `drop rule SSH` those
 * that match both, `not drop` all others. Words are verdicts, `rule`, `service`, `server` and `reason` with a name as
 * in lines, and `otherwise`: verdict differs from the recorded one. */
#pragma once

#include "runtime/report/text.h"

struct only {
    struct only_term *terms;
    unsigned count;
};

/* Parse. text NULL: all frames. Return 0; 1, with a line in err: the program lacks a rule, service or server of that
 * name, so that no frame matches the name, but the other words hold; -1, with a line in err: malformed. Call
 * only_fini in any case. */
int only_init(struct only *only, const char *text, const struct labels *labels, char *err, size_t err_len);
void only_fini(struct only *only);
/* True if the frame gets a line. otherwise: the recording has another verdict. */
bool only_takes(const struct only *only, const struct verdict *v, bool otherwise);
/* True if the filter uses `otherwise`. */
bool only_asks_recorded(const struct only *only);
