/* A reload: another program replaces the current one; what both have goes on (vm.h) */
#include <errno.h>
#include <string.h>

#include "vm/context/context.h"
#include "vm/forward/forward.h"
#include "vm/forward/inline/conns.h"
#include "vm/forward/service.h"
#include "vm/observe/observers.h"
#include "vm/program/swap.h"
#include "vm/worker/vm_priv.h"

struct vm *vm_prepare(const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in)
{
    struct vm *fresh = vm_new(r->program, cfg);
    if (fresh) balance_update(fresh->balance, in->facts, in->mono_ns);
    return fresh;
}

/* Mark entries from `first` on without users as gone; return their number. users: NULL, or number of flows of each. */
static unsigned find_unused(const uint32_t *users, uint32_t first, uint32_t count, uint8_t *gone)
{
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++) found += gone[i] = i >= first && (!users || !users[i]);
    return found;
}

unsigned vm_gone(const struct program *p, const struct vm_counters *c, uint8_t *gone)
{
    const uint32_t nats = program_all_nats(p);
    const uint32_t services = p->past ? p->past->services : p->services_count,
                   servers = p->past ? p->past->servers : p->servers_count;
    unsigned found = find_unused(c->service_flows, services, p->services_count, gone);
    gone += p->services_count;
    found += find_unused(c->server_flows, servers, p->servers_count, gone);
    gone += p->servers_count;
    return found + find_unused(c->nat ? c->nat->flows : NULL, p->nats_count, nats, gone);
}

/* Keep the counters of rules and defaults, by the remap; those of deciders without a counterpart go into `earlier`. */
static void keep_decided(struct vm *vm, struct vm *fresh, const struct remap *r)
{
    const struct program *p = vm->program;
    for (uint32_t i = 0; i < p->rules_count; i++) {
        if (!vm->rules[i].packets) continue;
        if (r->rule[i] != PBC_NONE)
            counter_sum(&fresh->rules[r->rule[i]], &vm->rules[i]);
        else if (pbc_decides(p->rules[i].verdict) && !verdict_is(p->rules[i].verdict, VERDICT_OPENS))
            counter_sum(&vm->counters.earlier, &vm->rules[i]);
    }
    const struct counter *was = vm->counters.defaults;
    struct counter *now = fresh->rules + fresh->program->rules_count + 1;
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        counter_sum(r->firewall[i] != PBC_NONE ? &now[r->firewall[i]] : &vm->counters.earlier, &was[i]);
}

static void keep_served(struct vm *to, const struct vm *from, const struct remap *r)
{
    const size_t now = to->program->services_count, was = from->program->services_count;
    for (size_t i = 0; i < was; i++) {
        if (r->service[i] == PBC_NONE) continue;
        counter_sum(&to->served[r->service[i]], &from->served[i]);
        counter_sum(&to->served[now + r->service[i]], &from->served[was + i]);
    }
    for (uint32_t i = 0; i < from->program->servers_count; i++)
        if (r->server[i] != PBC_NONE) counter_sum(&to->served[2 * now + r->server[i]], &from->served[2 * was + i]);
}

/* Move the parts that go on into `fresh`, except the flows themselves. */
static void keep_parts(struct vm *vm, struct vm *fresh, const struct remap *r)
{
    meters_keep(fresh->meters, vm->meters, r->meter);
    audit_keep(fresh, vm, r);
    balance_keep(fresh->balance, vm->balance, r);
    keep_served(fresh, vm, r);
    fresh->epoch = vm->remember ? remember_epoch(vm->remember) : vm->epoch;
    if (fresh->remember && fresh->epoch) remember_after(fresh->remember, fresh->epoch);
    if (vm->forward && fresh->forward) forward_keep(fresh->forward, vm->forward, r, vm->now_ns);
    if (vm->inlines) inlines_rename(vm->inlines, r);
    if (vm->observers) observers_rename(vm->observers, fresh->observers, r, vm->now_ns);
    if (vm->fragments && fresh->fragments) fragments_keep(fresh->fragments, vm->fragments, r);
    if (vm->fragments && !fresh->fragments) fragments_drop_held(vm);
}

static void take_parts(struct vm *vm, struct vm *fresh)
{
    if (vm->program->meta->rejects_per_s != fresh->program->meta->rejects_per_s) vm->answers = fresh->answers;
    SWAP(vm->program, fresh->program);
    SWAP(vm->meters, fresh->meters);
    SWAP(vm->served, fresh->served);
    SWAP(vm->balance, fresh->balance);
    SWAP(vm->remember, fresh->remember);
    SWAP(vm->audit, fresh->audit);
    SWAP(vm->fragments, fresh->fragments);
    SWAP(vm->forward, fresh->forward);
    SWAP(vm->vips, fresh->vips);
    if (!vm->inlines) SWAP(vm->inlines, fresh->inlines);
    if (!vm->observers || !fresh->observers) SWAP(vm->observers, fresh->observers);
    vm->opens = fresh->opens;
    vm->takes_answers = fresh->takes_answers;
    vm->ways = fresh->ways;
    vm->cfg.kernel = fresh->cfg.kernel;
    vm->in_order = fresh->in_order;
    vm->epoch = fresh->epoch;
}

int vm_swap(struct vm *vm, struct vm *fresh, const struct remap *r)
{
    if (vm->program != r->from || fresh->program != r->program) return -EINVAL;
    if (vm_swapping(vm)) return -EAGAIN;
    if (vm->forward && !forward_spares(vm->forward, r)) return -EINVAL;
    if (fresh->forward && vm->track && !track_binds(vm->track)) return -ENOTSUP;
    const bool same = memcmp(vm->program->digest, fresh->program->digest, sizeof vm->program->digest) == 0;
    keep_parts(vm, fresh, r);
    if (!same) keep_decided(vm, fresh, r);
    if (!same) SWAP(vm->rules, fresh->rules); /* the same program: its counters go on unchanged */
    take_parts(vm, fresh);
    if (!vm->track) {
        __atomic_store_n(&vm->track, fresh->track, __ATOMIC_RELEASE); /* vm_ahead reads it in another thread */
        fresh->track = NULL;
    } else {
        track_count_sources(vm->track, fresh->track);
        track_renew(vm->track, vm->program, forward_renew_bind, (void *)(uintptr_t)r);
    }
    vm->in_turn = vm_takes_turns(vm);
    if (vm->forward && vm->track) forward_attach(vm->forward, vm->track, vm->balance);
    if (!vm->forward && vm->track)
        track_on_unbound(vm->track, NULL, NULL); /* nothing of forwarding is left: no flow is bound */
    vm_point_counters(vm);
    return 0;
}

bool vm_swapping(const struct vm *vm) { return vm->track && track_renews(vm->track); }

struct balance *vm_tables(const struct program *p, uint64_t seed, const struct vm_in *in, bool proxied)
{
    struct balance *b = balance_new(p, seed);
    if (b && proxied) balance_for_proxies(b);
    if (b) balance_update(b, in->facts, in->mono_ns);
    return b;
}

void vm_take_tables(struct vm *vm, struct balance *tables) { balance_take(vm->balance, tables); }
