/* Kernel mode: packets that come up from the kernel executor, and its counters (vm.h) */
#include "vm/context/answered.h"
#include "vm/flow/track/met.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/forward.h"
#include "vm/forward/service.h"
#include "vm/judge/answers/answers.h"
#include "vm/observe/observers.h"
#include "vm/worker/audit.h"

void vm_run_up(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, const struct vm_up ups[],
               struct verdict verdicts[], struct vm_tx *tx)
{
    vm->ups = ups;
    vm_run(vm, in, pkts, n, verdicts, tx);
    vm->ups = NULL;
}

/* Takes the packet as it came to the stack: by another interface than the one by which it leaves. */
void vm_run_routed(struct vm *vm, const struct vm_in *in, struct pkt *pkt, uint16_t came, struct verdict *v,
                   struct vm_tx *tx)
{
    struct packet_ctx c;
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    *v = (struct verdict){.action = ACTION_DROP,
                          .reason = REASON_NO_FLOW,
                          .rule = RULE_NONE,
                          .firewall = PBC_NONE,
                          .service = PBC_NONE,
                          .server = PBC_NONE};
    vm_run(vm, in, NULL, 0, NULL, tx);
    if (!vm->forward) return;
    v->reason = (uint8_t)pkt_parse(pkt, in->facts, &vm->keys[0]);
    if (v->reason) {
        forward_routed_lost(vm->forward);
        return;
    }
    ctx_begin(&c, 0, pkt, &vm->keys[0], v);
    c.routed = true;
    c.key->iface = came ? (uint16_t)(came - 1) : IFACE_NONE;
    pkt->way = (uint16_t)(facts_known_as(in->facts, pkt->iface) + 1);
    pkt->flags |= PKT_WAY_SAID;
    clamp_routed(vm->program, in->facts, pkt, c.key);
    if (vm->mets) track_met(vm->track, c.key, pkt, &c.seen, &vm->mets[0]);
    track_study(vm->track, c.key, pkt, &c.seen);
    track_look(vm->track, c.key, pkt, &c.seen);
    if (vm->takes_answers && answers_may(c.key))
        answered_routed(&j, &c, forward_routed);
    else
        forward_routed(&j, &c);
}

void vm_note_met(struct vm *vm, struct flow_met *mets) { vm->mets = mets; }

void vm_met(const struct vm *vm, const struct met_told *told, struct flow_met *m)
{
    *m = (struct flow_met){.has = told->has & MET_OUT};
    if (vm->track && told->has & MET_SAID) track_met_at(vm->track, told, m);
}

bool vm_recipes(const struct vm *vm, struct vm_recipes *r)
{
    *r = (struct vm_recipes){.generation = 0};
    if (!vm->forward) return false;
    r->generation = forward_recipes(vm->forward, r->longest, &r->datagram);
    return true;
}

void vm_datagram(struct vm *vm, uint32_t next)
{
    if (vm->forward) forward_datagram(vm->forward, next);
}

void vm_flow_gone(struct vm *vm, const struct flow_gone *gone, struct vm_tx *tx)
{
    if (!vm->track) return;
    track_at(vm->track, vm->now_ns, tx);
    track_gone(vm->track, gone);
}

static void sum_all(struct counter to[], const struct counter more[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) counter_sum(&to[i], &more[i]);
}

static void count_reasons(struct vm *vm, const struct counter more[])
{
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        counter_sum(&vm->counters.reasons[i], &more[i]);
        counter_sum(&vm->refused, &more[i]);
    }
    count_judged_drops(vm);
}

void vm_count_ways(struct vm *vm, const uint64_t unknown[])
{
    if (vm->forward) forward_count_ways(vm->forward, unknown);
}

const struct program *vm_program(const struct vm *vm) { return vm->program; }

void vm_count(struct vm *vm, const struct vm_counters *more)
{
    const struct program *p = vm->program;
    const uint32_t services = p->services_count;
    const uint32_t own_services = p->past ? p->past->services : services; /* the kernel has no services of the past */
    sum_all(vm->counters.verdicts, more->verdicts, ACTION_COUNT);
    count_reasons(vm, more->reasons);
    sum_all(vm->rules, more->rules, p->rules_count);
    sum_all(vm->rules + p->rules_count + 1, more->defaults, p->firewalls_count);
    sum_all(vm->served, more->services, own_services);
    sum_all(vm->served + services, more->unserved, own_services);
    sum_all(vm->served + 2 * (size_t)services, more->servers, p->past ? p->past->servers : p->servers_count);
    if (vm->forward && more->forward)
        forward_count(vm->forward, more->forward->replies, more->nat ? more->nat->statements : NULL);
    if (vm->audit && more->would_rules) audit_add(vm, more);
    if (more->meters) meters_count(vm->meters, p, more->meters);
    if (vm->observers && more->observed) observers_count_more(vm->observers, more->observed, more->observes);
    vm->counters.snapped += more->snapped;
    vm->counters.bad_checksum += more->bad_checksum;
    vm->counters.ways_unknown += more->ways_unknown;
}
