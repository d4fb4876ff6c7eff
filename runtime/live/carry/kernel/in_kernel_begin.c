/* Start of the kernel executor. The parent makes maps, loads programs and attaches them; this process holds their
 * descriptors and writes the state of the world into the maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/maps/live_sets.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/events.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "vm/judge/decide.h"

/* Judge a packet for the worker, because it came up undecided or was in a tunnel. If the kernel does not answer,
 * drop it. */
static uint64_t judge_there(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e,
                            uint64_t *mirrors)
{
    uint64_t decision;
    struct in_kernel *k = arg;
    const int failed = ask_judge(&k->asker, key, pkt, e, clock_ns(CLOCK_MONOTONIC), &decision);
    *mirrors = failed ? 0 : k->asker.k->mirrors;
    if (failed) __atomic_fetch_add(&k->unjudged, 1, __ATOMIC_RELAXED);
    return failed ? decided_by_nobody(ACTION_DROP) : decision;
}

/* Show the meters for `explain`, while no reload is under way. */
static void show_meters(void *arg, struct meters *m, bool would)
{
    const struct in_kernel *k = arg;
    kernel_meters_show(kernel_meters(k->kernel), m, would);
}

/* Take a worker's meters from the previous instance; no packet uses these maps yet. */
static void set_meters(void *arg, const struct meters *m)
{
    const struct in_kernel *k = arg;
    struct kernel_meters *own = kernel_meters(k->kernel);
    if (own) kernel_meters_set(own, m);
}

int in_kernel_begin(struct carry *carry)
{
    char err[500] = "out of memory";
    struct in_kernel *k = carry->kernel = calloc(1, sizeof *k);
    const struct program *p = carry->now.program;
    const struct kernel_sizes *sizes = carry->passed ? &carry->passed->says.sizes : NULL;
    if (!k || ask_kernel(carry->tell->channel, program_of_file(carry->now.program), sizes, &k->kernel, err, sizeof err))
        return complain("--exec kernel: %s", err);
    k->waits = carry->passed;
    for (unsigned i = 0; carry->passed && i < carry->o->iface_count; i++)
        k->generic[i] = carry->passed->hooks.generic >> i & 1;
    if ((k->waits && carry->passed->count && kernel_world_copy(k->kernel)) ||
        !in_kernel_prepare(carry, p, err, sizeof err))
        return complain("--exec kernel: %s", err);
    if (in_kernel_swap(carry, NULL))
        return complain("--exec kernel: the eBPF program of the rules can't be put in force");
    asker_init(&k->asker, k->kernel, 0);
    k->ops = (struct vm_kernel){.arg = k,
                                .judge = judge_there,
                                .meters = show_meters,
                                .set_meters = set_meters,
                                .marks = kernel_map(k->kernel, KERNEL_MAP_marks)->memory};
    k->splices = kernel_splices(k->kernel);
    if (k->splices.groups) k->ops.splices = &k->splices;
    if (p->meta->flags & PBC_KEEPS_FLOWS) {
        if (!flows_init(&k->flows, k->kernel)) return complain("--exec kernel: out of memory");
        k->ops.flows = &k->flows;
    }
    k->answers = answers_new();
    if (!k->answers) return complain("out of memory");
    k->events = kernel_events_new(kernel_map(k->kernel, KERNEL_MAP_events)->fd, in_kernel_heard, carry);
    return k->events ? 0 : complain("--exec kernel: the log of the eBPF programs can't be opened: %s", strerror(errno));
}

bool in_kernel_members(const struct carry *carry)
{
    const struct ruling *now = &carry->now;
    const struct kernel *k = carry->kernel ? carry->kernel->kernel : NULL;
    return !k ||
           (!live_sets_move(kernel_tables(k), now->program, now->lives, carry->seed, NULL) &&
            live_sets_ask(now->lives, kernel_map(k, KERNEL_MAP_question_head), kernel_map(k, KERNEL_MAP_questions)));
}

const struct vm_kernel *in_kernel_ops(const struct carry *carry) { return carry->kernel ? &carry->kernel->ops : NULL; }
struct kernel_world *in_kernel_told(const struct carry *carry)
{
    return carry->kernel ? kernel_world(carry->kernel->kernel) : NULL;
}

uint64_t in_kernel_memory(const struct carry *carry)
{
    return carry->kernel ? kernel_memory(carry->kernel->kernel) : 0;
}

void in_kernel_close(struct carry *carry)
{
    if (!carry->kernel) return;
    kernel_discard(carry->kernel->next);
    counted_free(carry->kernel->counted);
    kernel_facts_fini(&carry->kernel->facts);
    kernel_events_free(carry->kernel->events);
    flows_fini(&carry->kernel->flows);
    answers_free(carry->kernel->answers);
    kernel_free(carry->kernel->kernel);
    free(carry->kernel->others);
    free(carry->kernel);
    carry->kernel = NULL;
}
