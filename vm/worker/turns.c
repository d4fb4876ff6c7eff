/* One packet after the other. In programs that keep state, what `state` says of each depends on what became of those
 * before it; in those that open tunnels, one packet may be judged twice. Only memory is asked for a batch at a time.
 * Results don't depend on where batches end. */
#include "vm/worker/turns.h"

#include "vm/flow/track/met.h"
#include "vm/forward/forward.h"
#include "vm/forward/service.h"
#include "vm/forward/vips.h"
#include "vm/packet/parse/read.h"
#include "vm/worker/inside.h"

/* In kernel mode: what came up with the packet, or what the judge there says of one that it has not seen. */
static __attribute__((noinline)) decided decide_there(const struct job *j, struct packet_ctx *c,
                                                      const struct effects *e)
{
    const struct vm *vm = j->vm;
    const bool came = vm->ups && !j->outer_bytes && j->input != INPUT_NONE;
    const struct vm_up *up = came ? &vm->ups[j->input + c->at] : NULL;
    return up && up->judged ? up->decision : vm->cfg.kernel->judge(vm->cfg.kernel->arg, c->key, c->pkt, e);
}

/* The rules' decision about one packet. */
static decided decide_one(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    const struct effects e = effects_of(j, c);
    decided d;
    if (vm->ways) vm_settle_ways(j, c->key, c->pkt);
    if (__builtin_expect(vm->cfg.kernel != NULL, 0)) return decide_there(j, c, &e);
    if (vm->cfg.naive) return run_list(vm->program, c->key, c->pkt, 0, &e, NULL, NULL, NULL);
    run_code(vm->program, 0, c->key, &c->pkt, 1, NULL, &e, &d);
    return d;
}

/* The same, or what is remembered for its flow. */
static decided judge_one(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
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

/* The rules judge the packet. False: its verdict is known, for they did not accept it, it was opened as a tunnel's, or
 * it proved a cookie, whose SYN they had accepted. */
static bool let_in(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    if (vm->forward && !c->ordinary && forward_prove(j, c)) return false;
    c->decision = judge_one(j, c);
    if (vm->opens && inside_asked(vm->program, c->decision)) {
        inside_judge(j, c);
        return false;
    }
    if (decided_action(c->decision) == ACTION_ACCEPT) return true;
    settle(j, c);
    if (vm->vips && vips_asked(c->key)) vips_answer(j, c);
    return false;
}

/* The packet goes on as it is. */
static void keep(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    settle(j, c);
    if (vm->track) track_accept(vm->track, c->key, c->pkt, &c->seen);
    if (vm->vips && vips_asked(c->key)) vips_answer(j, c);
}

/* The look-up of the packet's flow, where the short way has not done it. */
static enum seen_class look(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    if (!vm->track) return SEEN_NONE;
    if (!c->ordinary) track_look(vm->track, c->key, c->pkt, &c->seen);
    return vm->forward ? (enum seen_class)c->seen.class : SEEN_NONE;
}

/* One well-formed packet that does not leave by the short way unjudged; what may be known ahead is. What is sent on
 * goes by the class that the flow table gave. */
static __attribute__((noinline)) void take_turn(const struct job *j, struct packet_ctx *c)
{
    bool sent = false;
    switch (look(j, c)) {
    case SEEN_REPLY: forward_reply(j, c); return;
    case SEEN_ERROR: forward_error(j, c); return;
    case SEEN_ORIGINAL:
        if (!let_in(j, c)) return;
        sent = (c->ordinary && forward_short_judged(j, c)) || forward_on(j, c);
        break;
    case SEEN_PLAIN:
        if (!let_in(j, c)) return;
        sent = forward_other(j, c);
        break;
    case SEEN_NEW:
    case SEEN_NONE:
        if (!let_in(j, c)) return;
        sent = j->vm->forward && forward_first(j, c);
        break;
    }
    if (!sent) keep(j, c);
}

static void take(const struct job *j, struct packet_ctx *c)
{
    const enum short_way way = j->vm->forward ? forward_short(j, c) : SHORT_NOT;
    if (way == SHORT_LEFT) return;
    c->ordinary = way == SHORT_JUDGE;
    take_turn(j, c);
}

/* The same, and what it meets is noted. Where others have changed its flow in between, too, that is said. */
static __attribute__((noinline)) void take_noted(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    struct track_seen met;
    struct flow_met *m = &vm->mets[j->input + c->at];
    track_met(vm->track, c->key, c->pkt, &met, m);
    take(j, c);
    if (met.mark != c->seen.mark || met.class != c->seen.class) m->has |= MET_CHANGED;
}

static inline void take_one(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    if (__builtin_expect(vm->ups && vm->mets && vm->track && !j->outer_bytes && j->input != INPUT_NONE, 0))
        take_noted(j, c);
    else
        take(j, c);
}

/* All that may be known of the packets of `todo` before the first is judged; ctxs[0] is bit 0. Their memory is asked
 * for in steps, all packets a step: tags of the flow table, then slots, then how flows are sent on, and the headroom
 * that a tunnel's header goes to. */
static void look_ahead(const struct job *j, struct packet_ctx ctxs[], uint64_t todo)
{
    const struct vm *vm = j->vm;
    const struct program *p = vm->program;
    if (p->services_count && facts_have_self(j->in->facts))
        for (uint64_t left = todo; left; left &= left - 1) key_settle(p, ctxs[__builtin_ctzll(left)].key);
    if (p->ahead_count && !vm->cfg.naive) set_ahead(p, ctxs->key, todo);
    if (!vm->track) return;
    for (uint64_t left = todo; left; left &= left - 1) {
        struct packet_ctx *c = &ctxs[__builtin_ctzll(left)];
        track_study(vm->track, c->key, c->pkt, &c->seen);
    }
    for (uint64_t left = todo; left; left &= left - 1) track_ask(vm->track, &ctxs[__builtin_ctzll(left)].seen);
    for (uint64_t left = vm->forward ? todo : 0; left; left &= left - 1) {
        const struct packet_ctx *c = &ctxs[__builtin_ctzll(left)];
        const uint32_t front = recipe_overhead(track_ask_bind(vm->track, &c->seen));
        if (front && front <= c->pkt->headroom) __builtin_prefetch(c->pkt->data - front, 1);
    }
}

void judge_in_turn(const struct job *j, struct packet_ctx *c)
{
    look_ahead(j, c, 1);
    take_one(j, c);
}

void run_in_turn(const struct job *j, unsigned n, uint64_t todo, odd_fn *odd)
{
    struct packet_ctx *ctxs = j->vm->ctxs;
    look_ahead(j, ctxs, todo);
    for (unsigned i = 0; i < n; i++) {
        if (__builtin_expect(todo >> i & 1, 1))
            take_one(j, &ctxs[i]);
        else
            odd(j, &ctxs[i]);
    }
}
