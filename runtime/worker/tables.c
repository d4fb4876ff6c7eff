/* Balancing tables: made and counted by the main thread, exchanged by workers. */
#include "runtime/worker/tables.h"

#include <stdlib.h>

struct tables *tables_new(struct program *p, uint64_t seed, const struct vm_in *in, unsigned workers)
{
    struct tables *t = calloc(1, sizeof *t + workers * sizeof *t->of);
    if (!t) return NULL;
    t->holders = 1;
    t->program = program_get(p);
    t->at_ns = in->mono_ns;
    t->until_ns = UINT64_MAX;
    for (; t->workers < workers; t->workers++) {
        struct balance *one = vm_tables(p, seed, in);
        if (!one) {
            tables_put(t);
            return NULL;
        }
        t->of[t->workers] = one;
        t->until_ns = vm_tables_until(one);
    }
    return t;
}

struct tables *tables_get(struct tables *t)
{
    if (t) t->holders++;
    return t;
}

void tables_put(struct tables *t)
{
    if (!t || --t->holders) return;
    for (unsigned i = 0; i < t->workers; i++) vm_tables_free(t->of[i]);
    program_put(t->program);
    free(t);
}
