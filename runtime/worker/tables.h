/* Balancing tables that were built off the packet path, for each worker its own, and from when on they hold. They
 * travel in snapshots, one after the other in several. A worker exchanges its own for those that it used so far; all
 * else is immutable, and the main thread's. */
#ifndef RUNTIME_WORKER_TABLES_H
#define RUNTIME_WORKER_TABLES_H

#include "vm/vm.h"

struct tables {
    uint64_t number;         /* ascends from tables to tables */
    uint64_t at_ns;          /* of the first vm_in.mono_ns that they are of */
    uint64_t until_ns;       /* of the first that they are not of any more; UINT64_MAX: none */
    struct program *program; /* held */
    unsigned holders;        /* snapshots; the main thread's alone */
    unsigned workers;
    struct balance *of[]; /* [workers] */
};

/* For what `in` says, with one holder. No workers: they have these already. NULL: memory is out. */
struct tables *tables_new(struct program *p, uint64_t seed, const struct vm_in *in, unsigned workers);
struct tables *tables_get(struct tables *t); /* NULL is let through, as below */
void tables_put(struct tables *t);

/* The worker exchanges its own for those of its snapshot, as soon as they hold; w->tables_ns: when to ask again. */
struct worker;
void tables_take(struct worker *w, uint64_t now);

#endif
