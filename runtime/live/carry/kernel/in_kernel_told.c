/* Events that the stages report: rules' logs, ends of flows, samples; and their counts. */
#include <errno.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/copied_ring.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/events.h"
#include "runtime/kernel/run/flow_map.h"
#include "runtime/kernel/run/told_vips.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/carry/recorded.h"
#include "vm/judge/lives.h"

/* A reported packet, and the program that judged it. */
struct heard {
    const struct kernel_event_packet *said;
    const struct program *program;
    const struct labels *labels;
    uint64_t now_ns;
    struct pkt pkt;
    struct key key;
};

/* Parse a reported packet. False: the program that judged it is gone. */
static bool parse(struct carry *carry, const struct kernel_event *e, struct heard *h)
{
    *h = (struct heard){.said = (const void *)e,
                        .program = __atomic_load_n(&carry->kernel->judges, __ATOMIC_ACQUIRE),
                        .now_ns = e->now_ns};
    if (!h->now_ns) h->now_ns = clock_ns(CLOCK_MONOTONIC); /* its rules do not use the time */
    if (e->program == kernel_world(carry->kernel->kernel)->program)
        h->labels = change_labels(carry, h->program->serial);
    kernel_event_view(h->said, &h->pkt);
    pkt_parse(&h->pkt, &carry->latest->facts, &h->key);
    h->key.marks |= h->said->states & MARK_STATES;
    return h->labels;
}

static void heard_log(struct carry *carry, const struct kernel_event *e)
{
    struct heard h;
    carry->kernel->logs++;
    if (carry->o->log == LOG_NONE) return;
    const bool would = e->kind == KERNEL_EVENT_LOG_WOULD;
    if (!parse(carry, e, &h) || h.said->rule >= (would ? h.program->would_rules_count : h.program->rules_count)) {
        events_left_out(&carry->tell->events, TOLD_RULE, 1);
        return;
    }
    struct log_note note = {.program = h.program->serial,
                            .mono_ns = h.now_ns,
                            .rule = h.said->rule,
                            .would = would,
                            .bytes = h.said->wire_len};
    pkt_describe(&h.pkt, &h.key, note.text, sizeof note.text);
    events_packet(&carry->tell->events, h.labels, &note);
}

/* Return the index of the served interface; -1: none. */
static int served_at(const struct in_kernel *k, uint32_t ifindex)
{
    for (int i = 0; i < PORTS_MOST; i++)
        if (k->ifindex[i] == ifindex) return i;
    return -1;
}

/* Hold the worker until the turn ends (count_gone), so that its flow table can be read. For later events it is held
 * already. */
static void hold_worker(struct carry *carry)
{
    if (!carry->kernel->holds) worker_hold(carry->workers[0]);
    carry->kernel->holds = true;
}

/* Handle a sample: one packet of many, or every packet while there are observers. */
static void heard_sample(struct carry *carry, const struct kernel_event *e)
{
    struct heard h;
    const bool known = parse(carry, e, &h);
    const int port = served_at(carry->kernel, h.said->ifindex);
    if (port < 0) return;
    h.pkt.cookie = (unsigned)port;
    const struct sampled s = {.pkt = &h.pkt,
                              .key = &h.key,
                              .verdict = &h.said->verdict,
                              .labels = h.labels,
                              .now_ns = h.now_ns,
                              .at_ns = ((const struct kernel_event_sample *)e)->at_ns,
                              .asked = (uint8_t)((h.said->states & MARK_STATES) >> TAPE_STATES |
                                                 (h.said->states & KERNEL_EVENT_JUDGED ? TAPE_BY_RULES : 0)),
                              .said = (const void *)e,
                              .world = h.said->world};
    carry->ears.seen(carry->ears.arg, &s);
    /* With observers of all packets, every packet is reported, and the recorder takes its share. With observers of
     * one packet in many, more are reported than the recorder wants. */
    const bool all = carry->ears.looks(carry->ears.arg) & LOOKS_AT_ALL;
    const uint64_t every = all ? options_sample(carry->o) : 1;
    /* A replay would forward another station's packet. */
    const bool records = known && carry->record.to && h.program->serial == carry->now.program->serial &&
                         !(h.said->states & KERNEL_EVENT_FOREIGN);
    const bool wanted = s.said->matters || (s.said->due && ++carry->kernel->samples % every == 0);
    if (!records || !wanted) return;
    hold_worker(carry);
    recorded_sample(carry, &s);
}

