/* The way of a batch: packets are parsed, judged, counted, logged and answered. Also timers (vm.h).
 *
 * Order of the decisions about a frame (docs/semantics.md): malformed ARP passes unless a rule names ARP; every other
 * malformed frame is dropped before any rule; the rest is judged. */
#include "vm/context/context.h"
#include "vm/forward/forward.h"
#include "vm/forward/inline/inline.h"
#include "vm/forward/service.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/columns/columns.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"
#include "vm/worker/audit.h"
#include "vm/worker/cuts/cuts.h"
#include "vm/worker/holding/holding.h"
#include "vm/worker/mirrored.h"
#include "vm/worker/vm_priv.h"

enum { SWEEP_NS = 1000000000, STEPS_A_TICK = 128 /* live worker: 15 us if all miss the caches */ };
#define CUT_TICK_NS UINT64_C(20000000)
enum { CLEARED_A_TICK = 1 << 16 };

/* True for malformed ARP, or ARP cut short by the capture, if no rule names ARP. */
static bool lets_pass(const struct program *p, const struct pkt *pkt, const struct key *key)
{
    bool arp = pkt->reason == REASON_SHORT_ARP || (pkt->reason == REASON_SNAPPED && key->kind & KIND_ARP);
    return arp && !(p->meta->flags & PBC_NAMES_ARP);
}

/* True if no firewall judges in fact: all are in audit. */
static bool lets_all_by(const struct vm *vm) { return vm->audit && !vm->program->firewalls_count; }

/* Decide the packets of `todo`; bit 0 is packet `first` of the batch. */
static void decide_rules(const struct job *j, unsigned first, const struct key keys[], struct pkt *const pkts[],
                         uint64_t todo, decided out[])
{
    const struct vm *vm = j->vm;
    const struct effects e = {.rules = vm->rules,
                              .tx = j->tx,
                              .input = j->input + first,
                              .meters = vm->meters,
                              .copies = vm->cfg.copies,
                              .mirrored = vm->program->mirrors_count ? j->vm->mirrored + first : NULL,
                              .packet = vm->packets + first};
    if (lets_all_by(vm)) {
        for (; todo; todo &= todo - 1) {
            const unsigned at = (unsigned)__builtin_ctzll(todo);
            out[at] = decided_by_nobody(keys[at].kind & KIND_ARP ? ACTION_PASS : ACTION_ACCEPT);
        }
        return;
    }
    if (!vm->cfg.naive) {
        /* several together as far as possible, then one by one */
        struct ahead ahead;
        const bool together = columns_pay(vm->program, todo);
        if (vm->program->ahead_count) set_ahead(vm->program, keys, todo);
        if (together) todo = columns_run(vm->program, keys, pkts, todo, &e, &ahead, out);
        run_code(vm->program, 0, keys, pkts, todo, together ? &ahead : NULL, &e, out);
        return;
    }
    for (; todo; todo &= todo - 1) {
        unsigned at = (unsigned)__builtin_ctzll(todo);
        out[at] = run_list(vm->program, &keys[at], pkts[at], at, &e, NULL, NULL, NULL);
    }
}

/* Complete keys and packets with what the program determines: services and ways. */
static void keys_complete(const struct job *j, struct key keys[], struct pkt *const pkts[], uint64_t todo)
{
    const struct program *p = j->vm->program;
    if (p->services_count && facts_have_self(j->in->facts))
        for (uint64_t left = todo; left; left &= left - 1) key_settle(p, &keys[__builtin_ctzll(left)]);
    for (uint64_t left = j->vm->ways ? todo : 0; left; left &= left - 1)
        vm_settle_ways(j, &keys[__builtin_ctzll(left)], pkts[__builtin_ctzll(left)]);
}

static void complete_and_decide(const struct job *j, unsigned first, struct key keys[], struct pkt *const pkts[],
                                uint64_t todo, decided out[])
{
    keys_complete(j, keys, pkts, todo);
    decide_rules(j, first, keys, pkts, todo, out);
}

static bool in_pieces(const struct pkt *pkt) { return pkt->flags & PKT_NOT_LINEAR; }

