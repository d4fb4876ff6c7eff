/* A worker: parses packets in batches, has each judged, counts, logs and answers.
 *
 * The order in which a frame meets its fate (SEMANTICS.md): malformed ARP passes unless some rule names ARP; every
 * other malformed frame is dropped before any rule; the rest is judged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/context/context.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/forward.h"
#include "vm/forward/service.h"
#include "vm/forward/vips.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/columns/columns.h"
#include "vm/keyed/large.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"
#include "vm/worker/fragments.h"
#include "vm/worker/turns.h"

enum { SWEEP_NS = 1000000000, STEPS_A_TICK = 128 /* of a live worker: 15 us where all miss the caches */ };
enum { CLEARED_A_TICK = 1 << 16 };

/* What services' addresses answer has bounds of its own: what is rejected must not make them unreachable. */
enum { ECHOES_PER_S = 1000, NEIGHBOURS_PER_S = 1000 };

/* What programs that keep state need besides. The oracle judges every packet. */
static bool keep_state(struct vm *vm)
{
    const struct program *p = vm->program;
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return true;
    vm->track = track_new(p, &vm->cfg);
    if (!vm->track) return false;
    if (!p->memos_count || vm->cfg.forget || vm->cfg.naive || vm->cfg.kernel) return true;
    vm->remember = remember_new(p);
    return vm->remember;
}

static bool follow_fragments(struct vm *vm)
{
    if (!(vm->program->meta->flags & PBC_FOLLOWS_FRAGMENTS)) return true;
    vm->fragments = fragments_new(vm->program, vm->cfg.seed);
    return vm->fragments;
}

/* What services and translation need besides. */
static bool send_on(struct vm *vm)
{
    if (!vm->program->services_count && !program_all_nats(vm->program)) return true;
    vm->forward = forward_new(vm->program, &vm->cfg);
    if (!vm->forward) return false;
    if (vm->track) forward_attach(vm->forward, vm->track, vm->balance); /* else only flows of the past are sent on */
    return true;
}

static bool speak_for_services(struct vm *vm)
{
    if (!vm->program->services_count && !vm->program->nats_count) return true;
    vm->vips = vips_new(vm->program);
    return vm->vips;
}

/* Of the counters of rules and defaults. */
static size_t rules_bytes(const struct program *p)
{
    return ((size_t)p->rules_count + 1 + p->firewalls_count) * sizeof(struct counter);
}

/* Does a log or a meter show which packet came first? */
static bool shows_order(const struct program *p)
{
    bool shows = p->meters_count > 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        shows |= p->rules[i].verdict == PBC_V_LOG || p->rules[i].flags & PBC_RULE_LOG;
    return shows;
}

/* Where the counters of its parts lie. */
static void point_counters(struct vm *vm)
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
    c->frags = vm->fragments ? fragments_counters(vm->fragments) : NULL;
}

static bool takes_turns(const struct vm *vm) { return vm->track || vm->opens || vm->cfg.kernel; }

struct vm *vm_new(struct program *p, const struct vm_cfg *cfg)
{
    struct vm *vm = aligned_alloc(_Alignof(struct vm), sizeof *vm);
    if (!vm) return NULL;
    memset(vm, 0, sizeof *vm);
    vm->program = program_get(p);
    vm->cfg = *cfg;
    vm->rules = large_new(rules_bytes(p));
    vm->meters = meters_new(p, cfg->seed);
    vm->served = calloc(2 * (size_t)p->services_count + p->servers_count + 1, sizeof *vm->served);
    vm->balance = balance_new(p, cfg->seed);
    if (!vm->rules || !vm->meters || !vm->served || !vm->balance || !keep_state(vm) || !follow_fragments(vm) ||
        !send_on(vm) || !speak_for_services(vm)) {
        vm_free(vm);
        return NULL;
    }
    meters_share(vm->meters, &vm->cfg.share, cfg->workers);
    point_counters(vm);
    vm->opens = p->meta->flags & PBC_OPENS;
    vm->ways = p->meta->flags & PBC_ASKS_ROUTES;
    vm->in_turn = takes_turns(vm);
    vm->in_order = shows_order(p);
    limit_init(&vm->answers, p->meta->rejects_per_s);
    limit_init(&vm->echoes, ECHOES_PER_S);
    limit_init(&vm->neighbours, NEIGHBOURS_PER_S);
    return vm;
}

