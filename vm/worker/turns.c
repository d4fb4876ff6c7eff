/* Judging one packet after the other. With state, the value of `state` for a packet depends on the verdicts before
 * it; with tunnels, one packet may be judged twice. Only memory is prefetched a batch at a time. Results don't
 * depend on where batches end. */
#include "vm/context/answered.h"
#include "vm/flow/inquiry.h"
#include "vm/flow/track/met.h"
#include "vm/flow/track/straight.h"
#include "vm/forward/edges.h"
#include "vm/forward/forward.h"
#include "vm/forward/inline/inline.h"
#include "vm/forward/ordinary.h"
#include "vm/forward/service.h"
#include "vm/forward/vips.h"
#include "vm/judge/answers/answers.h"
#include "vm/packet/parse/plain.h"
#include "vm/packet/parse/read.h"
#include "vm/worker/audit.h"
#include "vm/worker/cuts/cuts.h"
#include "vm/worker/holding/holding.h"
#include "vm/worker/inner.h"
#include "vm/worker/vm_priv.h"

/* Return the kernel's decision: the one that came up with the packet, else that of the kernel's judge. */
static __attribute__((noinline)) decided decide_there(const struct job *j, struct packet_ctx *c,
                                                      const struct effects *e)
{
    const struct vm *vm = j->vm;
    const struct vm_up *up = vm_came_up(j, c);
    const bool judged = up && up->judged;
    uint64_t mirrors = judged ? up->mirrors : 0;
    const decided d = judged ? up->decision : vm->cfg.kernel->judge(vm->cfg.kernel->arg, c->key, c->pkt, e, &mirrors);
    if (mirrors) effect_mirrors(e, vm->program, mirrors, c->pkt);
    return d;
}

/* Return the rules' decision about one packet. */
static decided decide_one(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    decided d;
    if (vm->ways) vm_settle_ways(j, c->key, c->pkt);
    if (vm->audit && !vm->program->firewalls_count && !vm->cfg.kernel)
        return decided_by_nobody(c->key->kind & KIND_ARP ? ACTION_PASS : ACTION_ACCEPT);
    const struct effects e = effects_of(j, c);
    if (__builtin_expect(vm->cfg.kernel != NULL, 0)) return decide_there(j, c, &e);
    if (vm->cfg.naive) return run_list(vm->program, c->key, c->pkt, 0, &e, NULL, NULL, NULL);
    run_code(vm->program, 0, c->key, &c->pkt, 1, NULL, &e, &d);
    return d;
}

/* The same as judge_one, also without `audit`. Both decisions are remembered together, for flows that audit would
 * not change. */
static __attribute__((noinline)) decided judge_audited(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    const enum flow_dir dir = (enum flow_dir)c->seen.dir;
    struct flow *flow = vm->remember ? track_flow(vm->track, &c->seen) : NULL;
    const bool same = flow && !(flow->would & FLOW_WOULD_STATE);
    const struct remembered_pair *pair = same ? remember_find_both(vm->remember, flow, dir, c->key, c->pkt) : NULL;
    if (pair) {
        vm->counters.remembered++;
        audit_recall(j, c, flow, pair);
        return pair->d;
    }
    c->decision = decide_one(j, c);
    audit_judge(j, c);
    if (same) {
        const struct remembered_pair now = {c->decision, c->would, c->audited};
        remember_add_both(vm->remember, flow, dir, c->key, c->pkt, &now);
    }
    return c->decision;
}

/* Return the remembered decision of the packet's flow, or the rules' decision. */
static decided judge_one(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    if (vm->audit) return judge_audited(j, c);
    if (!vm->remember) return decide_one(j, c);
    const enum flow_dir dir = (enum flow_dir)c->seen.dir;
    struct flow *flow = track_flow(vm->track, &c->seen);
    decided d;
    if (remember_find(vm->remember, flow, dir, c->key, c->pkt, &d)) {
        vm->counters.remembered++;
        return d;
    }
    d = decide_one(j, c);
    remember_add(vm->remember, flow, dir, c->key, c->pkt, d);
    return d;
}