/* Judge a malformed packet, a joined frame or a fragment by itself. */
static void judge_odd(const struct job *j, struct packet_ctx *c)
{
    if (c->pkt->reason == REASON_NONE && j->vm->in_turn) {
        judge_in_turn(j, c);
    } else if (c->pkt->reason == REASON_NONE) {
        complete_and_decide(j, c->at, c->key, &c->pkt, 1, &c->decision);
        if (j->vm->audit) audit_judge(j, c);
        settle(j, c);
        if (j->vm->audit && c->audited) audit_settle(j, c);
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

static void judge_rest(const struct job *j, struct packet_ctx *c)
{
    if (!in_pieces(c->pkt)) {
        judge_single(j, c);
        return;
    }
    /* A frame whose headers are past the head is copied into a slot, and the copy judged. (Patterns read segments in
     * place.) */
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

/* Return `todo` without the fragments. */
static uint64_t without_fragments(uint64_t todo, const struct key keys[])
{
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        if (is_fragment(&keys[at])) todo &= ~((uint64_t)1 << at);
    }
    return todo;
}

/* Judge a packet outside `todo`, or reply to a rejected one. */
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

/* Without state, judge all packets first, except fragments and frames in pieces. Then settle each in turn, so that
 * replies leave in order. */
static void run_stateless(const struct job *j, struct pkt *const pkts[], unsigned n, uint64_t todo,
                          struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    if (__builtin_expect(lets_all_by(vm), 0)) {
        keys_complete(j, vm->keys, pkts, todo);
        audit_decide(j, 0, vm->keys, pkts, todo, vm->woulds);
        audit_let_by(j, pkts, todo, verdicts);
        for (unsigned i = 0; i < n; i++)
            if (!(todo >> i & 1)) run_rest(j, i, pkts[i], false, &verdicts[i]);
        return;
    }
    complete_and_decide(j, 0, vm->keys, pkts, todo, vm->decisions);
    if (__builtin_expect(vm->audit != NULL, 0)) audit_decide(j, 0, vm->keys, pkts, todo, vm->woulds);
    for (unsigned i = 0; i < n; i++) {
        const bool judged = todo >> i & 1;
        if (__builtin_expect(judged, 1)) settle_counted(vm, pkts[i], vm->decisions[i], &verdicts[i]);
        if (__builtin_expect(!judged || verdicts[i].action == ACTION_REJECT, 0))
            run_rest(j, i, pkts[i], judged, &verdicts[i]);
    }
    if (__builtin_expect(vm->audit != NULL, 0)) audit_batch(j, pkts, todo, verdicts);
}

/* True if packets outside `todo` are judged: fragments, frames in pieces. */
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

/* Parse the packets of the batch that have no key yet, except those of `plain`. Return a bit for each that is well
 * formed. */
static uint64_t parse_others(const struct job *j, struct pkt *const pkts[], unsigned n, uint64_t plain, uint32_t *kinds)
{
    struct key *keys = j->vm->keys;
    const struct vm_parsed *parsed = j->in->parsed;
    uint64_t good = parsed ? parsed->good : plain;
    *kinds = parsed ? parsed->kinds : 0;
    if (!plain && !parsed) return pkt_parse_all(pkts, n, j->in->facts, keys, kinds);
    for (uint64_t left = (parsed ? parsed->plain : UINT64_MAX >> (VM_BATCH - n)) & ~plain; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        if (pkt_parse(pkts[i], j->in->facts, &keys[i]) == REASON_NONE) good |= left & -left;
        *kinds |= keys[i].kind;
    }
    return good;
}

static void run_batch(struct job *j, struct pkt *const pkts[], unsigned n, struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    uint32_t kinds;
    const unsigned before = j->tx->count;
    j->batch = n;
    mirrored_begin(vm, n);
    const uint64_t plain = look_plain(j, pkts, n);
    uint64_t todo = parse_others(j, pkts, n, plain, &kinds);
    if (vm->fragments && kinds & KIND_FRAGMENT) todo = without_fragments(todo, vm->keys);
    if (vm->in_turn || (vm->in_order && judges_rest(pkts, n, todo))) {
        run_in_turn(j, pkts, n, &(struct turns){todo, plain}, verdicts, judge_rest);
    } else {
        run_stateless(j, pkts, n, todo, verdicts);
    }
    if (__builtin_expect(j->in->facts && j->in->facts->bridges, 0)) spare_batch(j, pkts, n, verdicts);
    mirrored_end(j, pkts, n, before);
    j->input += n;
    vm->packets += n;
}

/* Judge a packet that an observe service releases, in a batch of one. */
static void judge_let(const struct job *j, struct packet_ctx *c)
{
    const unsigned before = j->tx->count;
    mirrored_begin(j->vm, 1);
    judge_unobserved(j, c);
    mirrored_held(j, c->pkt, before);
}

static void leave_held(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    if (vm->fragments) fragments_leave(&j, judge_odd);
    if (vm->observers && observers_cut_count(vm->observers)) holding_cuts(&j);
    if (vm->observers) holding_leave(&j, judge_let);
    count_judged_drops(vm);
}

/* True if packets may be held. */
static bool vm_holds(const struct vm *vm) { return vm->fragments || vm->observers; }

struct key *vm_keys(struct vm *vm) { return vm->keys; }

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
    if (vm_holds(vm) && !vm->ups) leave_held(vm, in, tx);
    if (vm->track) vm->counters.stacks_full = track_stacks_full(vm->track);
}

/* Sweep the worker's meters and, in kernel mode, the kernel's. True while any holds entries. */
static bool sweep_meters(const struct vm *vm)
{
    const struct vm_kernel *k = vm->cfg.kernel;
    const bool held = meters_sweep(vm->meters), noted = vm->audit && audit_sweep(vm->audit);
    return (k && k->sweep && k->sweep(k->arg, vm->now_ns)) || held || noted;
}

uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    const unsigned before = tx->count;
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
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    if (cuts_tick(&j)) next = vm->now_ns;
    if (vm->forward) {
        /* flows whose server is down or has not answered */
        const uint64_t asks = forward_ask_again(&j);
        next = time_sooner(next, forward_tick(&j) ? vm->now_ns : time_sooner(asks, forward_drained_ns(vm->forward)));
    }
    const unsigned shown = tx->count;
    if (vm->inlines) next = time_sooner(next, inline_tick(&j));
    if (vm->inlines && vm->observers) show_inline(&j, shown); /* packets to clients of inline connections */
    if (vm->observers) next = time_sooner(next, observers_tick(vm->observers, vm->now_ns));
    mirrored_none(vm, tx, before);
    if (!vm_holds(vm)) return next;
    see_facts(vm, in->facts);
    leave_held(vm, in, tx);
    if (vm->fragments) next = time_sooner(next, fragments_tick(vm->fragments, vm->now_ns));
    if (vm->observers && observers_cut_count(vm->observers))
        next = time_sooner(next, time_after(vm->now_ns, CUT_TICK_NS));
    return vm->observers && observers_ready(vm->observers) ? vm->now_ns : next;
}

