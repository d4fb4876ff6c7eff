/* Fragments on a worker's way, see vm_priv.h
 *
 * A held fragment moves from the counter of `held` to that of its verdict when it leaves, so it is counted once. */
#include <stdlib.h>
#include <string.h>

#include "vm/flow/fragments/frag.h"
#include "vm/forward/forward.h"
#include "vm/judge/fragment_order.h"
#include "vm/program/swap.h"
#include "vm/worker/audit.h"
#include "vm/worker/cuts/cuts.h"
#include "vm/worker/inner.h"
#include "vm/worker/mirrored.h"
#include "vm/worker/vm_priv.h"

struct fragments {
    struct frags *frags;
    struct frag_order *order; /* NULL: no rule names `fragment` */
};

struct fragments *fragments_new(const struct program *p, uint64_t seed)
{
    struct fragments *f = calloc(1, sizeof *f);
    const bool ordered = p->meta->flags & PBC_NAMES_FRAGMENT;
    if (!f) return NULL;
    f->frags = frags_new(p, seed);
    f->order = ordered ? frag_order_new(p) : NULL;
    if (f->frags && (f->order || !ordered)) return f;
    fragments_free(f);
    return NULL;
}

void fragments_free(struct fragments *f)
{
    if (!f) return;
    frags_free(f->frags);
    frag_order_free(f->order);
    free(f);
}

const struct frag_counters *fragments_counters(const struct fragments *f) { return frags_counters(f->frags); }

static uint32_t mapped(const uint32_t *map, uint32_t at) { return at == PBC_NONE ? PBC_NONE : map[at]; }

static void renew_first(void *arg, struct frag_first *first)
{
    const struct remap *r = arg;
    struct verdict *v = &first->verdict;
    struct leave *l = &first->leave;
    if (memcmp(r->from->digest, r->program->digest, sizeof r->from->digest) != 0) {
        v->rule = RULE_NONE;
        v->firewall = PBC_NONE;
        first->place = 0;
        v->would = 0;
        first->mirrors = 0;
    }
    v->service = mapped(r->service, v->service);
    v->server = mapped(r->server, v->server);
    if (v->action != ACTION_FORWARD) return;
    const bool had_service = l->service != PBC_NONE, had_server = l->server != PBC_NONE;
    l->service = mapped(r->service, l->service);
    l->server = mapped(r->server, l->server);
    if (l->iface < r->ifaces) l->iface = r->iface[l->iface];
    const bool gone = (had_service && l->service == PBC_NONE) || (had_server && l->server == PBC_NONE);
    if (!gone) return;
    v->action = ACTION_DROP;
    v->reason = REASON_NO_FLOW;
}

void fragments_keep(struct fragments *to, struct fragments *from, const struct remap *r)
{
    SWAP(to->frags, from->frags);
    frags_each(to->frags, renew_first, (void *)(uintptr_t)r);
}

struct reading {
    const struct program *p;
    uint32_t ifaces;
};

static bool is_within(uint32_t at, uint32_t count) { return at == PBC_NONE || at < count; }

/* True if the saved way out fits the program: a server as the service's mode requires, or no service and no server. */
static bool is_sound_server(const struct program *p, const struct leave *l)
{
    if (l->service == PBC_NONE) return l->server == PBC_NONE && l->way != LEAVE_TO_SERVER;
    if (l->service >= p->services_count) return false;
    const enum pbc_mode mode = (enum pbc_mode)p->services[l->service].mode;
    if (l->way == LEAVE_SPLICED) return l->server == PBC_NONE && mode_is(mode, MODE_INLINE_STACK);
    if (mode_is(mode, MODE_PROXIES)) return l->server == PBC_NONE && l->way == LEAVE_TO_SERVER;
    return l->server < p->servers_count;
}

/* True if the first fragment was an inline connection's, and was dropped: a repeated SYN. */
static bool is_swallowed(const struct program *p, const struct verdict *v, const struct leave *l)
{
    return l->way == LEAVE_NOT && v->service != PBC_NONE && mode_is(p->services[v->service].mode, MODE_INLINE_STACK) &&
           is_within(l->service, p->services_count) && is_within(l->server, p->servers_count);
}

static bool is_sound_would(const struct program *p, const struct verdict *v)
{
    const struct program *would = p->would;
    if (!v->would) return true;
    if (!would || v->would > ACTION_COUNT) return false;
    if (v->would_rule < RULE_DEFAULT) return v->would_rule < would->rules_count;
    return v->would_rule == RULE_NONE || v->would_firewall < would->firewalls_count;
}

