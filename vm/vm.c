/* A worker: parses packets in batches, has each judged, counts, logs and answers.
 *
 * The order in which a frame meets its fate (SEMANTICS.md): malformed ARP passes unless some rule names ARP; every
 * other malformed frame is dropped before any rule; the rest is judged. */
#include <stdlib.h>
#include <string.h>

#include "vm/answer.h"
#include "vm/exec_priv.h"
#include "vm/limit.h"
#include "vm/proto/sides.h"
#include "vm/service.h"

enum { PREFETCH_AHEAD = 16, PLAIN_HEADERS = 14 + 20 + 20, SWEEP_NS = 1000000000 };

struct vm {
    struct program *program;
    struct vm_cfg cfg;
    uint64_t now_ns; /* latest seen */
    struct limit answers;
    struct meters *meters;
    uint64_t packets; /* judged before the batch at hand */
    struct vm_counters counters;
    struct counter refused;    /* dropped without being judged */
    struct key keys[VM_BATCH]; /* of the batch that is being judged */
    decided decisions[VM_BATCH];
    uint32_t branches[VM_BATCH]; /* branch of a service + 1, 0: none takes the packet */
    struct balance *balance;
    struct counter *served; /* one a service, one a service without a server, one a server: counters points into it */
    struct counter *rules; /* one a rule, one for "nobody", one a firewall's default: counters points into it */
};

/* One batch's way through vm_run. */
struct job {
    struct vm *vm;
    const struct vm_in *in;
    struct vm_tx *tx;
    uint32_t input; /* index in vm_run's pkts of the batch's first */
};

struct vm *vm_new(struct program *p, const struct vm_cfg *cfg)
{
    struct vm *vm = aligned_alloc(_Alignof(struct vm), sizeof *vm);
    if (!vm) return NULL;
    memset(vm, 0, sizeof *vm);
    vm->program = program_get(p);
    vm->cfg = *cfg;
    vm->rules = calloc((size_t)p->rules_count + 1 + p->firewalls_count, sizeof *vm->rules);
    vm->meters = meters_new(p, cfg->seed);
    vm->served = calloc(2 * (size_t)p->services_count + p->servers_count + 1, sizeof *vm->served);
    vm->balance = balance_new(p, cfg->seed);
    if (!vm->rules || !vm->meters || !vm->served || !vm->balance) {
        vm_free(vm);
        return NULL;
    }
    vm->counters.rules = vm->rules;
    vm->counters.defaults = vm->rules + p->rules_count + 1;
    vm->counters.meters = meters_counters(vm->meters);
    vm->counters.services = vm->served;
    vm->counters.unserved = vm->served + p->services_count;
    vm->counters.servers = vm->served + 2 * (size_t)p->services_count;
    limit_init(&vm->answers, p->meta->rejects_per_s);
    return vm;
}

void vm_free(struct vm *vm)
{
    if (!vm) return;
    balance_free(vm->balance);
    program_put(vm->program);
    meters_free(vm->meters);
    free(vm->served);
    free(vm->rules);
    free(vm);
}

const struct vm_counters *vm_counters(const struct vm *vm) { return &vm->counters; }

static void add(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}

/* Rules, "nobody" and the firewalls' defaults count in one row, so that no branch has to tell them apart. */
static struct counter *decider(const struct vm *vm, decided d)
{
    uint32_t rule = decided_rule(d), after = vm->program->rules_count + decided_firewall(d) + 1;
    return &vm->rules[rule < RULE_DEFAULT ? rule : after];
}

/* The answer that a reject asks for, unless none is allowed, the limit is reached, or there is no room. Kept out of
 * settle, whose other ways need no registers of the caller's. */
