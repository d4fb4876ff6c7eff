/* --replay with --flows: the flows of all workers in one list. Times are those of the clock on the wall; servers of one
 * name in several programs are one server. */
#pragma once

#include "runtime/record/again/actor.h"
#include "runtime/report/flows.h"
#include "runtime/report/text.h"

struct listed {
    struct flow_list list; /* servers: of all programs so far */
    char **names;
    uint32_t names_count;
    const struct program *of; /* the program that ids are of; NULL: none yet */
    uint32_t *ids;            /* by server of that program, in names */
    uint64_t from_ns;         /* what ended before is left out */
};

/* labels: of the actor's program. A flow that has ended, at the worker's times. */
void listed_add(struct listed *l, const struct labels *labels, const struct actor *a, const struct flow_record *f);
/* Those of the worker that go on. */
void listed_rest(struct listed *l, const struct labels *labels, const struct actor *a);
void listed_fini(struct listed *l);