/* True if a first fragment can have had that verdict and way out. */
static bool read_first(void *arg, const struct frag_first *first)
{
    const struct reading *r = arg;
    const struct program *p = r->p;
    const struct verdict *v = &first->verdict;
    const struct leave *l = &first->leave;
    if (p->mirrors_count < 64 && first->mirrors >> p->mirrors_count) return false;
    if (v->action >= ACTION_COUNT || v->reason >= REASON_COUNT || v->action == ACTION_HELD) return false;
    if (v->rule >= p->rules_count && v->rule != RULE_NONE && v->rule != RULE_DEFAULT) return false;
    if (!is_within(v->firewall, p->firewalls_count) || (v->rule != RULE_NONE && v->firewall == PBC_NONE)) return false;
    if (!is_sound_would(p, v)) return false;
    if (!is_within(v->service, p->services_count) || !is_within(v->server, p->servers_count)) return false;
    if (v->action != ACTION_FORWARD || is_swallowed(p, v, l)) return true;
    return l->way != LEAVE_NOT && l->way <= LEAVE_SPLICED && is_sound_server(p, l) &&
           (l->iface == IFACE_NONE || l->iface < r->ifaces);
}

bool fragments_archive(struct vm *vm, uint32_t ifaces, struct archive *a)
{
    struct reading r = {vm->program, ifaces};
    return frags_archive(vm->fragments->frags, vm->cfg.pool, a, read_first, &r);
}

void fragments_drop_held(struct vm *vm)
{
    struct pkt *pkt;
    uint32_t outer_bytes;
    while ((pkt = frag_drop(vm->fragments->frags, &outer_bytes))) {
        const uint32_t bytes = pkt->wire_len + outer_bytes;
        counter_take(&vm->counters.verdicts[ACTION_HELD], bytes);
        counter_add(&vm->counters.verdicts[ACTION_DROP], bytes);
        count_refused(vm, REASON_FRAGMENT_ORPHAN, bytes);
        pool_put(pkt);
    }
}

static void record_first(const struct job *j, uint32_t datagram, const struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    const struct fragments *f = vm->fragments;
    const struct peek peek = {.meters = vm->meters};
    struct frag_first first = {.verdict = *c->v};
    if (c->v->action == ACTION_FORWARD) first.leave = c->left;
    if (vm->program->mirrors_count) first.mirrors = vm->mirrored[c->at];
    if (f->order) first.place = frag_order_place(f->order, c->v, c->key, c->pkt, &peek);
    frag_judged(f->frags, vm->now_ns, datagram, &first);
}

/* Give the fragment the verdict of its first, whose rule, service and server count it, and send it the same way. It is
 * never answered or logged. */
static void fragment_follow(const struct job *j, struct packet_ctx *c, const struct frag_first *first)
{
    mirrored_follow(j, c, first->mirrors);
    *c->v = first->verdict;
    if (c->v->action == ACTION_FORWARD) {
        c->left = first->leave;
        const enum pkt_reason reason = forward_follow(j, c);
        c->v->reason = (uint8_t)reason;
        if (reason) c->v->action = ACTION_DROP;
    }
    settle_whole(j, c);
    if (c->v->would) audit_count(j->vm, c->v, c->pkt->wire_len, false);
}

/* Carry out the decision of a rule that names `fragment`. Accepted fragments go the way of their datagram. */
static void decide_itself(const struct job *j, struct packet_ctx *c, const struct frag_first *first)
{
    const struct vm *vm = j->vm;
    if (vm->opens && inner_asked(vm->program, c->decision)) {
        inner_judge(j, c);
        return;
    }
    if (decided_action(c->decision) == ACTION_ACCEPT &&
        (first->verdict.service != PBC_NONE || first->verdict.action == ACTION_FORWARD)) {
        struct frag_first mine = *first;
        mine.verdict.rule = decided_rule(c->decision);
        mine.verdict.firewall = decided_firewall(c->decision);
        fragment_follow(j, c, &mine);
        return;
    }
    settle(j, c);
}

/* True if a rule before the one that decided the first fragment decides this one. */
static bool is_decided(const struct job *j, struct packet_ctx *c, const struct frag_first *first)
{
    const struct vm *vm = j->vm;
    c->seen = (struct track_seen){.slot = FLOW_NONE};
    if (!vm->fragments->order || first->place == 0) return false;
    if (vm->track) {
        track_study(vm->track, c->key, c->pkt, &c->seen);
        track_look(vm->track, c->key, c->pkt, &c->seen);
    }
    const struct effects e = effects_of(j, c);
    const bool traced = vm->cfg.follow_trace && vm->cfg.traced(vm->cfg.trace_arg, c->pkt->cookie);
    const struct tracer tracer = {.fn = traced ? vm->cfg.follow_trace : NULL, .arg = vm->cfg.trace_arg};
    return frag_order_try(vm->fragments->order, first->verdict.firewall, first->place, c->key, c->pkt, &e, &tracer,
                          &c->decision);
}

