/* The table of routes as the judge in the kernel reads it (vm/kernel/judge/routes.h): a trie that is changed by
 * difference, since a table that is new is mostly the one before. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/packet/facts.h"

/* What stands there already. All zero: nothing. */
struct kernel_routing {
    const struct routes *table; /* compared by place and number: it may be gone; NULL: none is there */
    uint64_t number;
    struct route_names *ways; /* [KERNEL_ROUTE_WAYS]: what each is, by names of devices */
    struct route_prefix *prefixes;
    size_t count;
};

/* Bring the maps in line with facts->routes and facts->devices; NULL, or the program in force asks for no ways: nothing
 * is there, and no way is known. Cheap for the table that is there already. 0, or a negative errno, and the stages know
 * no way until the next call. */
int kernel_routing_push(struct kernel_routing *r, struct kernel *kernel, const struct facts *facts);
void kernel_routing_fini(struct kernel_routing *r);
