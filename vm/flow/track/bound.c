/* Flows that are sent on (track.h): beginning, look-up from the other side, end */
#include <string.h>

#include "vm/flow/table/lookup.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/tcp/sctp.h"
#include "vm/flow/track/ordinary.h"
#include "vm/flow/track/track_priv.h"
#include "vm/packet/parse/header.h"

void track_on_unbound(struct track *t, track_unbound_fn *fn, void *arg)
{
    t->unbound = fn;
    t->unbound_arg = arg;
}

struct flow_bind *track_bound(const struct track *t, const struct track_seen *s)
{
    if (s->slot == FLOW_NONE || !(flow_at(t->table, s->slot)->flags & FLOW_BOUND)) return NULL;
    table_touch(t->table, s->slot); /* the caller may change it */
    return track_bind_at(t, s->slot);
}

bool track_is_error(const struct track_seen *s) { return s->how == HOW_ERROR; }

uint16_t track_query(const struct track_seen *s) { return s->at & AT_QUERY ? s->id.low_port : 0; }

unsigned track_tags(const struct track *t, uint16_t stack, struct stack_tag tags[STACK_TAGS])
{
    return stack_tags(t->stacks, stack, tags);
}

bool track_is_turned(const struct track_seen *s) { return seen_is_turned(s); }

