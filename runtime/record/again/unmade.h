/* Flows that began when it was recorded, and that another program does not let begin: what follows of them does not
 * exist there. Bounded: of two with the same place the later counts. */
#pragma once

#include "vm/flow/flow.h"

struct unmade {
    struct flow_id *ids; /* NULL until there is one */
};

/* A flow of that tuple has begun, or not. Out of memory it counts as begun. */
void unmade_note(struct unmade *u, const struct flow_id *id, bool begun);
/* Is it one that did not? */
bool unmade_has(const struct unmade *u, const struct flow_id *id);
void unmade_fini(struct unmade *u);
