/* The worker's vm is asked with steps noted: the packet, the packet in its tunnel, then its connection */
#include "runtime/report/explain/explain_look.h"

#include <stdlib.h>

#include "runtime/base/grown.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"

void explain_steps_add(void *steps, const struct trace_step *s)
{
    struct explain_steps *all = steps;
    if (!grow(&all->of, all->count, &all->room, 64, sizeof *s)) return;
    all->of[all->count++] = *s;
}

/* Look inside the packet if a rule that opens tunnels decides it. */
static void look_inner(struct explain_look *k, struct vm *vm, const struct program *p, struct pool *pool)
{
    const uint32_t rule = k->decision.rule;
    if (k->pkt.reason || rule >= p->rules_count || !verdict_is(p->rules[rule].verdict, VERDICT_OPENS)) return;
    k->opener = rule;
    k->unopened = program_open(p, rule, &k->pkt, &k->key, k->in.facts, pool, &k->inner, &k->inner_key);
    if (!k->inner) return;
    key_settle(p, &k->inner_key);
    vm_state(vm, &k->in, &k->inner_key, k->inner);
    ways_settle(p, k->in.facts, &k->inner_key, k->inner);
    if (k->unopened == REASON_NONE && !k->inner->reason)
        k->decision = vm_explain(vm, &k->in, &k->inner_key, k->inner, explain_steps_add, &k->inner_steps);
}

void explain_look(struct explain_look *k, struct vm *vm, const struct vm_in *in, const struct program *p,
                  struct pool *pool, const struct pkt *pkt)
{
    *k = (struct explain_look){.in = *in,
                               .pkt = *pkt,
                               .opener = RULE_NONE,
                               .served = {.branch = PBC_NONE, .pool = PBC_NONE, .server = PBC_NONE},
                               .nat = {.nat = PBC_NONE}};
    pkt_parse(&k->pkt, in->facts, &k->key);
    key_settle(p, &k->key);
    vm_state(vm, in, &k->key, &k->pkt);
    ways_settle(p, in->facts, &k->key, &k->pkt);
    k->in_flow = vm_flow_of(vm, in, &k->key, &k->pkt, &k->flow);
    k->follows = !k->pkt.reason && vm_follows(vm, in, &k->key, &k->pkt);
    k->decision = (struct decision){.rule = RULE_NONE, .firewall = PBC_NONE, .action = ACTION_DROP};
    if (!k->pkt.reason || k->key.kind & KIND_ARP)
        k->decision = vm_explain(vm, in, &k->key, &k->pkt, explain_steps_add, &k->steps);
    k->audited = p->would && !k->pkt.reason;
    if (k->audited) k->would = vm_explain_would(vm, in, &k->key, &k->pkt, explain_steps_add, &k->would_steps);
    look_inner(k, vm, p, pool);
    const bool opened = k->inner && k->unopened == REASON_NONE;
    const struct pkt *served = opened ? k->inner : &k->pkt;
    if (served->reason) return;
    if (!k->inner) {
        /* Ask for the connection of a packet that is in no tunnel. */
        k->goes_on = vm_inline_of(vm, &k->key, &k->pkt, &k->goes);
        k->observed = vm_observed_of(vm, &k->key, &k->pkt, &k->watch);
        k->watch.sum = (struct observe_summary){0};
    }
    if (k->goes_on) return;
    k->served = vm_explain_service(vm, in, opened ? &k->inner_key : &k->key, served);
    k->fresh = vm_explain_new(vm, in, opened ? &k->inner_key : &k->key, served);
    const bool bound = k->in_flow && (k->flow.server != PBC_NONE || k->flow.nat != PBC_NONE);
    if (!opened && !bound && k->served.branch == PBC_NONE) k->nat = vm_explain_nat(vm, in, &k->key, &k->pkt);
}

void explain_look_on_wall(struct explain_look *k, uint64_t wall_ns)
{
    const uint64_t ahead_ns = wall_ns - k->in.mono_ns;
    k->in.mono_ns += ahead_ns;
    k->flow.began_ns += ahead_ns;
    k->flow.seen_ns += ahead_ns;
    if (k->goes.since_ns) k->goes.since_ns += ahead_ns;
    k->watch.begin_ns += ahead_ns;
}

void explain_look_fini(struct explain_look *k)
{
    free(k->steps.of);
    free(k->inner_steps.of);
    free(k->would_steps.of);
    pool_put(k->inner);
}