/* Pass on that packets were dropped. Their time is set to now: records wait some milliseconds at most. The kernel
 * has its own numbers of programs; packets that a former program judged have no names. */
static void heard_drop(struct carry *carry, const struct kernel_event_packet *e)
{
    const struct verdict *v = &e->verdict;
    const int port = served_at(carry->kernel, e->ifindex);
    const struct program *program = __atomic_load_n(&carry->kernel->judges, __ATOMIC_ACQUIRE);
    const bool now = e->event.program == kernel_world(carry->kernel->kernel)->program;
    struct pkt pkt;
    struct drop_note n = {.at_ns = clock_ns(CLOCK_MONOTONIC),
                          .program = now ? program->serial : UINT64_MAX,
                          .rule = v->rule,
                          .firewall = v->firewall,
                          .service = v->service,
                          .stands = e->rule & ~KERNEL_DROP_PASSES,
                          .action = v->action,
                          .reason = v->reason,
                          .port = port < 0 ? DROP_PORT_NONE : (uint8_t)port,
                          .watched = e->rule & KERNEL_DROP_PASSES};
    kernel_event_view(e, &pkt);
    packet_ends_read(&pkt, &n.ends);
    carry->ears.dropped(carry->ears.arg, &n);
}

uint64_t in_kernel_drops_untold(const struct carry *carry)
{
    return carry->kernel ? kernel_drops_untold(carry->kernel->kernel) : 0;
}

void in_kernel_samples(struct carry *carry)
{
    if (!carry->kernel) return;
    kernel_world(carry->kernel->kernel)->drops = 1;
    const unsigned looks = carry->ears.looks(carry->ears.arg);
    kernel_world(carry->kernel->kernel)->sample = looks & LOOKS_AT_ALL ? 1
                                                  : carry->record.to   ? options_sample(carry->o)
                                                                       : 0;
    kernel_world(carry->kernel->kernel)->thins = looks & LOOKS_AT_SOME;
}

/* Return the program of that number in the stages. This is the program in force; or during a change the coming one,
 * because its stages may be in force before the worker reports so; else the former one. NULL if it has been freed. */
static const struct program *numbered(const struct in_kernel *k, uint32_t serial)
{
    const unsigned now = __atomic_load_n(&k->numbers, __ATOMIC_ACQUIRE);
    if (k->numbered[now & 1].serial == serial) return k->numbered[now & 1].program;
    if (k->numbered[now & 1].program != k->to_judge) return serial == k->left_serial ? NULL : k->to_judge;
    return k->numbered[(now + 1) & 1].serial == serial ? k->numbered[(now + 1) & 1].program : NULL;
}

/* Add a rule's member to the sets of the program that judged the packet. It counts from now on, which may be long
 * after the turn began: flows that begin until then were judged without it, and a cut ends them. When a change is
 * settled, members move to the next program; the ring is emptied before that. */
static void heard_add(const struct carry *carry, const struct kernel_event_add *e)
{
    const struct program *p = numbered(carry->kernel, e->event.program);
    if (!p) return;
    if (p->members) lives_at(p->members, clock_ns(CLOCK_MONOTONIC));
    adds_told(p, e->add, e->v6, e->len, e->addr);
    if (flow_cuts_wait(carry->cuts)) in_kernel_cut(carry);
}

void in_kernel_cut(const struct carry *carry)
{
    if (!carry->kernel) return;
    __atomic_fetch_add(&kernel_world(carry->kernel->kernel)->cuts, 1, __ATOMIC_RELEASE);
}

void in_kernel_heard(void *arg, const struct kernel_event *e, size_t len)
{
    struct carry *carry = arg;
    const struct kernel_event_flow *flow = (const void *)e;
    if (e->kind == KERNEL_EVENT_FLOW && carry->kernel->ops.flows)
        carry->kernel->gone[carry->kernel->gone_count++] = flow->gone;
    if (e->kind == KERNEL_EVENT_LOG || e->kind == KERNEL_EVENT_LOG_WOULD) heard_log(carry, e);
    struct heard h;
    if (e->kind == KERNEL_EVENT_REJECT && parse(carry, e, &h))
        answers_give(carry, h.program, &h.pkt, &h.key, h.said->rule);
    if (e->kind == KERNEL_EVENT_SAMPLE) heard_sample(carry, e);
    if (e->kind == KERNEL_EVENT_DROP) heard_drop(carry, (const void *)e);
    if (e->kind == KERNEL_EVENT_ADD) heard_add(carry, (const void *)e);
}