static void follow_first(const struct job *j, struct packet_ctx *c, const struct frag_first *first)
{
    struct fragment later;
    const bool observed = show_reads_later(j, c, &later);
    if (is_decided(j, c, first))
        decide_itself(j, c, first);
    else
        fragment_follow(j, c, first);
    if (observed) show_later(j, c, &later);
    if (j->vm->due.count) adds_settle(j);
}

/* Judge a fragment whose first is unknown: by the whole program if a rule names `fragment`; otherwise drop it. */
static void judge_orphan(const struct job *j, struct packet_ctx *c, odd_fn *judge)
{
    if (j->vm->fragments->order)
        judge(j, c);
    else
        refuse(j->vm, c, ACTION_DROP, REASON_FRAGMENT_ORPHAN);
}

/* Hold a copy of the fragment. False: no room. */
static bool fragment_hold(const struct job *j, uint32_t datagram, const struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    struct frags *frags = vm->fragments->frags;
    struct pkt *copy = vm->cfg.pool && frag_room(frags, vm->now_ns) ? pool_copy(vm->cfg.pool, c->pkt) : NULL;
    if (!copy) {
        frag_not_held(frags);
        return false;
    }
    frag_hold(frags, vm->now_ns, datagram, copy, j->outer_bytes);
    refuse(vm, c, ACTION_HELD, REASON_NONE);
    return true;
}

void fragments_judge(const struct job *j, struct packet_ctx *c, odd_fn *judge)
{
    struct vm *vm = j->vm;
    struct frag_first first;
    uint32_t datagram;
    switch (frag_look(vm->fragments->frags, vm->now_ns, c->key, c->pkt, &datagram, &first)) {
    case FRAG_FIRST:
        judge(j, c);
        record_first(j, datagram, c);
        break;
    case FRAG_FOLLOW: follow_first(j, c, &first); break;
    case FRAG_WAIT:
        if (!fragment_hold(j, datagram, c)) judge_orphan(j, c, judge);
        break;
    case FRAG_REFUSE: refuse(vm, c, ACTION_DROP, first.verdict.reason); break;
    }
}

/* Give these events the entry in tx at which the executor finds their held packet. */
static void place_events(struct vm_tx *tx, unsigned first)
{
    for (unsigned i = first; i < tx->event_count; i++) tx->events[i].entry = tx->count;
}

static void judge_held(const struct job *j, const struct frag_held *held, struct packet_ctx *c, odd_fn *judge)
{
    const struct frag_first *first = &held->first;
    struct job mine = *j;
    mine.outer_bytes = held->outer_bytes;
    counter_take(&j->vm->counters.verdicts[ACTION_HELD], c->pkt->wire_len + held->outer_bytes);
    if (held->orphan)
        judge_orphan(&mine, c, judge);
    else if (first->verdict.rule == RULE_NONE && first->verdict.reason != REASON_NONE)
        refuse(j->vm, c, ACTION_DROP, first->verdict.reason);
    else
        follow_first(&mine, c, first);
    if (held->outer_bytes) inner_count_outer(j->vm, c->v, held->outer_bytes);
}

void fragments_leave(const struct job *j, odd_fn *judge)
{
    struct vm *vm = j->vm;
    struct vm_tx *tx = j->tx;
    struct frag_held held;
    while (tx->count + VM_TX_PER_PACKET <= tx->cap && frag_next(vm->fragments->frags, vm->now_ns, &held)) {
        const unsigned events = tx->event_count;
        struct packet_ctx c;
        struct key key;
        struct verdict v;
        pkt_parse(held.pkt, j->in->facts, &key);
        ctx_begin(&c, 0, held.pkt, &key, &v);
        mirrored_begin(vm, 1);
        const unsigned before = tx->count;
        judge_held(j, &held, &c, judge);
        place_events(tx, events);
        mirrored_held(j, held.pkt, before);
        vm->packets++; /* its own number, by which meters distinguish packets */
        tx->entries[tx->count++] =
            (struct tx_entry){.pkt = held.pkt,
                              .kind = v.action == ACTION_ACCEPT || v.action == ACTION_PASS ? TX_HOST : TX_FREE,
                              .cause = TX_CAUSE_HELD,
                              .out_if = IFACE_NONE,
                              .input = INPUT_NONE,
                              .outer_bytes = held.outer_bytes,
                              .cookie = held.pkt->cookie,
                              .verdict = v};
    }
}

uint64_t fragments_tick(struct fragments *f, uint64_t now_ns) { return frag_tick(f->frags, now_ns); }
