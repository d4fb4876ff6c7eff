/* Balancing tables that were built off the packet path, for each worker and each of its proxy loops its own, and from
 * when on they hold. They travel in snapshots, one after the other in several. Their user exchanges its own for those
 * that it used so far; all else is immutable, and the main thread's. */
#pragma once

#include "vm/vm.h"

struct tables {
    uint64_t number;         /* ascends from tables to tables */
    uint64_t at_ns;          /* of the first vm_in.mono_ns that they are of */
    uint64_t until_ns;       /* of the first that they are not of any more; UINT64_MAX: none */
    struct program *program; /* held */
    unsigned holders;        /* snapshots; the main thread's alone */
    unsigned users;
    struct balance *of[]; /* [users]: the workers, then their proxy loops */
};

/* For what `in` says, with one holder. No users: they have these already. NULL: memory is out. */
struct tables *tables_new(struct program *p, uint64_t seed, const struct vm_in *in, unsigned users);
struct tables *tables_get(struct tables *t); /* NULL is let through, as below */
void tables_put(struct tables *t);

/* Those of a snapshot that hold at that time and that this user has not taken: its own, to be exchanged; NULL: none.
 * *number: of those that it took last; *again_ns: when to ask again. */
struct snapshot;
struct balance *tables_due(const struct snapshot *s, unsigned user, uint64_t now, uint64_t *number, uint64_t *again_ns);