static bool is_to_stations(const struct job *j, const struct packet_ctx *c)
{
    return edge_to_stations(j->in->facts, c->pkt, c->key);
}

/* Judge the packet by the rules. False: its verdict is final, because they did not accept it, it was opened as a
 * tunnel, or it proved a cookie, whose SYN they had accepted. */
static bool let_in(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    if (vm->forward && !c->ordinary && !is_to_stations(j, c) && forward_prove(j, c)) return false;
    c->decision = judge_one(j, c);
    if (vm->opens && inner_asked(vm->program, c->decision)) {
        inner_judge(j, c);
        return false;
    }
    if (decided_action(c->decision) == ACTION_ACCEPT) return true;
    settle(j, c);
    if (vm->vips && vips_asked(c->key)) vips_answer(j, c);
    return false;
}

/* Settle a packet that goes on unchanged. A reply to a future address of this machine is not forwarded: the asker
 * receives it at the interface. */
static void packet_keep(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    settle(j, c);
    if (vm->forward && forward_is_hosts(j, c)) c->v->flags |= VERDICT_HOSTS;
    if (vm->track && !(vm->forward && forward_leads_nowhere(j, c))) track_accept(vm->track, c->key, c->pkt, &c->seen);
    if (vm->track && track_answers(&c->seen)) c->v->done |= inquiry_is_elsewhere(c->key);
    if (vm->vips && vips_asked(c->key)) vips_answer(j, c);
}

/* Find an inquiry of this machine. If its sender is unknown, replies to it count as this machine's. */
static __attribute__((noinline)) void look_at_inquiry(const struct job *j, struct packet_ctx *c)
{
    if (inquiry_settle(j->in->facts, c->key, c->pkt) == INQUIRY_UNKNOWN) track_inquire(j->vm->track, c->key, c->pkt);
}

/* Ask the routes what a reply in a flow that is sent on proves (vm/flow/README.md, What makes way). */
static __attribute__((noinline)) void look_at_back(const struct job *j, struct packet_ctx *c)
{
    c->seen.back = (uint8_t)ways_reply(j->in->facts, c->key, c->pkt);
    if (c->seen.back != SOURCE_UNKNOWN) track_say(j->vm->track, c->key, c->pkt, &c->seen);
}

/* Look up the packet's flow, unless the express way has done it. */
static enum seen_class packet_look(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    if (!vm->track) return SEEN_NONE;
    if (__builtin_expect(inquiry_may_be(c->key), 0)) look_at_inquiry(j, c);
    if (!c->ordinary) {
        track_look(vm->track, c->key, c->pkt, &c->seen);
        if (__builtin_expect(c->seen.proves, 0) && c->seen.class == SEEN_REPLY) look_at_back(j, c);
    }
    return vm->forward ? (enum seen_class)c->seen.class : SEEN_NONE;
}

/* Judge one well-formed packet that does not leave by the express way unjudged, after the batch's look-ups. Its
 * class in the flow table decides how it is sent on. */
static __attribute__((noinline)) void take_turn(const struct job *j, struct packet_ctx *c)
{
    bool sent = false;
    switch (packet_look(j, c)) {
    case SEEN_REPLY:
        if (j->vm->audit) audit_unjudged(j, c);
        forward_reply(j, c);
        return;
    case SEEN_ERROR:
        if (j->vm->audit) audit_unjudged(j, c);
        forward_error(j, c);
        return;
    case SEEN_ORIGINAL:
        if (!let_in(j, c)) return;
        sent = (c->ordinary && forward_express_judged(j, c)) || forward_on(j, c);
        break;
    case SEEN_UNBOUND:
        if (!let_in(j, c)) return;
        sent = forward_other(j, c);
        break;
    case SEEN_NEW:
    case SEEN_NONE:
        if (!let_in(j, c)) return;
        sent = j->vm->forward && !track_answers(&c->seen) && forward_first(j, c);
        break;
    }
    if (!sent) packet_keep(j, c);
}