void vm_free(struct vm *vm)
{
    if (!vm) return;
    vips_free(vm->vips);
    fragments_free(vm->fragments);
    remember_free(vm->remember);
    forward_free(vm->forward);
    track_free(vm->track);
    balance_free(vm->balance);
    meters_free(vm->meters);
    free(vm->served);
    large_free(vm->rules, rules_bytes(vm->program));
    program_put(vm->program);
    free(vm);
}

void vm_ahead(const struct vm *vm)
{
    const struct track *track = __atomic_load_n(&vm->track, __ATOMIC_ACQUIRE);
    if (track) track_ahead(track);
}

struct vm *vm_prepare(const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in)
{
    struct vm *fresh = vm_new(r->program, cfg);
    if (fresh) balance_update(fresh->balance, in->facts, in->mono_ns);
    return fresh;
}

/* Those from `first` on; each is used by so many. */
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

static void sum(struct counter *to, const struct counter *from)
{
    to->packets += from->packets;
    to->bytes += from->bytes;
}

/* What was decided by whom: by rules that are in both, or by earlier ones. */
static void keep_decided(struct vm *vm, struct vm *fresh, const struct remap *r)
{
    const struct program *p = vm->program;
    for (uint32_t i = 0; i < p->rules_count; i++) {
        if (!vm->rules[i].packets) continue;
        if (r->rule[i] != PBC_NONE)
            sum(&fresh->rules[r->rule[i]], &vm->rules[i]);
        else if (pbc_decides(p->rules[i].verdict) && !verdict_is(p->rules[i].verdict, VERDICT_OPENS))
            sum(&vm->counters.earlier, &vm->rules[i]);
    }
    const struct counter *was = vm->counters.defaults;
    struct counter *now = fresh->rules + fresh->program->rules_count + 1;
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        sum(r->firewall[i] != PBC_NONE ? &now[r->firewall[i]] : &vm->counters.earlier, &was[i]);
}

static void keep_served(struct vm *to, const struct vm *from, const struct remap *r)
{
    const size_t now = to->program->services_count, was = from->program->services_count;
    for (size_t i = 0; i < was; i++) {
        if (r->service[i] == PBC_NONE) continue;
        sum(&to->served[r->service[i]], &from->served[i]);
        sum(&to->served[now + r->service[i]], &from->served[was + i]);
    }
    for (uint32_t i = 0; i < from->program->servers_count; i++)
        if (r->server[i] != PBC_NONE) sum(&to->served[2 * now + r->server[i]], &from->served[2 * was + i]);
}

static void keep_remembering(struct vm *to, const struct vm *from)
{
    to->epoch = from->remember ? remember_epoch(from->remember) : from->epoch;
    if (to->remember && to->epoch) remember_after(to->remember, to->epoch);
}

#define SWAP(a, b)                                                                                                     \
    do {                                                                                                               \
        __typeof__(a) swap_was = (a);                                                                                  \
        (a) = (b);                                                                                                     \
        (b) = swap_was;                                                                                                \
    } while (0)

/* What goes on is in `fresh` then, where it is not the flows themselves. */
static void keep_parts(struct vm *vm, struct vm *fresh, const struct remap *r)
{
    meters_keep(fresh->meters, vm->meters, r->meter);
    balance_keep(fresh->balance, vm->balance, r);
    keep_served(fresh, vm, r);
    keep_remembering(fresh, vm);
    if (vm->forward && fresh->forward) forward_keep(fresh->forward, vm->forward, r, vm->now_ns);
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
    SWAP(vm->fragments, fresh->fragments);
    SWAP(vm->forward, fresh->forward);
    SWAP(vm->vips, fresh->vips);
    vm->opens = fresh->opens;
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
    if (!same) SWAP(vm->rules, fresh->rules); /* else they go on as they are */
    take_parts(vm, fresh);
    if (!vm->track) {
        __atomic_store_n(&vm->track, fresh->track, __ATOMIC_RELEASE); /* which vm_ahead reads */
        fresh->track = NULL;
    } else {
        track_count_sources(vm->track, fresh->track);
        track_renew(vm->track, vm->program, forward_renew_bind, (void *)(uintptr_t)r);
    }
    vm->in_turn = takes_turns(vm);
    if (vm->forward && vm->track) forward_attach(vm->forward, vm->track, vm->balance);
    if (!vm->forward && vm->track)
        track_on_unbound(vm->track, NULL, NULL); /* all of it was left out: no flow is bound */
    point_counters(vm);
    return 0;
}

bool vm_swapping(const struct vm *vm) { return vm->track && track_renews(vm->track); }

