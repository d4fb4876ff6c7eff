/* Balancing tables: made and counted by the main thread, exchanged by workers. */
#include "runtime/worker/tables.h"

#include <stdlib.h>

#include "runtime/worker/worker.h"

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

void tables_take(struct worker *w, uint64_t now)
{
    const struct snapshot *s = w->egress.snapshot;
    struct tables *offered[] = {s->tables, s->tables_next};
    w->tables_ns = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        const struct tables *t = offered[i];
        if (!t || t->number <= w->tables) continue;
        w->tables_ns = t->at_ns;
        if (now < t->at_ns) return;
        if (w->cfg.worker < t->workers) vm_take_tables(w->vm, t->of[w->cfg.worker]);
        w->tables = t->number;
        w->tables_ns = UINT64_MAX;
    }
}