static void packet_take(const struct job *j, struct packet_ctx *c)
{
    if (__builtin_expect(j->vm->inlines != NULL, 0) && !is_to_stations(j, c) && inline_wire(j, c)) return;
    const enum express_way way = j->vm->forward ? forward_express(j, c) : EXPRESS_WAY_NOT;
    if (way == EXPRESS_WAY_LEFT) return;
    c->ordinary = way == EXPRESS_WAY_JUDGE;
    take_turn(j, c);
}

/* Take the packet, and record its findings, and whether other packets have changed its flow in between. */
static __attribute__((noinline)) void take_noted(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    struct track_seen met;
    struct flow_met *m = &vm->mets[j->input + c->at];
    track_met(vm->track, c->key, c->pkt, &met, m);
    packet_take(j, c);
    if (met.mark != c->seen.mark || met.class != c->seen.class) m->has |= MET_CHANGED;
}

static inline void packet_judge(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    if (__builtin_expect(vm->ups && vm->mets && vm->track && !j->outer_bytes && j->input != INPUT_NONE, 0))
        take_noted(j, c);
    else
        packet_take(j, c);
    if (__builtin_expect(c->audited, 0)) audit_settle(j, c);
}

/* Judge the packet, and show it to the observers. */
static __attribute__((noinline)) void take_observed(const struct job *j, struct packet_ctx *c)
{
    struct observe_packet s;
    const unsigned before = j->tx->count;
    const bool shown = j->vm->ups && !j->outer_bytes && j->input != INPUT_NONE && j->vm->ups[j->input + c->at].shown;
    struct fragment later;
    const bool follows = !shown && show_reads_later(j, c, &later);
    bool read = !shown && show_read(j, c, &s);
    if (read && holding_take(j, c, &s, show_came_ns(j, c), &read)) return;
    packet_judge(j, c);
    if (read) show_packet(j, c, &s, before);
    if (follows) show_later(j, c, &later);
    if (j->vm->inlines) show_inline(j, before);
}

static void packet_turn(const struct job *j, struct packet_ctx *c)
{
    if (__builtin_expect(j->vm->observers != NULL, 0))
        take_observed(j, c);
    else
        packet_judge(j, c);
}

static inline void turn_take(const struct job *j, struct packet_ctx *c)
{
    if (__builtin_expect(j->vm->takes_answers, 0) && answers_may(c->key))
        answered_take(j, c, packet_turn);
    else
        packet_turn(j, c);
    if (__builtin_expect(j->vm->due.count, 0)) adds_settle(j);
}

/* Complete a key with what the program determines: services. */
static inline void settle_key(const struct job *j, struct key *key)
{
    if (j->vm->program->services_count && facts_have_self(j->in->facts)) key_settle(j->vm->program, key);
}

/* Prefetch the headroom for a tunnel's header of that kind of recipe. */
static inline void ask_front(const struct pkt *pkt, uint8_t kind)
{
    const uint32_t front = recipe_overhead(kind);
    if (front && front <= pkt->headroom) __builtin_prefetch(pkt->data - front, 1);
}

/* Do the look-ups that are independent of judging, for the packets of `todo`; bit 0 is ctxs[0]. Their memory is
 * prefetched in steps, all packets per step: tags of the flow table, then slots, then bindings. studied: packets
 * that need only the last step. */
static void look_ahead(const struct job *j, struct packet_ctx ctxs[], uint64_t todo, uint64_t studied)
{
    const struct vm *vm = j->vm;
    for (uint64_t left = todo; left; left &= left - 1) settle_key(j, ctxs[__builtin_ctzll(left)].key);
    if (!vm->track) return;
    for (uint64_t left = todo & ~studied; left; left &= left - 1) {
        struct packet_ctx *c = &ctxs[__builtin_ctzll(left)];
        track_study(vm->track, c->key, c->pkt, &c->seen);
    }
    for (uint64_t left = todo & ~studied; left; left &= left - 1)
        track_ask(vm->track, &ctxs[__builtin_ctzll(left)].seen);
    for (uint64_t left = vm->forward ? todo : 0; left; left &= left - 1) {
        const struct packet_ctx *c = &ctxs[__builtin_ctzll(left)];
        ask_front(c->pkt, track_ask_bind(vm->track, &c->seen));
    }
}

