/* Flows that began in the recording but would not begin with another program, so that their later packets would not
 * exist. The table is bounded: the later of two flows in one place stays. */
#pragma once

#include "vm/flow/flow.h"

struct unmade {
    struct flow_id *ids; /* table of ids; NULL until the first flow */
};

/* Note that a flow of that tuple has begun, or not. If memory is out, it counts as begun. */
void unmade_note(struct unmade *u, const struct flow_id *id, bool begun);
/* True if the flow was not begun. */
bool unmade_has(const struct unmade *u, const struct flow_id *id);
void unmade_fini(struct unmade *u);
