/* Balancing tables built off the packet path, with the time from which they hold; each worker and each of its proxy
 * loops has its own. The same tables travel in several successive snapshots. A user exchanges its own tables for its
 * previous ones; all else is immutable and belongs to the main thread. */
#pragma once

#include "vm/vm.h"

struct tables {
    uint64_t number;         /* number of the tables, ascending */
    uint64_t at_ns;          /* first vm_in.mono_ns for which the tables hold */
    uint64_t until_ns;       /* first mono_ns for which the tables no longer hold; UINT64_MAX: they always hold */
    struct program *program; /* counted reference */
    unsigned holders;        /* number of snapshots that hold the tables; used by the main thread only */
    unsigned users;
    struct balance *of[]; /* [users]: tables of the workers, then of their proxy loops */
};

/* Make the tables for the facts of `in`, with one holder. No users: the workers have built tables for these facts
 * themselves. NULL: out of memory. */
struct tables *tables_new(struct program *p, uint64_t seed, const struct vm_in *in, unsigned workers, unsigned loops);
struct tables *tables_get(struct tables *t); /* NULL is allowed, as below */
void tables_put(struct tables *t);

/* Return this user's tables of the snapshot, to be exchanged for its present ones. NULL: no tables hold at `now`, or
 * this user has already taken them. *number: the number of the tables taken last; *again_ns: time of the next call. */
struct snapshot;
struct balance *tables_due(const struct snapshot *s, unsigned user, uint64_t now, uint64_t *number, uint64_t *again_ns);
