/* Questions to a worker outside its packets: flows, and explanations (vm.h) */
#include "vm/context/context.h"
#include "vm/flow/inquiry.h"
#include "vm/flow/track/track_look.h"
#include "vm/forward/forward.h"
#include "vm/forward/ordinary.h"
#include "vm/forward/service.h"
#include "vm/observe/choose.h"
#include "vm/observe/observers.h"
#include "vm/stream/first.h"
#include "vm/worker/vm_priv.h"

bool vm_flow_next(const struct vm *vm, uint32_t *at, struct flow_record *f)
{
    return vm->track && track_next(vm->track, at, f);
}

int vm_flow_near(const struct vm *vm, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f)
{
    return vm->track ? track_next_near(vm->track, at, groups, now_ns, f) : -1;
}

/* Look up the packet as its turn would, but change nothing. */
static void peek_at(const struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt,
                    struct track_seen *seen)
{
    inquiry_settle(in->facts, key, pkt);
    track_peek(vm->track, key, pkt, seen);
}

void vm_state(struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt)
{
    struct track_seen seen;
    see_time(vm, in, NULL);
    key->marks &= ~(uint32_t)MARK_STATES;
    if (vm->track) peek_at(vm, in, key, pkt, &seen);
}

bool vm_flow_of(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                struct flow_record *f)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (!vm->track) return false;
    peek_at(vm, in, &now, pkt, &seen);
    return track_tell(vm->track, &seen, f);
}

bool vm_follows(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (!vm->forward) return false;
    peek_at(vm, in, &now, pkt, &seen);
    return seen.class >= SEEN_REPLY || forward_proves(vm, &now, pkt, &seen);
}

struct decision vm_explain(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                           trace_fn *fn, void *arg)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (vm->track) peek_at(vm, in, &now, pkt, &seen);
    if (vm->cfg.kernel && vm->cfg.kernel->meters) vm->cfg.kernel->meters(vm->cfg.kernel->arg, vm->meters, false);
    const struct peek peek = {.meters = vm->meters, .track = vm->track, .seen = &seen};
    return decision_of(run_list(vm->program, &now, pkt, 0, NULL, &peek, fn, arg));
}

struct decision vm_explain_would(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                                 trace_fn *fn, void *arg)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (!vm->audit) return (struct decision){.rule = RULE_NONE, .firewall = PBC_NONE, .action = ACTION_ACCEPT};
    if (vm->track) {
        peek_at(vm, in, &now, pkt, &seen);
        now.marks &= ~(uint32_t)MARK_STATES;
        now.marks |= look_would(track_about(vm->track, &seen), &now, pkt, &seen);
    }
    if (vm->cfg.kernel && vm->cfg.kernel->meters)
        vm->cfg.kernel->meters(vm->cfg.kernel->arg, audit_meters(vm->audit), true);
    const struct peek peek = {.meters = audit_meters(vm->audit), .track = vm->track, .seen = &seen};
    return decision_of(run_list(vm->program->would, &now, pkt, 0, NULL, &peek, fn, arg));
}

/* True for a packet that a service in the wire does not take: a connection without its SYN is forwarded unchanged. */
static bool passes_by(const struct vm *vm, const struct key *key, const struct pkt *pkt)
{
    const uint32_t branch = service_branch(vm->program, key, pkt);
    if (branch == PBC_NONE) return false;
    const struct pbc_service *s = &vm->program->services[vm->program->branches[branch].service];
    return mode_is(s->mode, MODE_INLINE) && (key->marks & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN;
}

/* True if the packet would begin a flow or a connection at a service that drains. Later packets of a proxy's
 * connections are for the host's sockets. */
static bool is_drained(const struct program *p, const struct facts *facts, uint32_t branch, const struct key *key)
{
    if (branch == PBC_NONE || !facts_service_drains(facts, p->branches[branch].service)) return false;
    const bool opens = (key->marks & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
    return opens || !mode_is(p->services[p->branches[branch].service].mode, MODE_PROXIES);
}

struct served vm_explain_service(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    struct served s = {.branch = PBC_NONE, .pool = PBC_NONE, .server = PBC_NONE};
    see_time(vm, in, NULL);
    see_facts(vm, in->facts);
    return vm->forward && forward_explain(vm, in->facts, key, pkt, &s) ? s : vm_explain_new(vm, in, key, pkt);
}

struct translated vm_explain_nat(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    see_time(vm, in, NULL);
    see_facts(vm, in->facts);
    return vm->forward ? forward_explain_nat(vm, key, pkt) : (struct translated){.nat = PBC_NONE};
}

struct served vm_explain_new(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    struct served s = {.branch = service_branch(vm->program, key, pkt), .pool = PBC_NONE, .server = PBC_NONE};
    see_time(vm, in, NULL);
    see_facts(vm, in->facts);
    if (passes_by(vm, key, pkt)) s.branch = PBC_NONE;
    s.drains = is_drained(vm->program, in->facts, s.branch, key);
    if (s.drains) return s;
    if (s.branch != PBC_NONE && vm->program->services[vm->program->branches[s.branch].service].proxy) return s;
    if (s.branch != PBC_NONE) s.pool = balance_pool(vm->balance, s.branch, key);
    if (s.pool != PBC_NONE) s.server = balance_explain(vm->balance, s.branch, key, s.how, sizeof s.how);
    return s;
}

bool vm_lend(const struct vm *vm, uint64_t mono_ns, const struct plain *p, struct loan *loan)
{
    return vm->forward && vm->track && !vm->takes_answers && forward_lend(vm->forward, mono_ns, p, loan);
}

bool vm_loan_takes(const struct loan *loan, const struct pkt *pkt, const struct plain *p)
{
    const struct recipe *r = &loan->recipe;
    return recipe_takes(r, loan->kind, pkt, p->length, pkt->data, loan->reply, loan->longest);
}

struct observed_by vm_explain_observed(const struct program *p, const struct key *key)
{
    static const struct first nothing;
    const struct first *const none[2] = {&nothing, &nothing};
    bool by_server;
    struct key client;
    const uint32_t i = observe_begins(p, key, &client, &by_server);
    const uint32_t choice = i == PBC_NONE ? PBC_NONE : observe_choose(p, i, &client, none);
    return (struct observed_by){.observe = i, .choice = choice == OBSERVE_MORE ? PBC_NONE : choice};
}

bool vm_observed_next(const struct vm *vm, uint32_t *at, struct observe_record *r)
{
    return vm->observers && observers_next(vm->observers, at, r);
}

bool vm_observed_of(const struct vm *vm, const struct key *key, const struct pkt *pkt, struct observe_record *r)
{
    return vm->observers && observers_of(vm->observers, key, pkt, r);
}

void vm_observed_end(struct vm *vm, const struct vm_in *in)
{
    if (vm->observers) observers_end(vm->observers, in->mono_ns, OBSERVE_WHY_OPEN);
}