struct balance *vm_tables(const struct program *p, uint64_t seed, const struct vm_in *in)
{
    struct balance *b = balance_new(p, seed);
    if (b) balance_update(b, in->facts, in->mono_ns);
    return b;
}

void vm_take_tables(struct vm *vm, struct balance *tables) { balance_take(vm->balance, tables); }
void vm_tables_free(struct balance *tables) { balance_free(tables); }
uint64_t vm_tables_until(const struct balance *tables) { return balance_until(tables); }
bool vm_has_tables(const struct program *p) { return balance_has_tables(p); }

const struct vm_counters *vm_counters(const struct vm *vm) { return &vm->counters; }

/* Malformed ARP that no rule asks for is none of ours; cut short by the capture it is the same. */
static bool lets_pass(const struct program *p, const struct pkt *pkt, const struct key *key)
{
    bool arp = pkt->reason == REASON_SHORT_ARP || (pkt->reason == REASON_SNAPPED && key->kind & KIND_ARP);
    return arp && !(p->meta->flags & PBC_NAMES_ARP);
}

/* Function 0 over the packets of `todo`: several together as far as they may go so, then one after the other. */
static void decide_by_code(const struct program *p, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                           const struct effects *e, decided out[])
{
    struct ahead ahead;
    const bool together = columns_pay(p, todo);
    if (p->ahead_count) set_ahead(p, keys, todo);
    if (together) todo = columns_run(p, keys, pkts, todo, e, &ahead, out);
    run_code(p, 0, keys, pkts, todo, together ? &ahead : NULL, e, out);
}

/* The packets of `todo`, bit 0 being the batch's packet `first`. */
static void decide_rules(const struct job *j, unsigned first, const struct key keys[], struct pkt *const pkts[],
                         uint64_t todo, decided out[])
{
    const struct vm *vm = j->vm;
    const struct effects e = {.rules = vm->rules,
                              .tx = j->tx,
                              .input = j->input + first,
                              .meters = vm->meters,
                              .packet = vm->packets + first};
    if (!vm->cfg.naive) {
        decide_by_code(vm->program, keys, pkts, todo, &e, out);
        return;
    }
    for (; todo; todo &= todo - 1) {
        unsigned at = (unsigned)__builtin_ctzll(todo);
        out[at] = run_list(vm->program, &keys[at], pkts[at], at, &e, NULL, NULL, NULL);
    }
}

static void decide(const struct job *j, unsigned first, struct key keys[], struct pkt *const pkts[], uint64_t todo,
                   decided out[])
{
    const struct program *p = j->vm->program;
    if (p->services_count && facts_have_self(j->in->facts))
        for (uint64_t left = todo; left; left &= left - 1) key_settle(p, &keys[__builtin_ctzll(left)]);
    for (uint64_t left = j->vm->ways ? todo : 0; left; left &= left - 1)
        vm_settle_ways(j, &keys[__builtin_ctzll(left)], pkts[__builtin_ctzll(left)]);
    decide_rules(j, first, keys, pkts, todo, out);
}

static bool in_pieces(const struct pkt *pkt) { return pkt->flags & PKT_NOT_LINEAR; }

/* What is malformed, joined frames and fragments, which are judged one by one. */
static void judge_odd(const struct job *j, struct packet_ctx *c)
{
    if (c->pkt->reason == REASON_NONE && j->vm->in_turn) {
        judge_in_turn(j, c);
    } else if (c->pkt->reason == REASON_NONE) {
        decide(j, c->at, c->key, &c->pkt, 1, &c->decision);
        settle(j, c);
    } else if (lets_pass(j->vm->program, c->pkt, c->key)) {
        refuse(j->vm, c, ACTION_PASS, REASON_NONE);
    } else {
        refuse(j->vm, c, ACTION_DROP, c->pkt->reason);
    }
}

void judge_single(const struct job *j, struct packet_ctx *c)
{
    if (j->vm->fragments && is_fragment(c->key))
        fragments_judge(j, c, judge_odd);
    else
        judge_odd(j, c);
}

/* Headers lie past the head: copy the frame into a slot and judge the copy. (Patterns read segments where they lie.) */
static void judge_joined(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    struct packet_ctx joined;
    struct key key;
    struct pkt *copy = vm->cfg.pool ? pool_copy(vm->cfg.pool, c->pkt) : NULL;
    if (!copy) {
        refuse(vm, c, ACTION_DROP, REASON_NO_BUFFER);
        return;
    }
    vm->counters.linearised++;
    pkt_parse(copy, j->in->facts, &key);
    ctx_begin(&joined, c->at, copy, &key, c->v);
    judge_single(j, &joined);
    if (!joined.gone) pool_put(copy);
}