int in_kernel_fd(const struct carry *carry) { return carry->kernel ? kernel_events_fd(carry->kernel->events) : -1; }

/* Count ends of flows in the worker's vm, and let the worker go on. */
static void count_gone(struct carry *carry)
{
    struct worker *w = carry->workers[0];
    struct in_kernel *k = carry->kernel;
    if (k->gone_count) hold_worker(carry);
    for (unsigned i = 0; i < k->gone_count; i++) vm_flow_gone(w->vm, &k->gone[i], &w->tx);
    if (k->holds) worker_release(w);
    k->holds = false;
    k->gone_count = 0;
}

bool in_kernel_called(struct carry *carry)
{
    if (!carry->kernel || !kernel_events_there(carry->kernel->events)) return true;
    const int taken = kernel_events_some(carry->kernel->events, TOLD_AT_ONCE);
    count_gone(carry);
    return taken < TOLD_AT_ONCE;
}

void in_kernel_hear_all(struct carry *carry)
{
    enum {
        TURNS = KERNEL_EVENTS_BYTES / sizeof(struct kernel_event_add) / TOLD_AT_ONCE +
                1 /* number of events for which the ring has room */
    };
    if (!carry->kernel) return;
    for (unsigned i = 0; i < TURNS && !in_kernel_called(carry); i++) {}
}

void in_kernel_tick(struct carry *carry, uint64_t now_ns)
{
    if (!carry->kernel || change_pending(carry)) return; /* during a change, the old meters may vanish */
    in_kernel_hook_all(carry);
    in_kernel_ends(carry);
    in_kernel_devices(carry);
    in_kernel_hidden(carry);
    kernel_meters_at(kernel_meters(carry->kernel->kernel), now_ns);
    kernel_sweep(carry->kernel->kernel, now_ns);
    if (carry->kernel->told_more) told_keep(carry->kernel->kernel, carry->now.program);
    carry->kernel->told_more = false;
}

void in_kernel_count(const struct carry *carry)
{
    if (carry->kernel && carry->kernel->counted) counted_add(carry->kernel->counted, carry->workers[0]->vm);
    const struct worker *w = carry->workers[0];
    if (carry->kernel && w->copying) risen_count(&w->risen, w->copying->table);
}

uint64_t in_kernel_logs(const struct carry *carry) { return carry->kernel ? carry->kernel->logs : 0; }

struct kernel_counters in_kernel_counters(const struct carry *carry)
{
    return carry->kernel && carry->kernel->counted ? counted_so_far(carry->kernel->counted)
                                                   : (struct kernel_counters){0};
}

struct in_kernel_more in_kernel_more(const struct carry *carry)
{
    const struct in_kernel *k = carry->kernel;
    struct in_kernel_more told = {0};
    if (!k) return told;
    const struct kernel_counters c = kernel_counters(k->kernel);
    const struct flow_head *flows = kernel_map(k->kernel, KERNEL_MAP_flow_head)->memory;
    told.lost = c.lost.packets;
    told.pings = c.pings.packets;
    told.unjudged = __atomic_load_n(&k->unjudged, __ATOMIC_RELAXED);
    told.given_up = c.given_up + __atomic_load_n(&flows->given_up, __ATOMIC_RELAXED);
    told.untold = kernel_events_lost(k->kernel);
    told.ends_untold = __atomic_load_n(&flows->untold, __ATOMIC_RELAXED);
    told.spliced = __atomic_load_n(&k->splices.head->live, __ATOMIC_RELAXED);
    told.splices_full = __atomic_load_n(&k->splices.head->no_room, __ATOMIC_RELAXED);
    told.shown = carry->workers[0]->risen.frames;
    told.unseen = kernel_unseen(k->kernel);
    answers_count(k->answers, &told);
    return told;
}