void judge_in_turn(const struct job *j, struct packet_ctx *c)
{
    look_ahead(j, c, 1, 0);
    turn_take(j, c);
}

void judge_unobserved(const struct job *j, struct packet_ctx *c)
{
    look_ahead(j, c, 1, 0);
    packet_judge(j, c);
    if (__builtin_expect(j->vm->due.count, 0)) adds_settle(j);
}

/* True for a packet that has ordinary headers, IPv4 and no tags, and goes to no group. */
static inline bool has_plain_headers(const struct pkt *pkt, const struct key *key)
{
    return key->kind & KIND_IP4 && key->dst[0] >> 24 < PLAIN_HOSTS_END && !is_tagged(pkt) &&
           ordinary_headers(pkt, key, pkt->head_len == pkt->wire_len) && ordinary_frame(pkt, key, pkt->data);
}

/* Packets by which a frame's headers are fetched ahead */
enum { FETCH_AHEAD = 16 };

/* True if no plain packet of the batch needs a whole key. Interfaces that rules know by a pattern are in keys only. */
static bool needs_no_keys(const struct job *j)
{
    const struct facts *facts = j->in->facts;
    const bool renamed = facts && (facts->bridges || facts->patterns);
    const bool asked = j->vm->program->firewalls_count || j->vm->takes_answers;
    return j->vm->in_turn && !asked && !renamed && forward_straight_may(j);
}

bool vm_reads_plain(struct vm *vm, const struct facts *facts)
{
    const struct vm_in in = {.facts = facts};
    return needs_no_keys(&(struct job){.vm = vm, .in = &in});
}

/* Begin the looks of plain packets that were read before the batch. */
static uint64_t look_read(struct vm *vm, uint64_t plain)
{
    const struct track *track = vm->track;
    uint64_t have = 0;
    for (uint64_t left = plain; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        if (straight_study(track, &vm->keys[i], &vm->looks[i])) have |= left & -left;
    }
    return have;
}

uint64_t look_plain(const struct job *j, struct pkt *const pkts[], unsigned n)
{
    struct vm *vm = j->vm;
    const struct track *track = vm->track;
    struct plain p;
    uint64_t have = 0;
    if (!needs_no_keys(j)) return 0;
    if (j->in->parsed) return look_read(vm, j->in->parsed->plain);
    for (unsigned i = 0; i < n && i < FETCH_AHEAD; i++) __builtin_prefetch(pkts[i]->data);
    for (unsigned i = 0; i < n; i++) {
        if (i + FETCH_AHEAD < n) __builtin_prefetch(pkts[i + FETCH_AHEAD]->data);
        if (!plain_read(pkts[i], &p) || !straight_study(track, &p, &vm->looks[i])) continue;
        vm->keys[i].kind = p.kind;
        vm->keys[i].length = p.length;
        have |= (uint64_t)1 << i;
    }
    return have;
}

/* Do the steps of look_ahead for plain packets, into vm->looks. Return those of `todo` that may go by
 * forward_straight. have: those that look_plain has begun; *looked: all with a look a look. */
