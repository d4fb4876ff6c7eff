/* A worker: parses packets in batches, has each judged, counts, logs and answers.
 *
 * The order in which a frame meets its fate (SEMANTICS.md): malformed ARP passes unless some rule names ARP; every other
 * malformed frame is dropped before any rule; the rest is judged. */
#include <stdlib.h>

#include "vm/answer.h"
#include "vm/exec_priv.h"
#include "vm/limit.h"

enum { PREFETCH_AHEAD = 16, PLAIN_HEADERS = 14 + 20 + 20 };

struct vm {
    struct program *program;
    struct vm_cfg cfg;
    uint64_t now_ns; /* latest seen */
    struct limit answers;
    struct vm_counters counters;
    struct counter *rules, *defaults; /* what counters points to */
};

/* One packet's way through vm_run. */
struct job {
    struct vm *vm;
    const struct vm_in *in;
    struct vm_tx *tx;
    uint32_t input; /* index in vm_run's pkts */
};

struct vm *vm_new(struct program *p, const struct vm_cfg *cfg)
{
    struct vm *vm = calloc(1, sizeof *vm);
    if (!vm) return NULL;
    vm->program = program_get(p);
    vm->cfg = *cfg;
    vm->rules = calloc((size_t)p->rules_count + 1, sizeof *vm->rules);
    vm->defaults = calloc((size_t)p->firewalls_count + 1, sizeof *vm->defaults);
    if (!vm->rules || !vm->defaults) {
        vm_free(vm);
        return NULL;
    }
    vm->counters.rules = vm->rules;
    vm->counters.defaults = vm->defaults;
    limit_init(&vm->answers, p->meta->rejects_per_s);
    return vm;
}

void vm_free(struct vm *vm)
{
    if (!vm) return;
    program_put(vm->program);
    free(vm->rules);
    free(vm->defaults);
    free(vm);
}

const struct vm_counters *vm_counters(const struct vm *vm) { return &vm->counters; }

static void add(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}

static void count_verdict(struct vm *vm, const struct verdict *v, uint32_t bytes)
{
    add(&vm->counters.verdicts[v->action], bytes);
    if (v->action == ACTION_DROP) add(&vm->counters.reasons[v->reason], bytes);
    if (v->rule < RULE_DEFAULT)
        add(&vm->rules[v->rule], bytes);
    else if (v->rule == RULE_DEFAULT)
        add(&vm->defaults[v->firewall], bytes);
}

/* The answer that a reject asks for, unless none is allowed, the limit is reached, or there is no room. */
static void answer(const struct job *j, const struct pkt *pkt, const struct key *key, const struct verdict *v)
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
        .input = j->input,
        .cookie = pkt->cookie,
    };
}

static decided decide(const struct job *j, const struct pkt *pkt, const struct key *key)
{
    const struct vm *vm = j->vm;
    const struct effects e = {.rules = vm->rules, .tx = j->tx, .bytes = pkt->wire_len, .input = j->input};
    if (vm->cfg.naive) return run_list(vm->program, key, pkt, &e, NULL, NULL);
    return run_code(vm->program, key, pkt, &e);
}

/* Malformed ARP that no rule asks for is none of ours; cut short by the capture it is the same. */
static bool lets_pass(const struct program *p, const struct pkt *pkt, const struct key *key)
{
    bool arp = pkt->reason == REASON_SHORT_ARP || (pkt->reason == REASON_SNAPPED && key->kind & KIND_ARP);
    return arp && !(p->meta->flags & PBC_NAMES_ARP);
}

static void refuse(struct verdict *v, enum action action, enum pkt_reason reason)
{
    *v = (struct verdict){.action = (uint8_t)action, .reason = (uint8_t)reason, .rule = RULE_NONE, .firewall = PBC_NONE,
                          .service = PBC_NONE, .server = PBC_NONE};
}

/* Judge a parsed packet that lies in one piece. */
static void judge(const struct job *j, const struct pkt *pkt, const struct key *key, struct verdict *v)
{
    struct vm *vm = j->vm;
    if (__builtin_expect(pkt->reason != REASON_NONE, 0)) {
        if (lets_pass(vm->program, pkt, key))
            refuse(v, ACTION_PASS, REASON_NONE);
        else
            refuse(v, ACTION_DROP, pkt->reason);
        return;
    }
    const decided d = decide(j, pkt, key);
    *v = (struct verdict){.action = (uint8_t)decided_action(d), .flags = pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM),
                          .rule = decided_rule(d), .firewall = decided_firewall(d), .service = PBC_NONE, .server = PBC_NONE};
    if (__builtin_expect(v->flags, 0)) {
        vm->counters.snapped += !!(v->flags & PKT_SNAPPED);
        vm->counters.bad_checksum += !!(v->flags & PKT_BAD_CSUM);
    }
    if (decided_action(d) == ACTION_REJECT) answer(j, pkt, key, v);
}

/* Headers lie past the head: copy the frame into a slot and judge the copy. (Patterns read segments where they lie.) */
static void judge_joined(const struct job *j, const struct pkt *pkt, struct verdict *v)
{
    struct vm *vm = j->vm;
    struct key key;
    struct pkt *copy = vm->cfg.pool ? pool_copy(vm->cfg.pool, pkt) : NULL;
    if (!copy) {
        refuse(v, ACTION_DROP, REASON_NO_BUFFER);
        return;
    }
    vm->counters.linearised++;
    pkt_parse(copy, j->in->facts, &key);
    judge(j, copy, &key, v);
    pool_put(copy);
}

/* The lines that hold a frame's headers are asked for some packets before it is parsed: the first, and where a plain TCP
 * header ends. (A macro: gcc takes a function that only prefetches for one without effect, and drops the call.) */
#define PREFETCH(pkt) (__builtin_prefetch((pkt)->data), __builtin_prefetch((pkt)->data + PLAIN_HEADERS))

static void run_batch(struct job *j, struct pkt *const pkts[], unsigned n, struct verdict verdicts[])
{
    struct key keys[VM_BATCH];
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++) PREFETCH(pkts[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n) PREFETCH(pkts[i + PREFETCH_AHEAD]);
        pkt_parse(pkts[i], j->in->facts, &keys[i]);
    }
    for (unsigned i = 0; i < n; i++, j->input++) {
        if (__builtin_expect(pkts[i]->flags & PKT_NOT_LINEAR, 0))
            judge_joined(j, pkts[i], &verdicts[i]);
        else
            judge(j, pkts[i], &keys[i], &verdicts[i]);
        count_verdict(j->vm, &verdicts[i], pkts[i]->wire_len);
    }
}

static void see_time(struct vm *vm, const struct vm_in *in)
{
    if (in->mono_ns > vm->now_ns) vm->now_ns = in->mono_ns;
}

void vm_run(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct verdict verdicts[],
            struct vm_tx *tx)
{
    struct job j = {.vm = vm, .in = in, .tx = tx};
    see_time(vm, in);
    for (unsigned done = 0; done < n; done += VM_BATCH) {
        unsigned some = n - done < VM_BATCH ? n - done : VM_BATCH;
        run_batch(&j, pkts + done, some, verdicts + done);
    }
}

uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    (void)tx; /* nothing that a program may state today waits for a time */
    see_time(vm, in);
    return UINT64_MAX;
}
