/* One allocation holds a table for each user; the earliest end of all shows when they must be built again */
#include "runtime/exchange/balance_tables.h"

#include <stdlib.h>

#include "runtime/exchange/snapshot.h"
#include "vm/forward/service.h"

struct tables *tables_new(struct program *p, uint64_t seed, const struct vm_in *in, unsigned workers, unsigned loops)
{
    const unsigned users = workers + loops;
    struct tables *t = calloc(1, sizeof *t + users * sizeof *t->of);
    if (!t) return NULL;
    t->holders = 1;
    t->program = program_get(p);
    t->at_ns = in->mono_ns;
    t->until_ns = UINT64_MAX;
    for (; t->users < users; t->users++) {
        struct balance *one = vm_tables(p, seed, in, t->users >= workers);
        if (!one) {
            tables_put(t);
            return NULL;
        }
        t->of[t->users] = one;
        t->until_ns = balance_until(one);
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
    for (unsigned i = 0; i < t->users; i++) balance_free(t->of[i]);
    program_put(t->program);
    free(t);
}

struct balance *tables_due(const struct snapshot *s, unsigned user, uint64_t now, uint64_t *number, uint64_t *again_ns)
{
    struct tables *const offered[] = {s->tables, s->tables_next};
    struct balance *due = NULL;
    *again_ns = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        const struct tables *t = offered[i];
        if (!t || t->number <= *number) continue;
        if (now < t->at_ns) {
            *again_ns = t->at_ns;
            break;
        }
        if (user < t->users) due = t->of[user];
        *number = t->number;
    }
    return due;
}