__attribute__((noinline)) static void answer(const struct job *j, unsigned at, const struct pkt *pkt,
                                             const struct key *key, const struct verdict *v)
{
    struct vm *vm = j->vm;
    struct vm_tx *tx = j->tx;
    enum pbc_answer kind = v->rule < RULE_DEFAULT ? vm->program->rules[v->rule].answer : PBC_ANSWER_DEFAULT;
    enum answer_form form = answer_form(pkt, key, kind);
    if (form == ANSWER_NONE) return;
    if (!limit_take(&vm->answers, vm->now_ns)) {
        vm->counters.answers_limited++;
        return;
    }
    bool room = tx->count < tx->cap && vm->cfg.pool;
    struct pkt *out = room ? answer_build(pkt, key, form, vm->cfg.pool) : NULL;
    if (!out) {
        vm->counters.answers_no_buffer++;
        return;
    }
    vm->counters.answers++;
    tx->entries[tx->count++] = (struct tx_entry){
        .pkt = out,
        .kind = TX_SEND,
        .cause = form == ANSWER_RST ? TX_CAUSE_RST : TX_CAUSE_UNREACHABLE,
        .out_if = IFACE_NONE,
        .input = j->input + at,
        .cookie = pkt->cookie,
    };
}

/* Malformed ARP that no rule asks for is none of ours; cut short by the capture it is the same. */
static bool lets_pass(const struct program *p, const struct pkt *pkt, const struct key *key)
{
    bool arp = pkt->reason == REASON_SHORT_ARP || (pkt->reason == REASON_SNAPPED && key->kind & KIND_ARP);
    return arp && !(p->meta->flags & PBC_NAMES_ARP);
}

/* A verdict without a judgement. */
static void refuse(struct vm *vm, struct verdict *v, enum action action, enum pkt_reason reason, uint32_t bytes)
{
    *v = (struct verdict){.action = (uint8_t)action,
                          .reason = (uint8_t)reason,
                          .rule = RULE_NONE,
                          .firewall = PBC_NONE,
                          .service = PBC_NONE,
                          .server = PBC_NONE};
    add(&vm->counters.verdicts[action], bytes);
    if (action != ACTION_DROP) return;
    add(&vm->counters.reasons[reason], bytes);
    add(&vm->refused, bytes);
}

static void notice(struct vm *vm, unsigned flags)
{
    vm->counters.snapped += !!(flags & PKT_SNAPPED);
    vm->counters.bad_checksum += !!(flags & PKT_BAD_CSUM);
}

/* What a service does with a packet for which its pool has no server. */
static void without_server(struct vm *vm, const struct pbc_service *s, uint32_t bytes, struct verdict *v)
{
    static const uint8_t actions[] = {
        [PBC_NO_SERVER_RESET] = ACTION_REJECT, [PBC_NO_SERVER_DROP] = ACTION_DROP, [PBC_NO_SERVER_PASS] = ACTION_ACCEPT,
    };
    v->action = actions[s->no_server];
    add(&vm->served[vm->program->services_count + v->service], bytes);
    if (v->action == ACTION_ACCEPT) return;
    v->reason = REASON_NO_SERVER;
    if (v->action != ACTION_DROP) return;
    add(&vm->counters.reasons[REASON_NO_SERVER], bytes);
    add(&vm->refused, bytes);
}

/* A service takes an accepted packet. Apart, for programs without services. */
static __attribute__((noinline)) void serve(struct vm *vm, const struct pkt *pkt, const struct key *key,
                                            uint32_t branch, struct verdict *v)
{
    const struct program *p = vm->program;
    const struct pick pick = balance_pick(vm->balance, branch, key);
    v->service = p->branches[branch].service;
    v->server = pick.server;
    add(&vm->served[v->service], pkt->wire_len);
    if (pick.server == PBC_NONE) {
        without_server(vm, &p->services[v->service], pkt->wire_len, v);
        return;
    }
    v->action = ACTION_FORWARD;
    add(&vm->served[2 * (size_t)p->services_count + pick.server], pkt->wire_len);
}

/* What was decided becomes the verdict, is counted, and answered where it is a reject. branch: of a service, + 1. */
static inline void settle(const struct job *j, unsigned at, const struct pkt *pkt, const struct key *key, decided d,
                          uint32_t branch, struct verdict *v)
{
    struct vm *vm = j->vm;
    unsigned flags = pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM);
    *v = (struct verdict){.action = (uint8_t)decided_action(d),
                          .flags = (uint8_t)flags,
                          .rule = decided_rule(d),
                          .firewall = decided_firewall(d),
                          .service = PBC_NONE,
                          .server = PBC_NONE};
    if (__builtin_expect(branch, 0)) serve(vm, pkt, key, branch - 1, v);
    add(&vm->counters.verdicts[v->action], pkt->wire_len);
    add(decider(vm, d), pkt->wire_len);
    if (__builtin_expect(flags, 0)) notice(vm, flags);
    if (v->action == ACTION_REJECT) answer(j, at, pkt, key, v);
}