static uint64_t look_straight(struct vm *vm, struct pkt *const pkts[], uint64_t todo, uint64_t have, uint64_t *looked)
{
    const struct track *track = vm->track;
    const bool judged = vm->program->firewalls_count && !vm->remember;
    struct straight_look *looks = vm->looks;
    uint64_t may = 0;
    for (uint64_t left = have ? 0 : todo; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        if (vm->takes_answers && answers_may(&vm->keys[i])) continue;
        if (has_plain_headers(pkts[i], &vm->keys[i]) && straight_study(track, &vm->keys[i], &looks[i]))
            have |= left & -left;
    }
    for (uint64_t left = have; left; left &= left - 1) straight_ask(track->table, &looks[__builtin_ctzll(left)]);
    for (uint64_t left = have; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        const struct flow *line = looks[i].line;
        const uint8_t kind = line ? straight_ask_recipe(track->table, line) : RECIPE_NONE;
        if (kind == RECIPE_NONE || (judged && !(line->flags & FLOW_TWIN))) continue;
        ask_front(pkts[i], kind);
        may |= left & -left;
    }
    *looked = have;
    return may;
}

/* Do the steps of look_ahead for a batch. Return the packets that may go by forward_straight; contexts are begun for
 * all others. */
static uint64_t look_ahead_all(const struct job *j, struct pkt *const pkts[], unsigned n, uint64_t todo, uint64_t plain,
                               struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    const uint64_t all = UINT64_MAX >> (VM_BATCH - n);
    uint64_t looked = 0;
    const uint64_t lent = j->in->parsed ? j->in->parsed->lent : 0;
    const uint64_t may = lent | (forward_straight_may(j) ? look_straight(vm, pkts, todo & ~lent, plain, &looked) : 0);
    if (may == all) return may;
    for (uint64_t left = plain & ~may; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        pkt_parse(pkts[i], j->in->facts, &vm->keys[i]);
    }
    for (uint64_t left = all & ~may; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        ctx_begin(&vm->ctxs[i], i, pkts[i], &vm->keys[i], &verdicts[i]);
        if (looked >> i & 1) straight_seen(&vm->looks[i], &vm->ctxs[i].seen);
    }
    if (vm->program->ahead_count && !vm->cfg.naive) set_ahead(vm->program, vm->keys, todo & ~may);
    look_ahead(j, vm->ctxs, todo & ~may, looked);
    return may;
}

/* Take a packet that could not go straight after all. */
static __attribute__((noinline)) void take_after_all(const struct job *j, const struct straight *b, unsigned i)
{
    struct vm *vm = j->vm;
    struct packet_ctx *c = &vm->ctxs[i];
    if (b->lent >> i & 1) {
        ctx_begin(c, i, b->pkts[i], &vm->keys[i], &b->verdicts[i]);
        refuse(vm, c, ACTION_DROP, REASON_NO_BUFFER); /* its flow is another worker's, so it has no other way here */
        return;
    }
    if (b->plain >> i & 1) pkt_parse(b->pkts[i], j->in->facts, &vm->keys[i]);
    ctx_begin(c, i, b->pkts[i], &vm->keys[i], &b->verdicts[i]);
    settle_key(j, c->key);
    straight_seen(&vm->looks[i], &c->seen);
    turn_take(j, c);
}

void run_in_turn(const struct job *j, struct pkt *const pkts[], unsigned n, const struct turns *t,
                 struct verdict verdicts[], odd_fn *odd)
{
    const uint64_t todo = t->todo;
    const struct vm_parsed *parsed = j->in->parsed;
    const struct straight batch = {.pkts = pkts,
                                   .verdicts = verdicts,
                                   .may = look_ahead_all(j, pkts, n, todo, t->plain, verdicts),
                                   .plain = t->plain,
                                   .lent = parsed ? parsed->lent : 0,
                                   .loans = parsed ? parsed->loans : NULL};
    for (unsigned i = 0; i < n; i++) {
        if (batch.may >> i & 1) {
            i = forward_straight(j, &batch, i);
            if (i < n && batch.may >> i & 1) {
                take_after_all(j, &batch, i);
                continue;
            }
            if (i == n) return;
        }
        if (__builtin_expect(todo >> i & 1, 1))
            turn_take(j, &j->vm->ctxs[i]);
        else
            odd(j, &j->vm->ctxs[i]);
    }
}