/* What is not in one piece, malformed, or a fragment of a datagram. */
static void judge_rest(const struct job *j, struct packet_ctx *c)
{
    if (in_pieces(c->pkt))
        judge_joined(j, c);
    else
        judge_single(j, c);
}

static uint64_t without_fragments(uint64_t todo, const struct key keys[])
{
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        if (is_fragment(&keys[at])) todo &= ~((uint64_t)1 << at);
    }
    return todo;
}

/* What is no plain verdict of the rules: of those outside `todo`, and of rejects. */
static __attribute__((noinline)) void run_rest(const struct job *j, unsigned at, struct pkt *pkt, bool judged,
                                               struct verdict *v)
{
    struct packet_ctx c;
    ctx_begin(&c, at, pkt, &j->vm->keys[at], v);
    if (judged)
        settle_answer(j, &c);
    else
        judge_rest(j, &c);
}

/* Without state all are judged first, but for fragments and frames in pieces. Then each in its turn, so that answers
 * leave in order. */
static void run_stateless(const struct job *j, struct pkt *const pkts[], unsigned n, uint64_t todo,
                          struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    decide(j, 0, vm->keys, pkts, todo, vm->decisions);
    for (unsigned i = 0; i < n; i++) {
        const bool judged = todo >> i & 1;
        if (__builtin_expect(judged, 1)) settle_counted(vm, pkts[i], vm->decisions[i], &verdicts[i]);
        if (__builtin_expect(!judged || verdicts[i].action == ACTION_REJECT, 0))
            run_rest(j, i, pkts[i], judged, &verdicts[i]);
    }
}

/* Are there packets to be judged outside `todo`: fragments, frames in pieces? */
static bool judges_rest(struct pkt *const pkts[], unsigned n, uint64_t todo)
{
    bool judged = false;
    for (uint64_t rest = ~todo & UINT64_MAX >> (VM_BATCH - n); rest; rest &= rest - 1) {
        const struct pkt *pkt = pkts[__builtin_ctzll(rest)];
        judged |= pkt->reason == REASON_NONE || in_pieces(pkt);
    }
    return judged;
}

static void spare_batch(const struct job *j, struct pkt *const pkts[], unsigned n, struct verdict verdicts[])
{
    struct packet_ctx c;
    for (unsigned i = 0; i < n; i++) {
        ctx_begin(&c, i, pkts[i], &j->vm->keys[i], &verdicts[i]);
        settle_spare(j->vm, &c, j->in->facts);
    }
}

static void run_batch(struct job *j, struct pkt *const pkts[], unsigned n, struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    uint32_t kinds;
    uint64_t todo = pkt_parse_all(pkts, n, j->in->facts, vm->keys, &kinds);
    if (vm->fragments && kinds & KIND_FRAGMENT) todo = without_fragments(todo, vm->keys);
    if (vm->in_turn || (vm->in_order && judges_rest(pkts, n, todo))) {
        for (unsigned i = 0; i < n; i++) ctx_begin(&vm->ctxs[i], i, pkts[i], &vm->keys[i], &verdicts[i]);
        run_in_turn(j, n, todo, judge_rest);
    } else {
        run_stateless(j, pkts, n, todo, verdicts);
    }
    if (__builtin_expect(j->in->facts && j->in->facts->bridges, 0)) spare_batch(j, pkts, n, verdicts);
    j->input += n;
    vm->packets += n;
}

/* tx: where ends of flows are told; NULL: none can end. */
static void see_time(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    if (in->mono_ns > vm->now_ns) vm->now_ns = in->mono_ns;
    meters_at(vm->meters, vm->now_ns);
    if (vm->track) track_at(vm->track, vm->now_ns, tx);
}

/* Before anything is judged. */
static void see_facts(struct vm *vm, const struct facts *facts)
{
    balance_update(vm->balance, facts, vm->now_ns);
    if (vm->forward) forward_facts(vm->forward, facts);
    if (vm->remember) remember_facts(vm->remember, facts);
}

static void leave_held(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    fragments_leave(&j, judge_odd);
    count_judged_drops(vm);
}

