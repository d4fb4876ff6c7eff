/* Life of a worker: its parts, and the places of their counters (vm.h) */
#include <stdlib.h>
#include <string.h>

#include "vm/context/context.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/forward.h"
#include "vm/forward/inline/conns.h"
#include "vm/forward/service.h"
#include "vm/forward/vips.h"
#include "vm/judge/answers/answers.h"
#include "vm/keyed/large.h"
#include "vm/observe/observers.h"
#include "vm/worker/vm_priv.h"

/* Limits of replies from services' addresses, separate from rejects, so that many rejects do not make the addresses
 * unreachable. */
enum { ECHOES_PER_S = 1000, NEIGHBOURS_PER_S = 1000 };

/* Make the parts that programs with state need. The oracle judges every packet, so it remembers no verdicts. */
static bool keep_state(struct vm *vm)
{
    const struct program *p = vm->program;
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return true;
    vm->track = track_new(p, &vm->cfg);
    if (!vm->track) return false;
    if ((!p->memos_count && !p->would) || vm->cfg.forget || vm->cfg.naive || vm->cfg.kernel) return true;
    vm->remember = remember_new(p);
    return vm->remember;
}

static bool keep_audit(struct vm *vm)
{
    if (vm->program->would) vm->audit = audit_new(vm->program, &vm->cfg);
    return vm->audit || !vm->program->would;
}

static bool follow_fragments(struct vm *vm)
{
    if (!(vm->program->meta->flags & PBC_FOLLOWS_FRAGMENTS)) return true;
    vm->fragments = fragments_new(vm->program, vm->cfg.seed);
    return vm->fragments;
}

/* Make the parts that services and translation need. */
static bool send_on(struct vm *vm)
{
    if (!vm->program->services_count && !program_all_nats(vm->program)) return true;
    vm->forward = forward_new(vm->program, &vm->cfg);
    if (!vm->forward) return false;
    if (vm->track) forward_attach(vm->forward, vm->track, vm->balance); /* else only past flows are sent on */
    return true;
}

/* True if connections of some service end in the inline stack. */
static bool has_inline(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (mode_is(p->services[i].mode, MODE_INLINE_STACK)) return true;
    return false;
}

static bool stand_in_the_wire(struct vm *vm)
{
    const struct vm_kernel *kernel = vm->cfg.kernel;
    if (!vm->cfg.live || (kernel && !kernel->marks) || !has_inline(vm->program)) return true;
    vm->inlines = inlines_new(vm->program, vm->cfg.seed, vm->cfg.worker);
    if (vm->inlines && vm->cfg.inline_share) inlines_share(vm->inlines, *vm->cfg.inline_share);
    if (vm->inlines) inlines_carry(vm->inlines, vm->cfg.inline_carried);
    if (vm->inlines && kernel) inlines_mark(vm->inlines, kernel->marks);
    return vm->inlines && (!kernel || !kernel->splices || inlines_slots(vm->inlines, kernel->splices));
}

static bool watch_connections(struct vm *vm)
{
    if (!vm->program->observes_count) return true;
    vm->observers = observers_new(vm->program, vm->cfg.observed, vm->cfg.seed);
    return vm->observers;
}

static bool speak_for_services(struct vm *vm)
{
    if (!vm->program->services_count && !vm->program->nats_count) return true;
    vm->vips = vips_new(vm->program);
    return vm->vips;
}

/* Return the size of the counters of rules and defaults, in bytes. */
static size_t rules_bytes(const struct program *p)
{
    return ((size_t)p->rules_count + 1 + p->firewalls_count) * sizeof(struct counter);
}

/* True if a log or a meter shows the order of packets. */
static bool shows_order(const struct program *p)
{
    bool shows = p->meters_count > 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        shows |= p->rules[i].verdict == PBC_V_LOG || p->rules[i].flags & PBC_RULE_LOG;
    for (uint32_t i = 0; i < p->would_rules_count; i++)
        shows |= p->would_rules[i].verdict == PBC_V_LOG || p->would_rules[i].flags & PBC_RULE_LOG;
    return shows;
}

