/* What is true of the world, as the stages read it: struct facts into kernel_world and the maps beside it. */
#pragma once

#include "runtime/kernel/run/routes.h"
#include "vm/kernel/port.h"
#include "vm/packet/facts.h"

/* What stands there already. All zero: nothing. */
struct kernel_facts {
    bool pushed;
    bool asks;                    /* the program in force asked for ways then */
    struct facts seen;            /* as they came; lists are compared by generation and place */
    const uint32_t *ifindexes;    /* [KERNEL_WAYS] by interface id, 0: it is not there; NULL: nothing leaves */
    uint32_t outs[KERNEL_WAYS];   /* as the map of that name has them */
    struct kernel_routing routes; /* likewise */
    int routes_failed;            /* they are not there: 0, or why, a negative errno */
};
void kernel_facts_fini(struct kernel_facts *f);

/* Bring the kernel in line with the facts (NULL: nothing is known); cheap where nothing has changed. 0 or a negative
 * errno. */
int kernel_facts_push(struct kernel_facts *f, struct kernel *kernel, const struct facts *facts);