bool track_may_begin(const struct key *key, const struct track_seen *s)
{
    if (s->how < HOW_TCP || s->how >= HOW_REPLY || s->at & (AT_GROUP | AT_FOREIGN)) return false;
    if (key->kind & KIND_SCTP) return sctp_may_begin(&s->next);
    if (s->how != HOW_TCP || s->mark == MARK_NEW) return true;
    return (key->marks & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

void track_ask_room(const struct track *t, struct track_seen *s)
{
    const int32_t slot = s->slot == FLOW_NONE ? table_ask_room(t->table, s->hash) : s->slot;
    s->room = slot;
    if (slot == FLOW_NONE) return;
    const struct flow *f = s->slot == FLOW_NONE ? table_left(t->table, (uint32_t)slot) : table_slot(t->table, slot);
    __builtin_prefetch(table_cold_of(t->table, f), 1);
    __builtin_prefetch(table_bind_of(t->table, f), 1);
}

/* Set the TCP state of the flow after its first packet. */
static void begin_tcp(const struct key *key, const struct pkt *pkt, bool one_sided, struct track_seen *s)
{
    if (s->mark != MARK_NEW) {
        struct tcp_segment segment;
        tcp_read(pkt, key, &segment);
        tcp_begin(&segment, true, &s->next);
    }
    if (!one_sided) return;
    s->next.track.side[FLOW_REPLY].end = 0; /* no reply is expected */
    s->next.track.flags |= TCP_TRACK_NO_WINDOW;
    if (s->next.state == FLOW_STATE_PICKED_UP) s->next.state = FLOW_STATE_OPEN;
}

struct flow_bind *track_begin(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s,
                              const struct track_start *start)
{
    if (!track_take_stack(t, pkt, s)) return NULL;
    if (start->twin && start->twin->id.stack != s->id.stack) { /* the stack was unknown and has an id now */
        start->twin->id.stack = s->id.stack;
        start->twin->hash = table_hash(t->table, &start->twin->id);
    }
    track_reopen(t, s);
    if (s->how == HOW_TCP) begin_tcp(key, pkt, start->one_sided, s);
    const uint8_t idle = start->idle_ns ? FLOW_OWN_IDLE | (start->idle_one_way ? FLOW_IDLE_ONE_WAY : 0) : 0;
    const uint8_t flags = (uint8_t)(FLOW_BOUND | (start->one_sided ? FLOW_ONE_SIDED : 0) | idle);
    return track_add(t, key, pkt, s, flags, start) ? flow_bind_at(t->table, s->slot) : NULL;
}

bool track_from_high(const struct track_seen *s) { return s->at & AT_HIGH; }

void track_drop_stack(struct track *t, uint16_t stack) { stack_put(t->stacks, stack); }

struct track_tuple track_tuple_of(const struct flow_id *id, bool opened_by_high)
{
    struct track_tuple t;
    for (unsigned i = 0; i < 4; i++) {
        t.src[i] = opened_by_high ? id->high[i] : id->low[i];
        t.dst[i] = opened_by_high ? id->low[i] : id->high[i];
    }
    t.src_port = opened_by_high ? id->high_port : id->low_port;
    t.dst_port = opened_by_high ? id->low_port : id->high_port;
    return t;
}

struct track_tuple track_bound_tuple(const struct flow_bind *b)
{
    struct track_tuple t = {.src_port = b->to_src_port, .dst_port = b->to_dst_port};
    memcpy(t.src, b->to_src, sizeof t.src);
    memcpy(t.dst, b->to_dst, sizeof t.dst);
    return t;
}

struct track_tuple track_own(const struct track *t, const struct track_seen *s)
{
    struct flow_id id;
    flow_id_of(t->table, s->slot, &id);
    return track_tuple_of(&id, flow_at(t->table, s->slot)->flags & FLOW_OPENED_BY_HIGH);
}

void tuple_in_order(const struct flow_id *like, bool query, const struct track_tuple *tuple, struct flow_tuple *out)
{
    struct key key = {.kind = (like->kind & FLOW_ID_IP6 ? KIND_IP6 : KIND_IP4) | (query ? 0 : KIND_PORTS),
                      .proto = like->proto,
                      .src_port = tuple->src_port,
                      .dst_port = tuple->dst_port};
    uint8_t at;
    for (unsigned i = 0; i < 4; i++) {
        key.src[i] = tuple->src[i];
        key.dst[i] = tuple->dst[i];
    }
    tuple_of(&key, 0, like->stack, &out->id, &at);
    out->opened_by_high = at & AT_HIGH;
    if (!query) return;
    out->id.low_port = out->id.high_port = tuple->src_port;
    out->id.kind |= like->kind & 3 * FLOW_ID_QUERY;
    if (out->opened_by_high) out->id.kind |= FLOW_ID_ASKS_HIGH;
}

static void put_in_order(const struct track_seen *s, const struct track_tuple *tuple, struct flow_tuple *out)
{
    tuple_in_order(&s->id, s->at & AT_QUERY, tuple, out);
}

/* The packet's own tuple is not free, from either side. A twin's tuple is free if the packet reopens its flow,
 * because both then end. */
bool track_is_free(struct track *t, const struct track_seen *s, const struct track_tuple *tuple,
                   struct flow_tuple *twin)
{
    put_in_order(s, tuple, twin);
    if (memcmp(&twin->id, &s->id, sizeof twin->id) == 0) return false;
    twin->hash = table_hash(t->table, &twin->id);
    twin->room = FLOW_NONE;
    if (s->id.stack == STACK_UNKNOWN) return true;
    const int32_t slot = flow_find(t->table, &twin->id, twin->hash, t->now_ns);
    if (slot != FLOW_NONE) return s->next.reopen && flow_of_twin(t->table, slot) == s->slot;
    twin->room = table_ask_room(t->table, twin->hash);
    return true;
}

static int32_t find_tcp(const struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack)
{
    const struct flow_id like = {.stack = stack, .proto = IPPROTO_NR_TCP, .kind = v6 ? FLOW_ID_IP6 : 0};
    struct flow_tuple there;
    tuple_in_order(&like, false, tuple, &there);
    return flow_find(t->table, &there.id, table_hash(t->table, &there.id), t->now_ns);
}

bool track_has(const struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack)
{
    return find_tcp(t, tuple, v6, stack) != FLOW_NONE;
}

bool track_is_open(const struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack)
{
    const int32_t found = find_tcp(t, tuple, v6, stack);
    return found != FLOW_NONE && ordinary_is_open(flow_at(t->table, flow_of_twin(t->table, found)));
}

void track_end_tcp(struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack, enum flow_end how)
{
    const int32_t found = find_tcp(t, tuple, v6, stack);
    if (found != FLOW_NONE) flow_end(t->table, flow_of_twin(t->table, found), how, t->now_ns);
}

int32_t track_find(const struct track *t, const struct track_seen *s, const struct track_tuple *tuple)
{
    struct flow_tuple twin;
    put_in_order(s, tuple, &twin);
    const int32_t found = flow_find(t->table, &twin.id, table_hash(t->table, &twin.id), t->now_ns);
    const int32_t slot = found == FLOW_NONE ? FLOW_NONE : flow_of_twin(t->table, found);
    return slot != FLOW_NONE && slot != s->slot && flow_at(t->table, slot)->flags & FLOW_BOUND ? slot : FLOW_NONE;
}

bool track_has_bound(const struct track *t, int32_t slot)
{
    uint32_t at = (uint32_t)slot;
    if (slot < 0 || at / GROUP >= flow_groups(t->table) || flow_next_near(t->table, &at, 1) != slot) return false;
    return flow_at(t->table, slot)->flags & FLOW_BOUND;
}

uint32_t track_syn_number(const struct track_seen *s) { return s->next.track.side[FLOW_REPLY].acked - 1; }

/* True if each side of a closing TCP connection has acknowledged all that the other sent, its FIN included. */
static bool all_acknowledged(const struct tcp_track *t)
{
    const struct tcp_side *one = &t->side[FLOW_ORIGINAL], *other = &t->side[FLOW_REPLY];
    return one->acked == other->end && other->acked == one->end;
}

static bool is_question_and_answer(const struct flow *f)
{
    const struct plain_track *t = &f->tcp.plain;
    return f->proto != IPPROTO_NR_SCTP && t->packets[FLOW_ORIGINAL] <= 1 && t->packets[FLOW_REPLY] + t->astray <= 1;
}

/* True if recent packets of a side may still be on their way to the flow. If the flow
 * gave up its port, such a packet would be taken for one of the port's next flow, or be lost for both. */
static bool is_awaited(const struct track *t, const struct flow *f, bool apart)
{
    enum { PATIENCE_S = 5 };
    const bool half_open = flow_state_class((enum flow_state)f->state) == FLOW_HALF_OPEN;
    if (half_open || (apart && f->proto != IPPROTO_NR_TCP)) return false;
    return t->now_ns < f->seen_ns + PATIENCE_S * UINT64_C(1000000000);
}

enum track_yield track_yields(const struct track *t, int32_t slot, bool apart)
{
    const struct flow *f = flow_at(t->table, slot);
    const enum track_yield waits = is_awaited(t, f, apart) ? YIELD_NEVER : YIELD_WAITS;
    if (flow_deadline(t->table, f) <= t->now_ns) return YIELD_OVER;
    switch (flow_state_class((enum flow_state)f->state)) {
    case FLOW_CLOSING: return f->state != FLOW_STATE_CLOSING || all_acknowledged(&f->tcp) ? YIELD_OVER : waits;
    case FLOW_ANSWERED: return is_question_and_answer(f) ? YIELD_ANSWERED : YIELD_NEVER;
    case FLOW_HALF_OPEN:
    case FLOW_ONE_WAY: return f->joined ? YIELD_NEVER : waits; /* a cookie has answered the client */
    default: return YIELD_NEVER;
    }
}

const struct flow *track_flow_at(const struct track *t, int32_t slot, struct flow_id *id, struct flow_bind **bind)
{
    flow_id_of(t->table, slot, id);
    *bind = track_bind_at(t, slot);
    return flow_at(t->table, slot);
}

bool track_pair(struct track *t, struct track_seen *s, const struct flow_tuple *twin)
{
    if (flow_add_twin(t->table, s->slot, twin, t->now_ns) != FLOW_NONE) return true;
    const struct flow *f = flow_at(t->table, s->slot);
    const enum flow_class class = flow_class_of((enum flow_state)f->state, f->flags, f->astray);
    flow_end(t->table, s->slot, (enum flow_end)(FLOW_END_EVICTED_HALF_OPEN + class), t->now_ns);
    s->slot = FLOW_NONE;
    return false;
}

void track_end(struct track *t, struct track_seen *s, enum flow_end how)
{
    flow_end(t->table, s->slot, how, t->now_ns);
    s->slot = FLOW_NONE;
}

bool track_visit_bound(struct track *t, uint32_t *hand, unsigned slots, track_end_fn *end, enum flow_end how, void *arg)
{
    for (; slots; slots--) {
        const int32_t slot = track_step(t, hand);
        if (slot == FLOW_NONE && flow_at_end(t->table, *hand)) return false;
        if (slot == FLOW_NONE) continue;
        const struct flow *f = flow_at(t->table, slot);
        struct flow_id id;
        if (!(f->flags & FLOW_BOUND)) continue;
        flow_id_of(t->table, slot, &id);
        if (end(arg, f, &id, track_bind_at(t, slot))) flow_end(t->table, slot, how, t->now_ns);
    }
    return true;
}
