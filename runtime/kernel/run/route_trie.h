/* The table of routes for the judge in the kernel (vm/kernel/shapes.h): a trie of which only differences are
 * updated, because a new table mostly equals the last. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/packet/facts.h"

/* Present state of the maps. All zero: empty. */
struct kernel_routing {
    const struct routes *table; /* compared by address and number, because it may be freed; NULL: no table */
    uint64_t number;
    struct route_names *ways; /* [KERNEL_ROUTE_WAYS]: each way by names of devices */
    struct route_prefix *prefixes;
    size_t count;
    bool hides; /* a way with legs is missing here, because there was no room */
};

/* Update the maps to facts->routes and facts->devices; if that is NULL, or the program in force asks for no ways,
 * empty them. Cheap for the same table. Return 0, or a negative errno: the stages then know no way until the next
 * call. */
int kernel_routing_push(struct kernel_routing *r, struct kernel *kernel, const struct facts *facts);
void kernel_routing_fini(struct kernel_routing *r);