/* The branches of services that take packets of the batch which were accepted. */
static __attribute__((noinline)) void find_branches(const struct vm *vm, const struct key keys[],
                                                    struct pkt *const pkts[], uint64_t todo, const decided decisions[],
                                                    uint32_t branches[])
{
    const struct program *p = vm->program;
    uint64_t accepted = 0;
    for (uint64_t left = todo; left; left &= left - 1) {
        unsigned at = (unsigned)__builtin_ctzll(left);
        branches[at] = 0;
        accepted |= (uint64_t)(decided_action(decisions[at]) == ACTION_ACCEPT) << at;
    }
    if (vm->cfg.naive) {
        for (; accepted; accepted &= accepted - 1) {
            unsigned at = (unsigned)__builtin_ctzll(accepted);
            branches[at] = service_branch(p, &keys[at], pkts[at]) + 1;
        }
        return;
    }
    decided taken[VM_BATCH];
    run_code(p, p->meta->services, keys, pkts, accepted, NULL, taken);
    for (; accepted; accepted &= accepted - 1) {
        unsigned at = (unsigned)__builtin_ctzll(accepted);
        branches[at] = decided_action(taken[at]) == ACTION_FORWARD ? decided_rule(taken[at]) + 1 : 0;
    }
}

/* The packets of `todo`, bit 0 being the batch's packet `first`. */
static void decide_rules(const struct job *j, unsigned first, const struct key keys[], struct pkt *const pkts[],
                         uint64_t todo, decided out[])
{
    const struct vm *vm = j->vm;
    const struct effects e = {.rules = vm->rules, .tx = j->tx, .input = j->input + first, .meters = vm->meters,
                              .packet = vm->packets + first};
    if (!vm->cfg.naive) {
        if (vm->program->ahead_count) set_ahead(vm->program, keys, todo);
        run_code(vm->program, 0, keys, pkts, todo, &e, out);
        return;
    }
    for (; todo; todo &= todo - 1) {
        unsigned at = (unsigned)__builtin_ctzll(todo);
        out[at] = run_list(vm->program, &keys[at], pkts[at], at, &e, NULL, NULL, NULL);
    }
}

static void decide(const struct job *j, unsigned first, struct key keys[], struct pkt *const pkts[], uint64_t todo,
                   decided out[], uint32_t branches[])
{
    const struct program *p = j->vm->program;
    if (p->services_count && facts_have_self(j->in->facts))
        for (uint64_t left = todo; left; left &= left - 1) key_settle(p, &keys[__builtin_ctzll(left)]);
    decide_rules(j, first, keys, pkts, todo, out);
    if (p->services_count) find_branches(j->vm, keys, pkts, todo, out, branches);
}

static bool in_pieces(const struct pkt *pkt) { return pkt->flags & PKT_NOT_LINEAR; }

/* What is malformed, and joined frames, which are judged one by one. */
static void judge_odd(const struct job *j, unsigned at, struct pkt *pkt, struct key *key, struct verdict *v)
{
    decided d;
    uint32_t branch = 0;
    if (pkt->reason == REASON_NONE) {
        decide(j, at, key, &pkt, 1, &d, &branch);
        settle(j, at, pkt, key, d, branch, v);
    } else if (lets_pass(j->vm->program, pkt, key)) {
        refuse(j->vm, v, ACTION_PASS, REASON_NONE, pkt->wire_len);
    } else {
        refuse(j->vm, v, ACTION_DROP, pkt->reason, pkt->wire_len);
    }
}

/* Headers lie past the head: copy the frame into a slot and judge the copy. (Patterns read segments where they lie.) */
static void judge_joined(const struct job *j, unsigned at, const struct pkt *pkt, struct verdict *v)
{
    struct vm *vm = j->vm;
    struct key key;
    struct pkt *copy = vm->cfg.pool ? pool_copy(vm->cfg.pool, pkt) : NULL;
    if (!copy) {
        refuse(vm, v, ACTION_DROP, REASON_NO_BUFFER, pkt->wire_len);
        return;
    }
    vm->counters.linearised++;
    pkt_parse(copy, j->in->facts, &key);
    judge_odd(j, at, copy, &key, v);
    pool_put(copy);
}

