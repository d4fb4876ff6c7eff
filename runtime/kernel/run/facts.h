/* Facts for the stages: struct facts written to kernel_world and the maps beside it. */
#pragma once

#include "runtime/kernel/run/route_trie.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/facts.h"

/* Present state of the kernel. All zero: empty. */
struct kernel_facts {
    bool pushed;
    bool asks;                    /* the program in force asked for ways at the last push */
    struct facts seen;            /* facts of the last push; lists are compared by generation and address */
    uint64_t seen_routes;         /* number of the routes in `seen` */
    const uint32_t *ifindexes;    /* [KERNEL_WAYS] by interface id, 0: absent; NULL: nothing leaves */
    const uint8_t *links;         /* [KERNEL_WAYS] enum pkt_link of those interfaces; NULL: all have Ethernet */
    uint32_t outs[KERNEL_WAYS];   /* content of the map of that name */
    struct kernel_routing routes; /* content of the maps of routes */
    int routes_failed;            /* negative errno because of which routes are absent; 0: they are present */
};
void kernel_facts_fini(struct kernel_facts *f);

/* Update the kernel to the facts (NULL: none); cheap if nothing has changed. Return 0 or a negative errno. */
int kernel_facts_push(struct kernel_facts *f, struct kernel *kernel, const struct facts *facts);
