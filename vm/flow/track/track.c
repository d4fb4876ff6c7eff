/* Tracking flows (track.h): a packet's state before it is judged, and its effect once it is accepted */
#include "vm/flow/track/track_priv.h"

#include <stdlib.h>

#include "vm/flow/flow.h"
#include "vm/flow/table/lookup.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/track/loan.h"
#include "vm/flow/track/track_look.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"

enum { SWEEPS = 10, SWEEP_NS = 1000000000 }; /* calls of track_tick for one round over the table; time between them */

static void record_binding(const struct track *t, const struct flow_bind *b, struct flow_record *r)
{
    const bool served = b->kind == BIND_SERVICE;
    r->service = served ? t->program->branches[b->branch].service : PBC_NONE;
    r->server = served ? b->server : PBC_NONE;
    r->nat = served ? PBC_NONE : b->nat;
    memcpy(r->to_src, b->to_src, sizeof r->to_src);
    memcpy(r->to_dst, b->to_dst, sizeof r->to_dst);
    r->to_src_port = b->to_src_port;
    r->to_dst_port = b->to_dst_port;
}

/* Fill in a record from a flow's lines. */
static void record_lines(const struct track *t, int32_t slot, const struct flow *f, const struct flow_cold *cold,
                         struct flow_record *r)
{
    struct stack_tag tags[STACK_TAGS];
    struct flow_id id;
    flow_id_in(f, cold, &id);
    const struct track_tuple own = track_tuple_of(&id, f->flags & FLOW_OPENED_BY_HIGH);
    const unsigned count = stack_tags(t->stacks, id.stack, tags);
    *r = (struct flow_record){
        .src_port = own.src_port,
        .dst_port = own.dst_port,
        .proto = id.proto,
        .family = id.kind & FLOW_ID_IP6 ? 6 : 4,
        .state = f->state,
        .end = FLOW_ENDS,
        .vlan = {count > 0 ? tags[0].vid : VLAN_UNTAGGED, count > 1 ? tags[1].vid : VLAN_UNTAGGED},
        .began_ns = t->events || t->live ? cold->began_ns : 0,
        .seen_ns = f->seen_ns,
        .service = PBC_NONE,
        .server = PBC_NONE,
        .nat = PBC_NONE,
    };
    if (f->flags & FLOW_BOUND) record_binding(t, track_bind_at(t, slot), r);
    memcpy(r->src, own.src, sizeof r->src);
    memcpy(r->dst, own.dst, sizeof r->dst);
    if (id.proto == IPPROTO_NR_ICMP || id.proto == IPPROTO_NR_ICMP6) r->dst_port = 0;
}

static void record(const struct track *t, int32_t slot, struct flow_record *r)
{
    record_lines(t, slot, flow_at(t->table, slot), flow_cold_at(t->table, slot), r);
}

/* Return when the flow ended: a timeout counts from when it passed, not from when it was noticed. */
static uint64_t ended_at(const struct track *t, const struct flow *f, enum flow_end how, uint64_t now_ns)
{
    const uint64_t deadline = flow_deadline(t->table, f);
    const bool timed =
        how == FLOW_END_CLOSED || how == FLOW_END_RESET || how == FLOW_END_UNANSWERED || how == FLOW_END_IDLE;
    return timed && deadline < now_ns ? deadline : now_ns;
}

static void tell_end(struct track *t, int32_t slot, const struct flow *f, const struct flow_cold *cold,
                     enum flow_end how, uint64_t now_ns)
{
    struct vm_tx *tx = t->tx;
    if (!tx) return;
    if (tx->event_count >= tx->event_cap) {
        tx->events_lost++;
        return;
    }
    struct event *e = &tx->events[tx->event_count++];
    *e = (struct event){.kind = EVENT_FLOW, .rule = RULE_NONE};
    record_lines(t, slot, f, cold, &e->flow);
    e->flow.end = (uint8_t)how;
    e->flow.ended_ns = ended_at(t, f, how, now_ns);
}

/* Report the end of a flow, and release its resources. */
static void flow_ended(void *arg, int32_t slot, const struct flow *f, const struct flow_cold *cold, enum flow_end how,
                       uint64_t now_ns)
{
    struct track *t = arg;
    if (t->events) tell_end(t, slot, f, cold, how, now_ns);
    struct flow_id id = {.kind = 0};
    if (f->flags & (FLOW_COUNTED | FLOW_BOUND)) flow_id_in(f, cold, &id);
    if (f->flags & FLOW_COUNTED && t->sources) openers_drop(t, f, &id);
    if (f->flags & FLOW_BOUND && t->unbound) {
        const bool evicted = how >= FLOW_END_EVICTED_ANSWERED; /* both sides knew the flow */
        const struct track_ended when = {ended_at(t, f, how, now_ns), evicted ? flow_deadline(t->table, f) : 0};
        t->unbound(t->unbound_arg, track_bind_at(t, slot), &id, f->flags & FLOW_OPENED_BY_HIGH, &when);
    }
    if (f->flags & FLOW_BOUND) lending_end(t->lending, (uint32_t)slot, t->now_ns);
    stack_put(t->stacks, f->stack);
}