void vm_point_counters(struct vm *vm)
{
    const struct program *p = vm->program;
    struct vm_counters *c = &vm->counters;
    c->rules = vm->rules;
    c->defaults = vm->rules + p->rules_count + 1;
    c->meters = meters_counters(vm->meters);
    c->services = vm->served;
    c->unserved = vm->served + p->services_count;
    c->servers = vm->served + 2 * (size_t)p->services_count;
    c->flows = vm->track ? track_counters(vm->track) : NULL;
    c->forward = vm->forward ? forward_counters(vm->forward) : NULL;
    c->nat = vm->forward ? forward_nat_counters(vm->forward) : NULL;
    const struct conns *bound = vm->forward ? forward_conns(vm->forward) : NULL;
    c->server_flows = bound ? bound->servers : NULL;
    c->service_flows = bound ? bound->services : NULL;
    c->server_begun = bound ? bound->begun : NULL;
    audit_point_counters(vm);
    c->observed = vm->observers ? observers_counters(vm->observers) : NULL;
    c->observes = vm->observers ? observers_each(vm->observers) : NULL;
    c->frags = vm->fragments ? fragments_counters(vm->fragments) : NULL;
}

struct vm *vm_new(struct program *p, const struct vm_cfg *cfg)
{
    struct vm *vm = aligned_alloc(_Alignof(struct vm), sizeof *vm);
    if (!vm) return NULL;
    memset(vm, 0, sizeof *vm);
    vm->program = program_get(p);
    vm->cfg = *cfg;
    vm->rules = large_new(rules_bytes(p));
    if (vm->rules) large_take(vm->rules, 0, rules_bytes(p)); /* no packet meets a page fault */
    vm->meters = meters_new(p, cfg->seed);
    vm->served = calloc(2 * (size_t)p->services_count + p->servers_count + 1, sizeof *vm->served);
    vm->balance = balance_new(p, cfg->seed);
    if (!vm->rules || !vm->meters || !vm->served || !vm->balance || !keep_audit(vm) || !keep_state(vm) ||
        !follow_fragments(vm) || !send_on(vm) || !stand_in_the_wire(vm) || !speak_for_services(vm) ||
        !watch_connections(vm)) {
        vm_free(vm);
        return NULL;
    }
    meters_share(vm->meters, &vm->cfg.share, cfg->workers);
    vm_point_counters(vm);
    vm->opens = p->meta->flags & PBC_OPENS;
    vm->ways = p->meta->flags & PBC_ASKS_ROUTES;
    vm->takes_answers = answers_sets(p);
    vm->in_turn = vm_takes_turns(vm);
    vm->in_order = shows_order(p);
    limit_init(&vm->answers, p->meta->rejects_per_s);
    limit_init(&vm->echoes, ECHOES_PER_S);
    limit_init(&vm->neighbours, NEIGHBOURS_PER_S);
    return vm;
}

void vm_free(struct vm *vm)
{
    if (!vm) return;
    observers_free(vm->observers);
    inlines_free(vm->inlines);
    vips_free(vm->vips);
    fragments_free(vm->fragments);
    remember_free(vm->remember);
    audit_free(vm->audit);
    forward_free(vm->forward);
    track_free(vm->track);
    balance_free(vm->balance);
    meters_free(vm->meters);
    free(vm->served);
    large_free(vm->rules, rules_bytes(vm->program));
    program_put(vm->program);
    free(vm);
}

void vm_ahead(const struct vm *vm, size_t least)
{
    const struct track *track = __atomic_load_n(&vm->track, __ATOMIC_ACQUIRE);
    if (track) track_ahead(track, least);
}

bool vm_keeps_flows(const struct vm *vm) { return __atomic_load_n(&vm->track, __ATOMIC_ACQUIRE); }

size_t vm_flow_bytes(const struct vm *vm) { return vm->track ? track_bytes(vm->track) : 0; }

const struct vm_counters *vm_counters(const struct vm *vm) { return &vm->counters; }