void vm_run(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct verdict verdicts[],
            struct vm_tx *tx)
{
    struct job j = {.vm = vm, .in = in, .tx = tx};
    see_time(vm, in, tx);
    see_facts(vm, in->facts);
    for (unsigned done = 0; done < n; done += VM_BATCH) {
        unsigned some = n - done < VM_BATCH ? n - done : VM_BATCH;
        run_batch(&j, pkts + done, some, verdicts + done);
    }
    count_judged_drops(vm);
    if (vm->fragments && !vm->ups) leave_held(vm, in, tx);
    if (vm->track) vm->counters.stacks_full = track_stacks_full(vm->track);
}

/* Flows whose server is down, or has not answered; the next deadline. */
static uint64_t end_down(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    const uint64_t next = forward_ask_again(&j);
    return forward_tick(&j) ? vm->now_ns : time_sooner(next, forward_drained_ns(vm->forward));
}

/* Ours, and in kernel mode the kernel's. */
static bool sweep_meters(const struct vm *vm)
{
    const struct vm_kernel *k = vm->cfg.kernel;
    const bool held = meters_sweep(vm->meters);
    return (k && k->sweep && k->sweep(k->arg, vm->now_ns)) || held;
}

uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    see_time(vm, in, tx);
    const uint64_t soon = time_after(vm->now_ns, SWEEP_NS);
    uint64_t next = sweep_meters(vm) ? soon : UINT64_MAX;
    if (vm->track) next = time_sooner(next, track_tick(vm->track));
    if (vm_swapping(vm)) {
        track_renew_some(vm->track, STEPS_A_TICK);
        next = vm->now_ns;
    }
    const unsigned clear = vm->cfg.live ? STEPS_A_TICK : CLEARED_A_TICK;
    if (vm->remember && remember_tick(vm->remember, vm->track, clear))
        next = time_sooner(next, vm->cfg.live ? vm->now_ns : soon);
    if (vm->forward) next = time_sooner(next, end_down(vm, in, tx));
    if (!vm->fragments) return next;
    see_facts(vm, in->facts);
    leave_held(vm, in, tx);
    return time_sooner(next, fragments_tick(vm->fragments, vm->now_ns));
}

bool vm_expire(struct vm *vm, const struct vm_in *in, struct vm_tx *tx, unsigned *part)
{
    see_time(vm, in, tx);
    return vm->track && track_expire(vm->track, part);
}

bool vm_flow_next(const struct vm *vm, uint32_t *at, struct flow_record *f)
{
    return vm->track && track_next(vm->track, at, f);
}

int vm_flow_near(const struct vm *vm, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f)
{
    return vm->track ? track_next_near(vm->track, at, groups, now_ns, f) : -1;
}

void vm_state(struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt)
{
    struct track_seen seen;
    see_time(vm, in, NULL);
    key->marks &= ~(uint32_t)MARK_STATES;
    if (vm->track) track_peek(vm->track, key, pkt, &seen);
}

bool vm_flow_of(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                struct flow_record *f)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (!vm->track) return false;
    track_peek(vm->track, &now, pkt, &seen);
    return track_tell(vm->track, &seen, f);
}

bool vm_follows(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (!vm->forward) return false;
    track_peek(vm->track, &now, pkt, &seen);
    return seen.class >= SEEN_REPLY || forward_proves(vm, &now, pkt, &seen);
}

struct decision vm_explain(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                           trace_fn *fn, void *arg)
{
    struct key now = *key;
    struct track_seen seen;
    see_time(vm, in, NULL);
    if (vm->track) track_peek(vm->track, &now, pkt, &seen);
    if (vm->cfg.kernel && vm->cfg.kernel->meters) vm->cfg.kernel->meters(vm->cfg.kernel->arg, vm->meters);
    const struct peek peek = {.meters = vm->meters, .track = vm->track, .seen = &seen};
    return decision_of(run_list(vm->program, &now, pkt, 0, NULL, &peek, fn, arg));
}

struct served vm_explain_service(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    struct served s = {.branch = PBC_NONE, .pool = PBC_NONE, .server = PBC_NONE};
    see_time(vm, in, NULL);
    see_facts(vm, in->facts);
    return vm->forward && forward_explain(vm, key, pkt, &s) ? s : vm_explain_new(vm, in, key, pkt);
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
    if (s.branch != PBC_NONE && vm->program->services[vm->program->branches[s.branch].service].proxy) return s;
    if (s.branch != PBC_NONE) s.pool = balance_pool(vm->balance, s.branch, key);
    if (s.pool != PBC_NONE) s.server = balance_explain(vm->balance, s.branch, key, s.how, sizeof s.how);
    return s;
}