void track_gone(struct track *t, const struct flow_gone *gone)
{
    flow_ended(t, gone->slot, &gone->flow, &gone->cold, (enum flow_end)gone->how, gone->now_ns);
}

struct flow_table_cfg track_table_cfg(const struct program *p, bool live)
{
    struct flow_table_cfg cfg = flow_table_cfg_of(p->settings, p->services, p->services_count, p->nats_count);
    cfg.flows = p->flows;
    cfg.half_open = p->half_open;
    if (live) cfg.bound = cfg.paired = true;
    return cfg;
}

struct track *track_new(const struct program *p, const struct vm_cfg *cfg)
{
    struct track *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    struct flow_table_cfg table = track_table_cfg(p, cfg->live);
    table.seed = cfg->seed;
    table.begins = cfg->flow_events || cfg->live;
    table.prefault = cfg->prefault;
    table.grows = cfg->grows;
    table.grows_arg = cfg->grows_arg;
    table.ended = flow_ended;
    table.arg = t;
    t->program = p;
    t->events = cfg->flow_events;
    t->live = cfg->live;
    t->lending = cfg->lending;
    const struct flow_ops *ops = cfg->kernel ? cfg->kernel->flows : NULL;
    if (ops) *ops->tells |= cfg->flow_events;
    t->table = ops ? table_over(ops, &table) : flow_table_new(&table);
    t->stacks = stacks_new(cfg->seed);
    const bool counts = p->meta->flags & PBC_COUNTS_FLOWS && !ops;
    if (counts) openers_begin(t, p, p->flows, cfg->seed);
    if (t->table && t->stacks && (t->sources || !counts)) return t;
    track_free(t);
    return NULL;
}

void track_ahead(const struct track *t, size_t least) { flow_table_ahead(t->table, least); }
size_t track_bytes(const struct track *t) { return flow_table_used(t->table); }

void track_free(struct track *t)
{
    if (!t) return;
    if (t->table && t->table->arg == t) t->table->arg = NULL;
    flow_table_free(t->table);
    stacks_free(t->stacks);
    sources_free(t->sources);
    free(t);
}

void track_at(struct track *t, uint64_t now_ns, struct vm_tx *tx)
{
    if (!t->begun) {
        /* a live table in the kernel keeps its pick-up period: a reload does not extend it */
        const struct flow_ops *ops = t->table->ops;
        const bool said = ops && t->live && *ops->pickup_until_ns;
        t->pickup_until_ns =
            said ? *ops->pickup_until_ns : time_after(now_ns, flow_pickup_ns(t->program->settings, t->live));
        if (ops) *ops->pickup_until_ns = t->pickup_until_ns;
        t->begun = true;
    }
    if (now_ns > t->now_ns) t->now_ns = now_ns;
    t->tx = tx;
}

/* Copy the line of the packet's flow in a shared table; false: the flow has ended, and another may have its slot.
 * Only this process ends flows with twins. */
static bool read_shared(const struct track *t, const struct track_seen *s, struct flow *copy)
{
    return table_read(t->table, s->slot, copy) && (s->twin || flow_has_hash(copy, s->hash));
}

static const struct flow *flow_line(const struct track *t, struct track_seen *s, struct flow *copy)
{
    if (s->slot == FLOW_NONE) return NULL;
    if (!t->table->ops) return table_slot(t->table, s->slot);
    if (read_shared(t, s, copy)) return copy;
    s->slot = s->tuple = FLOW_NONE;
    return NULL;
}

/* True if the packet replies to an inquiry of this machine. */
static bool answers_inquiry(const struct track *t, const struct key *key, const struct pkt *pkt)
{
    struct inquiry_id id;
    return inquiry_read(pkt, key, &id) == INQUIRY_ANSWERS && inquiries_hold(&t->inquiries, &id, t->now_ns);
}

static enum picks picks_now(const struct track *t, const struct key *key, const struct pkt *pkt)
{
    if (__builtin_expect(inquiry_may_be(key), 0) && !(key->kind & KIND_OUT) && answers_inquiry(t, key, pkt))
        return PICKS_OPENED;
    return t->now_ns < t->pickup_until_ns ? PICKS_NEW : PICKS_NONE;
}

