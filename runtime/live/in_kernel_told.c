/* What the stages tell: rules' logs and ends of flows, and what they count. */
#include <errno.h>
#include <string.h>

#include "runtime/kernel/counted.h"
#include "runtime/kernel/events.h"
#include "runtime/live/in_kernel.h"
#include "runtime/live/in_kernel_priv.h"
#include "runtime/live/reload.h"
#include "vm/kernel/meters.h"

/* A rule that logs, of the program in force; what the one before has said last is left out. */
void in_kernel_heard(void *arg, const struct kernel_event *e, size_t len)
{
    struct live *l = arg;
    struct in_kernel *k = l->kernel;
    const struct program *p = __atomic_load_n(&k->judges, __ATOMIC_ACQUIRE);
    const struct labels *labels = reload_labels(l, p);
    const struct kernel_event_packet *said = (const void *)e;
    struct log_note note = {.program = p, .mono_ns = e->now_ns};
    struct pkt pkt;
    struct key key;
    (void)len;
    if (e->kind == KERNEL_EVENT_FLOW && k->ops.flows)
        vm_flow_gone(l->workers[0]->vm, &((const struct kernel_event_flow *)e)->gone, &l->workers[0]->tx);
    if (e->kind != KERNEL_EVENT_LOG) return;
    k->logs++;
    if (l->o->log == LOG_NONE) return;
    if (!labels || e->program != kernel_world(k->kernel)->program || said->rule >= p->rules_count) {
        events_left_out(&l->events, TOLD_RULE, 1);
        return;
    }
    kernel_event_view(said, &pkt);
    pkt_parse(&pkt, &l->latest->facts, &key);
    pkt_describe(&pkt, &key, note.text, sizeof note.text);
    note.rule = said->rule;
    note.bytes = said->wire_len;
    events_packet(&l->events, labels, &note);
}

int in_kernel_fd(const struct live *l) { return l->kernel ? kernel_events_fd(l->kernel->events) : -1; }

/* Ends of flows are counted by the worker's vm: it stands still meanwhile. */
void in_kernel_called(struct live *l)
{
    const bool flows = l->kernel->ops.flows;
    if (flows) worker_hold(l->workers[0]);
    kernel_events_take(l->kernel->events);
    if (flows) worker_release(l->workers[0]);
}

void in_kernel_tick(struct live *l, uint64_t now_ns)
{
    if (!l->kernel || reload_pending(l)) return; /* else its meters may be gone meanwhile */
    kernel_meters_at(kernel_meters(l->kernel->kernel), now_ns);
    kernel_sweep(l->kernel->kernel, now_ns);
}

void in_kernel_count(const struct live *l)
{
    if (l->kernel && l->kernel->counted) counted_add(l->kernel->counted, l->workers[0]->vm);
}

uint64_t in_kernel_logs(const struct live *l) { return l->kernel ? l->kernel->logs : 0; }

struct kernel_counters in_kernel_counters(const struct live *l)
{
    return l->kernel ? kernel_counters(l->kernel->kernel) : (struct kernel_counters){0};
}
