/* See tally.h. */
#include "runtime/live/tally.h"

#include <stdlib.h>

#include "runtime/live/clock.h"
#include "runtime/live/steered.h"
#include "runtime/worker/sum.h"
#include "vm/flow/table.h"

static void add(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; i < bytes / sizeof *t; i++) t[i] += f[i];
}
static_assert(sizeof(struct worker_counters) % 8 == 0 && sizeof(struct egress_counters) % 8 == 0,
              "counters of 64 bits");

void io_stats_add(struct io_stats *to, const struct io_stats *s)
{
#define IO_COUNTER(field, words, doc) to->field += s->field;
#include "runtime/counter.def"
}

static void add_ports(struct tally *t, const struct live *l, const struct worker *w)
{
    for (unsigned i = 0; i < w->egress.port_count; i++) {
        const unsigned iface = i % l->o->iface_count;
        struct io_stats s;
        w->ports[i].ops->stats(w->ports[i].io, &s);
        io_stats_add(&t->io[iface], &s);
        io_stats_add(&t->io[iface], &w->ports[i].before);
        add(&t->seen[iface], &w->ports[i].seen, sizeof t->seen[iface]);
    }
}

static void add_worker(struct tally *t, const struct live *l, unsigned at)
{
    const struct worker *w = l->workers[at];
    const struct vm_counters *c = vm_counters(w->vm);
    struct tally_worker *one = &t->worker[at];
    one->judged = (struct counter){w->counters.totals.frames, w->counters.totals.bytes};
    one->batches = w->counters.batches;
    for (unsigned i = 0; c->flows && i < FLOW_CLASSES; i++) one->flows += c->flows->live[i];
    add(&t->c, &w->counters, sizeof t->c);
    add(&t->e, &w->egress.counters, sizeof t->e);
    add_ports(t, l, w);
    sum_add(t->sum, c);
}

struct tally *tally_take(const struct live *l, bool running)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->program = program_get(l->now.program);
    t->mono_ns = clock_ns(CLOCK_MONOTONIC);
    t->sum = sum_new(t->program, vm_counters(l->workers[0]->vm));
    if (!t->sum) {
        tally_free(t);
        return NULL;
    }
    for (unsigned i = 0; i < l->worker_count; i++) {
        if (running) worker_hold(l->workers[i]);
        add_worker(t, l, i);
        if (running) worker_release(l->workers[i]);
    }
    for (unsigned i = 0; i < l->o->iface_count; i++) steered_stats(l, i, &t->io[i]);
    return t;
}

void tally_free(struct tally *t)
{
    if (!t) return;
    sum_free(t->sum);
    program_put(t->program);
    free(t);
}

const struct vm_counters *tally_counters(const struct tally *t) { return sum_counters(t->sum); }