void track_say(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    struct flow line;
    const struct flow *f = flow_line(t, s, &line);
    s->picks = (uint8_t)picks_now(t, key, pkt);
    const struct flow_joint *joint = NULL; /* set for a joined flow, for its segments and errors */
    if (f && f->joined) {
        const struct flow_bind *b = table_bind(t->table, s->slot);
        s->delta = b->seq_delta; /* the server's numbers minus the client's */
        /* Before the server has spoken there is only one set of numbers */
        if (!(b->flags & BIND_AWAITED)) joint = &table_cold(t->table, s->slot)->joint;
    }
    look_at(f, joint, key, pkt, s);
}

/* Find the packet's side of the flow in s->slot, if there is one. */
static void take_side(const struct track *t, struct track_seen *s)
{
    s->tuple = s->slot;
    s->dir = FLOW_ORIGINAL;
    s->twin = false;
    s->at &= (uint8_t)~AT_FOREIGN;
    if (s->slot != FLOW_NONE) look_side(table_slot(t->table, s->slot), s);
}

void track_look(struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    if (s->at & AT_STACKED) {
        s->id.stack = stack_of(t->stacks, pkt);
        s->hash = flow_hash(t->table, &s->id);
    }
    if (!may_have_flow(s))
        s->slot = FLOW_NONE;
    else if (!table_holds(t->table, s->slot, &s->id, t->now_ns))
        s->slot = flow_find(t->table, &s->id, s->hash, t->now_ns);
    take_side(t, s);
    track_say(t, key, pkt, s);
}

void track_peek(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    track_study(t, key, pkt, s);
    if (may_have_flow(s)) s->slot = flow_peek(t->table, &s->id, s->hash, t->now_ns);
    take_side(t, s);
    track_say(t, key, pkt, s);
}

bool track_add(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s, uint8_t flags,
               const struct track_start *start)
{
    const bool high = s->at & AT_HIGH, by_other = s->next.by_other;
    const struct flow_tuple tuple = {.id = s->id, .hash = s->hash, .room = s->room, .opened_by_high = high != by_other};
    const struct flow_first first = {.tcp = &s->next.track,
                                     .twin = start->twin,
                                     .idle_ns = start->idle_ns,
                                     .state = s->next.state,
                                     .flags = flags,
                                     .would = s->would,
                                     .astray = s->next.astray};
    s->slot = s->tuple = flow_begin(t->table, &tuple, &first, t->now_ns);
    s->dir = by_other ? FLOW_REPLY : FLOW_ORIGINAL;
    if (s->slot == FLOW_NONE) {
        stack_put(t->stacks, s->id.stack);
        return false;
    }
    const uint32_t *source = by_other ? key->dst : key->src;
    if (t->sources && openers_add(t, source, (key->kind & KIND_IP6) != 0))
        table_slot(t->table, s->slot)->flags |= FLOW_COUNTED;
    return true;
}

bool track_take_stack(struct track *t, const struct pkt *pkt, struct track_seen *s)
{
    const uint16_t stack = stack_take(t->stacks, pkt);
    if (stack == STACK_UNKNOWN) {
        t->stacks_full++;
        return false;
    }
    if (stack != s->id.stack) {
        s->id.stack = stack;
        s->hash = flow_hash(t->table, &s->id);
    }
    return true;
}

void track_reopen(struct track *t, const struct track_seen *s)
{
    struct flow f;
    if (s->slot == FLOW_NONE || (t->table->ops && !read_shared(t, s, &f))) return;
    flow_end(t->table, s->slot, FLOW_END_REOPENED, t->now_ns);
}

static void seen_begin(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    if (!track_take_stack(t, pkt, s)) return;
    track_reopen(t, s);
    track_add(t, key, pkt, s, 0, &(struct track_start){0});
}

/* Update a flow that others change, too; try again if it has changed. */
static void go_on_shared(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    enum { TRIES = 16 };
    for (unsigned tries = 0; tries < TRIES; tries++) {
        struct key now = *key;
        struct flow f;
        track_say(t, &now, pkt, s);
        if (keep_what(s) != KEEP_GO_ON || !read_shared(t, s, &f)) return;
        const struct flow_first first = {.state = (uint8_t)keep_on(&f, s, t->now_ns)};
        if (shared_set(t->table, s->slot, &f, &first, t->now_ns)) return;
    }
}

void track_inquire(struct track *t, const struct key *key, const struct pkt *pkt)
{
    struct inquiry_id id;
    if (inquiry_read(pkt, key, &id) == INQUIRY_ASKS) inquiries_put(&t->inquiries, &id, t->now_ns);
}

void track_accept(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    if (key->kind & KIND_OUT && inquiry_may_be(key)) track_inquire(t, key, pkt);
    switch (keep_what(s)) {
    case KEEP_NOTHING: return;
    case KEEP_BEGIN: seen_begin(t, key, pkt, s); return;
    case KEEP_GO_ON: break;
    }
    if (t->table->ops) {
        go_on_shared(t, key, pkt, s);
        return;
    }
    struct flow *f = table_slot(t->table, s->slot);
    table_touch(t->table, s->slot);
    const enum flow_state state = keep_on(f, s, t->now_ns);
    if (state != (enum flow_state)f->state) flow_set_state(t->table, s->slot, state, t->now_ns);
}