/* The lines that hold a frame's headers are asked for some packets before it is parsed: the first, and where a plain
 * TCP header ends. (A macro: gcc takes a function that only prefetches for one without effect, and drops the call.) */
#define PREFETCH(pkt) (__builtin_prefetch((pkt)->data), __builtin_prefetch((pkt)->data + PLAIN_HEADERS))

/* Parse a batch; a bit for each packet that is well formed and in one piece. */
static uint64_t parse_batch(const struct facts *facts, struct pkt *const pkts[], unsigned n, struct key keys[])
{
    uint64_t todo = 0;
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++) PREFETCH(pkts[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n) PREFETCH(pkts[i + PREFETCH_AHEAD]);
        bool good = pkt_parse(pkts[i], facts, &keys[i]) == REASON_NONE && !in_pieces(pkts[i]);
        todo |= (uint64_t)good << i;
    }
    return todo;
}

/* Each packet in its turn, so that answers leave in order. */
static void run_batch(struct job *j, struct pkt *const pkts[], unsigned n, struct verdict verdicts[])
{
    struct key *keys = j->vm->keys;
    decided *decisions = j->vm->decisions;
    uint64_t todo = parse_batch(j->in->facts, pkts, n, keys);
    decide(j, 0, keys, pkts, todo, decisions, j->vm->branches);
    for (unsigned i = 0; i < n; i++) {
        if (__builtin_expect(todo >> i & 1, 1))
            settle(j, i, pkts[i], &keys[i], decisions[i], j->vm->branches[i], &verdicts[i]);
        else if (in_pieces(pkts[i]))
            judge_joined(j, i, pkts[i], &verdicts[i]);
        else
            judge_odd(j, i, pkts[i], &keys[i], &verdicts[i]);
    }
    j->input += n;
    j->vm->packets += n;
}

/* A drop that was judged has no reason of its own: they are what is left. So no packet pays for telling them apart. */
static void count_judged_drops(struct vm *vm)
{
    const struct counter *drops = &vm->counters.verdicts[ACTION_DROP], *refused = &vm->refused;
    vm->counters.reasons[REASON_NONE] =
        (struct counter){drops->packets - refused->packets, drops->bytes - refused->bytes};
}

static void see_time(struct vm *vm, const struct vm_in *in)
{
    if (in->mono_ns > vm->now_ns) vm->now_ns = in->mono_ns;
    meters_at(vm->meters, vm->now_ns);
}

void vm_run(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct verdict verdicts[],
            struct vm_tx *tx)
{
    struct job j = {.vm = vm, .in = in, .tx = tx};
    see_time(vm, in);
    balance_update(vm->balance, in->facts);
    for (unsigned done = 0; done < n; done += VM_BATCH) {
        unsigned some = n - done < VM_BATCH ? n - done : VM_BATCH;
        run_batch(&j, pkts + done, some, verdicts + done);
    }
    count_judged_drops(vm);
}

uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    (void)tx; /* nothing that a program may state today sends at a time */
    see_time(vm, in);
    return meters_sweep(vm->meters) ? vm->now_ns + SWEEP_NS : UINT64_MAX;
}

void vm_state(struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt)
{
    (void)pkt; /* no program keeps flows, and without them a packet has no state */
    see_time(vm, in);
    key->marks &= ~(uint32_t)MARK_STATES;
}

struct decision vm_explain(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                           trace_fn *fn, void *arg)
{
    see_time(vm, in);
    const struct peek peek = {.meters = vm->meters};
    return decision_of(run_list(vm->program, key, pkt, 0, NULL, &peek, fn, arg));
}

struct served vm_explain_service(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt)
{
    struct served s = {.branch = service_branch(vm->program, key, pkt), .pool = PBC_NONE};
    balance_update(vm->balance, in->facts);
    if (s.branch == PBC_NONE) return s;
    s.pool = balance_pool(vm->balance, s.branch, key);
    if (s.pool != PBC_NONE) balance_explain(vm->balance, s.branch, key, s.how, sizeof s.how);
    return s;
}
