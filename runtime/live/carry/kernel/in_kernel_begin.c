/* See in_kernel.h. The parent makes maps, loads programs and puts them on interfaces; here their descriptors are known,
 * and what is true of the world is written into the maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/events.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/main/start.h"
#include "vm/judge/decide.h"

/* For the worker, of what came up undecided, or lay in a tunnel. A kernel that does not answer lets nothing by. */
static uint64_t judge_there(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e)
{
    uint64_t decision;
    struct in_kernel *k = arg;
    const int failed = ask_judge(&k->asker, key, pkt, e, clock_ns(CLOCK_MONOTONIC), &decision);
    if (failed) __atomic_fetch_add(&k->unjudged, 1, __ATOMIC_RELAXED);
    return failed ? decided_by_nobody(ACTION_DROP) : decision;
}

/* To be looked at, while no reload is under way (explain). */
static void show_meters(void *arg, struct meters *m)
{
    const struct in_kernel *k = arg;
    kernel_meters_show(kernel_meters(k->kernel), m);
}

int in_kernel_begin(struct live *l)
{
    char err[500] = "out of memory";
    struct in_kernel *k = l->kernel = calloc(1, sizeof *k);
    const struct program *p = l->now.program;
    if (!k || ask_kernel(l->channel, p, &k->kernel, err, sizeof err) || !in_kernel_prepare(l, p, err, sizeof err))
        return live_complain("--exec kernel: %s", err);
    if (in_kernel_swap(l, NULL)) return live_complain("--exec kernel: its judge cannot be put in force");
    asker_init(&k->asker, k->kernel, 0);
    k->ops = (struct vm_kernel){.arg = k, .judge = judge_there, .meters = show_meters};
    if (p->meta->flags & PBC_KEEPS_FLOWS) {
        if (!flows_init(&k->flows, k->kernel)) return live_complain("--exec kernel: out of memory");
        k->ops.flows = &k->flows;
    }
    k->answers = answers_new();
    if (!k->answers) return live_complain("out of memory");
    k->events = kernel_events_new(kernel_map(k->kernel, KERNEL_MAP_events)->fd, in_kernel_heard, l);
    return k->events ? 0 : live_complain("--exec kernel: its log: %s", strerror(errno));
}

const struct vm_kernel *in_kernel_ops(const struct live *l) { return l->kernel ? &l->kernel->ops : NULL; }
struct kernel_world *in_kernel_told(const struct live *l) { return l->kernel ? kernel_world(l->kernel->kernel) : NULL; }

void in_kernel_close(struct live *l)
{
    if (!l->kernel) return;
    kernel_discard(l->kernel->next);
    counted_free(l->kernel->counted);
    kernel_facts_fini(&l->kernel->facts);
    kernel_events_free(l->kernel->events);
    flows_fini(&l->kernel->flows);
    answers_free(l->kernel->answers);
    kernel_free(l->kernel->kernel);
    free(l->kernel);
    l->kernel = NULL;
}