uint32_t track_source_flows(const struct track *t, const struct pbc_grain *grain, const struct key *key,
                            const struct track_seen *s)
{
    const bool v6 = key->kind & KIND_IP6;
    if (!t->sources || !(key->kind & KIND_IP)) return 0;
    const uint32_t held = openers_flows(t, grain, key->src, v6);
    return flows_with(held, key, grain_len(grain, v6), s, s->slot == FLOW_NONE ? NULL : flow_at(t->table, s->slot));
}

struct flow *track_flow(struct track *t, const struct track_seen *s)
{
    return s->slot == FLOW_NONE || s->how == HOW_ERROR ? NULL : flow_at(t->table, s->slot);
}

void track_would(struct track *t, const struct track_seen *s, uint8_t would)
{
    enum { TRIES = 16 };
    if (!t->table->ops) {
        table_touch(t->table, s->slot);
        flow_at(t->table, s->slot)->would = would & 15u;
        return;
    }
    for (unsigned tries = 0; tries < TRIES; tries++) {
        struct flow f;
        if (!read_shared(t, s, &f)) return;
        f.would = would & 15u;
        const struct flow_first now = {.state = f.state, .idle_ns = flow_cold_at(t->table, s->slot)->idle_ns};
        if (shared_set(t->table, s->slot, &f, &now, t->now_ns)) return;
    }
}

const struct flow *track_about(const struct track *t, const struct track_seen *s)
{
    return s->slot == FLOW_NONE ? NULL : flow_at(t->table, s->slot);
}

static bool sweep_part(struct track *t) { return flow_sweep(t->table, flow_groups(t->table) / SWEEPS + 1, t->now_ns); }

/* Sweep a bit of the due part. Limited to 50 us, because most slots are in no cache. */
static uint64_t sweep_bit(struct track *t)
{
    enum { GROUPS = 1024, SLOTS = 256 };
    if (!t->sweep_left && t->now_ns < t->sweep_ns) return t->sweep_ns;
    if (!t->sweep_left) {
        t->sweep_left = flow_groups(t->table) / SWEEPS + 1;
        t->sweep_ns = time_after(t->now_ns, SWEEP_NS);
    }
    const unsigned groups = t->sweep_left < GROUPS ? t->sweep_left : GROUPS;
    const unsigned done = flow_sweep_some(t->table, groups, SLOTS, t->now_ns);
    t->sweep_left = done ? t->sweep_left - done : 0; /* `done` is 0 if no flow is left */
    if (t->sweep_left) return t->now_ns;
    if (done) return t->sweep_ns;
    t->sweep_ns = 0;
    return UINT64_MAX;
}

/* One part is swept per second, however often the function is called. */
uint64_t track_tick(struct track *t)
{
    if (t->live) return sweep_bit(t);
    if (t->now_ns >= t->sweep_ns) t->sweep_ns = sweep_part(t) ? time_after(t->now_ns, SWEEP_NS) : 0;
    return t->sweep_ns ? t->sweep_ns : UINT64_MAX;
}

bool track_expire(struct track *t, unsigned *part) { return sweep_part(t) && ++*part < SWEEPS; }

bool track_forget(struct track *t, uint32_t *hand, unsigned slots)
{
    for (; slots && !t->table->ops; slots--) {
        const int32_t slot = track_step(t, hand);
        if (slot == FLOW_NONE && flow_at_end(t->table, *hand)) return false;
        if (slot != FLOW_NONE) flow_at(t->table, slot)->epoch = 0;
    }
    return true;
}

bool track_next(const struct track *t, uint32_t *at, struct flow_record *f)
{
    const int32_t slot = flow_next(t->table, at);
    if (slot == FLOW_NONE) return false;
    record(t, slot, f);
    return true;
}

int track_next_near(const struct track *t, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f)
{
    const int32_t slot = flow_next_near(t->table, at, groups);
    if (slot == FLOW_NONE) return flow_at_end(t->table, *at) ? -1 : 0;
    if (flow_deadline(t->table, flow_at(t->table, slot)) <= now_ns) return 0;
    record(t, slot, f);
    return 1;
}

bool track_tell(const struct track *t, const struct track_seen *s, struct flow_record *f)
{
    if (s->slot == FLOW_NONE) return false;
    record(t, s->slot, f);
    return true;
}

const struct flow_counters *track_counters(const struct track *t) { return flow_table_counters(t->table); }

uint64_t track_stacks_full(const struct track *t) { return t->stacks_full; }
