/* Balancing tables of snapshots. A snapshot also holds unchanged tables, because a worker may skip the previous one. */
#include "runtime/live/world/tabled.h"

#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/world/world.h"
#include "vm/forward/service.h"

enum { AGAIN_NS = 5000000 /* wait until an overdue step is tried again */ };

/* Build tables. A program's first tables are those of vm_new, built with all servers up. */
static struct tables *tables_build(struct world *world, const struct snapshot *s, uint64_t at_ns)
{
    const struct carry *carry = world->carry;
    const struct vm_in in = {.mono_ns = at_ns, .facts = &s->facts};
    const unsigned workers = carry->latest ? carry->worker_count : 0;
    struct tables *t =
        tables_new(carry->now.program, carry->workers[0]->cfg.seed, &in, workers, carry->proxied ? workers : 0);
    if (t) t->number = ++world->tables_number;
    return t;
}

/* True if the tables would be the same: same program, same servers up, since the same times, same weights. */
static bool tables_hold(const struct world *world, const struct snapshot *s)
{
    const struct snapshot *last = world->carry->latest;
    const struct facts *a = &s->facts;
    if (!last || !last->tables || last->tables->program != world->carry->now.program) return false;
    return !memcmp(a->down, last->facts.down, s->servers * sizeof *a->down) &&
           !memcmp(a->up_since_ns, last->facts.up_since_ns, s->servers * sizeof *a->up_since_ns) &&
           !memcmp(a->weights, last->facts.weights, s->servers * sizeof *a->weights);
}

void tabled_world(struct world *world, struct snapshot *s)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (!balance_has_tables(world->carry->now.program)) return;
    struct tables *next = NULL;
    if (tables_hold(world, s)) {
        s->tables = tables_get(world->carry->latest->tables);
        next = tables_get(world->carry->latest->tables_next);
    }
    if (next && now >= next->at_ns) { /* the time of the step has come */
        tables_put(s->tables);
        s->tables = next;
        next = NULL;
    }
    if (!s->tables || now >= s->tables->until_ns) { /* several steps may have passed */
        tables_put(s->tables);
        tables_put(next);
        s->tables = tables_build(world, s, now);
        next = NULL;
    }
    if (!next && s->tables && s->tables->until_ns != UINT64_MAX) next = tables_build(world, s, s->tables->until_ns);
    s->tables_next = next;
}

static uint64_t step_due_ns(const struct world *world)
{
    const struct tables *next = world->carry->latest ? world->carry->latest->tables_next : NULL;
    return next ? next->at_ns : UINT64_MAX;
}

bool tabled_step(struct world *world, uint64_t now_ns)
{
    return now_ns < step_due_ns(world) || change_pending(world->carry) ? true : world_publish(world, world->stale);
}

uint64_t tabled_due_ns(const struct world *world, uint64_t now_ns)
{
    const uint64_t at_ns = step_due_ns(world);
    return at_ns > now_ns ? at_ns : now_ns + AGAIN_NS;
}