void vm_inline_sent(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct vm_tx *tx)
{
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    see_time(vm, in, tx);
    const unsigned before = tx->count;
    for (unsigned i = 0; vm->inlines && i < n; i++) inline_sent(&j, pkts[i]);
    if (vm->observers) show_inline(&j, before);
    mirrored_none(vm, tx, before);
    if (vm->observers && observers_cut_count(vm->observers)) leave_held(vm, in, tx);
}

bool vm_inline_open(const struct vm *vm, uint32_t number, struct inline_open *o)
{
    return vm->inlines && inlines_tell(vm->inlines, number, o);
}

uint32_t vm_inline_former(struct vm *vm) { return vm->inlines ? inlines_former(vm->inlines) : 0; }

void vm_inline_leave_kernel(struct vm *vm)
{
    if (vm->inlines) inlines_leave_kernel(vm->inlines);
}

bool vm_inline_of(const struct vm *vm, const struct key *key, const struct pkt *pkt, struct inline_goes *goes)
{
    return vm->inlines && inline_goes_on(vm->inlines, key, pkt, goes);
}

void vm_inline_ask(struct vm *vm, const struct vm_in *in, const struct inline_ask *ask, struct vm_tx *tx)
{
    const struct job j = {.vm = vm, .in = in, .tx = tx, .input = INPUT_NONE};
    see_time(vm, in, tx);
    const unsigned before = tx->count;
    if (vm->inlines) inline_asked(&j, ask);
    if (vm->observers) show_inline(&j, before);
    mirrored_none(vm, tx, before);
}

void vm_sent(struct vm *vm)
{
    if (vm->inlines) inlines_sent(vm->inlines);
}

bool vm_inline_told(struct vm *vm, struct inline_told *told) { return vm->inlines && inlines_told(vm->inlines, told); }

size_t vm_inline_bytes(void) { return inlines_bytes(); }

bool vm_expire(struct vm *vm, const struct vm_in *in, struct vm_tx *tx, unsigned *part)
{
    see_time(vm, in, tx);
    return vm->track && track_expire(vm->track, part);
}
