/* --replay with --flows: the flows of all workers in one list, with wall times. Servers of one name in several programs
 * count as one. */
#pragma once

#include "runtime/record/again/actor.h"
#include "runtime/report/flow_list.h"
#include "runtime/report/text.h"

struct listed {
    struct flow_list list; /* its servers: those of all programs so far */
    char **names;
    uint32_t names_count;
    const struct program *of; /* program of `ids`; NULL: none yet */
    uint32_t *ids;            /* index in names for each server of that program */
    uint64_t from_ns;         /* flows that ended earlier are left out */
};

/* Add a flow that has ended, with the worker's times. labels: of the actor's program. */
void listed_add(struct listed *l, const struct labels *labels, const struct actor *a, const struct flow_record *f);
/* Add the worker's flows that go on. */
void listed_rest(struct listed *l, const struct labels *labels, const struct actor *a);
void listed_fini(struct listed *l);
