/* The express way: an ordinary packet of a bound flow leaves by the recipe of its direction, in place if its memory is
 * writable. All others take the careful way, which leaves recipes behind. Both have the same effect on a packet, byte
 * for byte (tests/diff/express_way.c).
 *
 * forward_straight takes a batch of the plainest of them (IPv4, no tags) as far as it goes, and writes nothing but what
 * such a packet leaves behind; forward_express takes one packet of any kind, and notes what judging it needs. */
#include <string.h>

#include "vm/flow/track/straight.h"
#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/ordinary.h"
#include "vm/packet/edit/apply.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/wire.h"

/* An ordinary packet as it leaves */
struct leaving {
    struct pkt *pkt;
    const struct key *key; /* in a lane it may have kind and length only */
    const struct recipe *recipe;
    uint64_t hash; /* hash of its tuple */
    uint8_t kind;  /* kind of the recipe */
    bool reply;
};

/* Return the packet's own memory if that can be used, else a copy; NULL: no slot. */
static inline struct pkt *own_or_copy(struct pool *pool, struct pkt *pkt, uint8_t kind)
{
    const bool fits = (kind & (RECIPE_IP6 - 1)) <= RECIPE_FRAME || pkt->headroom >= recipe_overhead(kind);
    if (pkt->flags & PKT_WRITABLE && fits) return pkt;
    return pool ? pool_copy(pool, pkt) : NULL;
}

/* A packet's source as it came */
struct source {
    uint32_t addr[4];
    uint16_t port;
};

/* Fill in the entry field by field: an entry made elsewhere and copied would wait for its narrow writes. */
static inline void write_entry(const struct leaving *l, struct pkt *out, uint32_t input, const struct source *from,
                               struct tx_entry *e)
{
    const struct recipe *r = l->recipe;
    e->pkt = out;
    e->kind = TX_SEND;
    e->cause = TX_CAUSE_PACKET;
    e->out_if = r->out_if;
    e->input = input;
    e->cookie = l->pkt->cookie;
    memcpy(e->next_hop, r->dst, sizeof e->next_hop);
    const bool resolved = wire_raw32(r->next_mac) | wire_raw32(r->next_mac + 2);
    e->family = resolved ? 0 : l->kind & RECIPE_IP6 ? 6 : 4;
    const bool asks = ordinary_asks_source(r, l->reply);
    for (unsigned i = 0; i < 4; i++) e->from[i] = asks ? from->addr[i] : 0;
    e->from_port = asks ? from->port : 0;
    memset(&e->verdict, 0, sizeof e->verdict);
}

static inline void write_verdict(const struct leaving *l, decided by, struct verdict *v)
{
    const struct recipe *r = l->recipe;
    const bool nat = r->service == RECIPE_NAT;
    v->action = ACTION_FORWARD;
    v->reason = REASON_NONE;
    v->flags = l->reply ? VERDICT_REPLY : 0;
    v->done = 0;
    v->rule = decided_rule(by);
    v->firewall = decided_firewall(by);
    v->service = nat ? PBC_NONE : r->service;
    v->server = nat ? PBC_NONE : r->server;
    v->would = 0;
}

/* Count the packet for its service and server, or for its nat. servers: their counters. */
static inline void count_served(const struct vm *vm, struct counter *servers, const struct recipe *r, uint32_t bytes)
{
    if (__builtin_expect(r->service == RECIPE_NAT, 0)) {
        nat_count(vm->forward->nat, r->server, (struct counter){1, bytes});
        return;
    }
    counter_add(&vm->served[r->service], bytes);
    counter_add(&servers[r->server], bytes);
}

/* Edit a packet by its recipe. kinds: KIND bits of the packet; id: identification of an outer packet. */
static inline __attribute__((always_inline)) void edit(const struct facts *facts, const struct leaving *l,
                                                       struct pkt *out, uint32_t kinds, uint32_t id)
{
    const struct recipe *r = l->recipe;
    const uint8_t form = l->kind & (uint8_t)~RECIPE_IP6;
    if (__builtin_expect(form == RECIPE_REWRITE, 1)) {
        recipe_rewrite(r, kinds, out->data + out->l3, out->flags & PKT_CSUM_PARTIAL);
    } else if (form != RECIPE_FRAME) {
        const struct recipe_numbers n = {.hash = (uint32_t)(l->hash >> 8), .id = (uint16_t)id};
        recipe_wrap(r, l->kind, l->key, out, &n);
    }
    uint8_t *frame = out->data;
    const struct facts_iface *way = facts_iface(facts, r->out_if);
    memcpy(frame + 6, frame, 6);
    if (__builtin_expect(way && way->mac, 0)) wire_put48(frame + 6, way->mac);
    memcpy(frame, r->next_mac, 6);
}

/* Return the bytes of the longest IP packet that leaves by a recipe. */
static inline uint32_t longest_by(const struct forward *f, const struct recipe *r, uint8_t kind, bool reply)
{
    return recipe_fits_way(r, kind, reply) && r->out_if < f->least_count ? f->least[r->out_if] : f->longest[kind];
}

/* ---- one packet ---- */

static bool is_ordinary(const struct job *j, struct packet_ctx *c)
{
    const struct forward *f = j->vm->forward;
    const struct pkt *pkt = c->pkt;
    if (!ordinary_headers(pkt, c->key, pkt->head_len == pkt->wire_len) || !ordinary_frame(pkt, c->key, pkt->data))
        return false;
    c->recipe = track_ordinary(f->track, c->key, pkt, &c->seen, f->recipes);
    if (!c->recipe) return false;
    const uint32_t longest = longest_by(f, c->recipe, c->seen.recipe, c->seen.twin);
    return recipe_takes(c->recipe, c->seen.recipe, pkt, c->key->length, pkt->data, c->seen.twin, longest);
}

static struct counter *servers_of(const struct vm *vm) { return vm->served + 2 * (size_t)vm->program->services_count; }

/* Send the packet, with the decision `by`. False: no room. */
static bool express_leave(const struct job *j, struct packet_ctx *c, decided by)
{
    struct vm *vm = j->vm;
    const struct leaving l = {.pkt = c->pkt,
                              .key = c->key,
                              .recipe = c->recipe,
                              .hash = c->seen.hash,
                              .kind = c->seen.recipe,
                              .reply = c->seen.twin};
    const uint32_t bytes = c->pkt->wire_len;
    struct pkt *out = tx_has_room(j) ? own_or_copy(vm->cfg.pool, c->pkt, l.kind) : NULL;
    if (!out) return false;
    write_verdict(&l, by, c->v);
    vm->forward->counters.replies += l.reply;
    counter_add(&vm->counters.verdicts[ACTION_FORWARD], bytes);
    counter_add(decider(vm, by), bytes);
    count_served(vm, servers_of(vm), c->recipe, bytes);
    track_keep_ordinary(vm->forward->track, c->key, c->pkt, &c->seen);
    const struct source from = {{c->key->src[0], c->key->src[1], c->key->src[2], c->key->src[3]}, c->key->src_port};
    const uint32_t input = j->input == INPUT_NONE ? INPUT_NONE : j->input + c->at;
    edit(j->in->facts, &l, out, c->key->kind, vm->forward->datagram++);
    write_entry(&l, out, input, &from, &j->tx->entries[j->tx->count++]);
    c->gone = out == c->pkt;
    return true;
}

enum express_way forward_express(const struct job *j, struct packet_ctx *c)
{
    if (!is_ordinary(j, c)) return EXPRESS_WAY_NOT;
    if (!c->seen.twin && (j->vm->program->firewalls_count || j->vm->audit)) {
        c->key->marks = (c->key->marks & ~(uint32_t)MARK_STATES) | c->seen.mark;
        return EXPRESS_WAY_JUDGE;
    }
    return express_leave(j, c, decided_by_nobody(ACTION_ACCEPT)) ? EXPRESS_WAY_LEFT : EXPRESS_WAY_NOT;
}

bool forward_express_judged(const struct job *j, struct packet_ctx *c)
{
    if (express_leave(j, c, c->decision)) return true;
    track_say(j->vm->track, c->key, c->pkt, &c->seen);
    return false;
}

/* ---- a batch ---- */

/* A run of leaving packets. Values read and added for each packet are held here, in registers. */
struct lane {
    struct vm *vm;
    const struct straight *batch;
    const struct track *track;
    const struct facts *facts;
    struct counter *servers;
    struct tx_entry *entry, *last; /* the next entry, and the end of the room for entries */
    uint32_t generation, datagram, input;
    struct counter all, unjudged;
    uint64_t replies, remembered;
};

/* Find the flow's remembered verdict for an established packet that rules judge. False: rules must judge it. */
static bool recall(const struct vm *vm, struct key *key, const struct pkt *pkt, const struct flow *flow, decided *by)
{
    if (!vm->remember || vm->opens) return false;
    key->marks |= MARK_ESTABLISHED;
    const bool found = remember_find(vm->remember, flow, FLOW_ORIGINAL, key, pkt, by);
    key->marks &= ~(uint32_t)MARK_STATES;
    return found && decided_action(*by) == ACTION_ACCEPT;
}

/* Count a packet that leaves, edit it, and write its verdict and its entry. kinds: KIND bits for edit. */
static inline __attribute__((always_inline)) void lane_send(struct lane *t, unsigned i, const struct leaving *l,
                                                            struct pkt *out, uint32_t kinds, decided by)
{
    const uint32_t bytes = l->pkt->wire_len;
    write_verdict(l, by, &t->batch->verdicts[i]);
    t->replies += l->reply;
    counter_add(&t->all, bytes);
    if (by == decided_by_nobody(ACTION_ACCEPT)) {
        counter_add(&t->unjudged, bytes);
    } else {
        counter_add(decider(t->vm, by), bytes);
        t->remembered++;
    }
    count_served(t->vm, t->servers, l->recipe, bytes);
    const uint8_t *ip = out->data + out->l3;
    const struct source from = {{wire_get32(ip + IP4_SRC)}, wire_get16(ip + IP4_LEN)}; /* IP has no options */
    edit(t->facts, l, out, kinds, t->datagram++);
    write_entry(l, out, t->input + i, &from, t->entry++);
}

/* Send a packet. judged: rules judge it unless it is a reply. False: it takes another way, and nothing has changed. */
static inline __attribute__((always_inline)) bool lane_leave(struct lane *t, unsigned i, bool judged)
{
    struct vm *vm = t->vm;
    const struct straight_look *look = &vm->looks[i];
    struct pkt *pkt = t->batch->pkts[i];
    struct key *key = &vm->keys[i];
    const bool tcp = look->how == HOW_TCP;
    decided by = decided_by_nobody(ACTION_ACCEPT);
    struct ordinary o;
    if (!straight_is_of(look->line, look)) return false;
    if (!ordinary_find(t->track, look->line, tcp, look->at, false, t->generation, &o)) return false;
    const uint32_t longest = longest_by(vm->forward, o.recipe, o.kind, o.twin);
    if (!recipe_takes(o.recipe, o.kind, pkt, key->length, pkt->data, o.twin, longest)) return false;
    if (judged && !o.twin && !(o.mark == MARK_ESTABLISHED && recall(vm, key, pkt, o.flow, &by))) return false;
    struct pkt *out = t->entry != t->last ? own_or_copy(vm->cfg.pool, pkt, o.kind) : NULL;
    if (!out) return false;
    if (tcp && !track_take_segment(o.flow, key, pkt, o.twin ? FLOW_REPLY : FLOW_ORIGINAL)) {
        if (out != pkt) pool_put(out);
        return false;
    }
    o.flow->seen_ns = t->track->now_ns;
    table_touch(t->track->table, o.twin ? look->line->flow : look->slot);
    const struct leaving l = {
        .pkt = pkt, .key = key, .recipe = o.recipe, .hash = look->hash, .kind = o.kind, .reply = o.twin};
    lane_send(t, i, &l, out, KIND_IP4 | (tcp ? KIND_TCP : KIND_UDP), by);
    return true;
}

/* The same for a packet that leaves by a recipe on loan. False: no room. */
static inline __attribute__((always_inline)) bool lane_leave_lent(struct lane *t, unsigned i)
{
    const struct loan *loan = t->batch->loans[i];
    struct pkt *pkt = t->batch->pkts[i];
    struct pkt *out = t->entry != t->last ? own_or_copy(t->vm->cfg.pool, pkt, loan->kind) : NULL;
    if (!out) return false;
    const struct leaving l = {.pkt = pkt,
                              .key = &t->vm->keys[i],
                              .recipe = &loan->recipe,
                              .hash = (uint64_t)loan->hash << 8,
                              .kind = loan->kind,
                              .reply = loan->reply};
    lane_send(t, i, &l, out, KIND_IP4 | KIND_UDP, decided_by_nobody(ACTION_ACCEPT));
    return true;
}

bool forward_straight_may(const struct job *j)
{
    const struct vm *vm = j->vm;
    return vm->forward && vm->forward->recipes && vm->track && j->input != INPUT_NONE && !vm->ups && !vm->cfg.kernel &&
           !vm->inlines && !vm->observers && !vm->audit;
}

unsigned forward_straight(const struct job *j, const struct straight *batch, unsigned i)
{
    struct vm *vm = j->vm;
    struct lane t = {.vm = vm,
                     .batch = batch,
                     .track = vm->track,
                     .facts = j->in->facts,
                     .servers = servers_of(vm),
                     .entry = j->tx->entries + j->tx->count,
                     .last = j->tx->entries + j->tx->cap,
                     .generation = vm->forward->recipes,
                     .datagram = vm->forward->datagram,
                     .input = j->input};
    const uint64_t others = ~batch->may & (i < VM_BATCH ? UINT64_MAX << i : 0);
    const unsigned end = others ? (unsigned)__builtin_ctzll(others) : VM_BATCH;
    if (vm->program->firewalls_count)
        while (i < end && lane_leave(&t, i, true)) i++;
    else if (batch->lent)
        while (i < end && (batch->lent >> i & 1 ? lane_leave_lent(&t, i) : lane_leave(&t, i, false))) i++;
    else
        while (i < end && lane_leave(&t, i, false)) i++;
    counter_sum(&vm->counters.verdicts[ACTION_FORWARD], &t.all);
    counter_sum(decider(vm, decided_by_nobody(ACTION_ACCEPT)), &t.unjudged);
    vm->counters.remembered += t.remembered;
    vm->forward->counters.replies += t.replies;
    vm->forward->datagram = t.datagram;
    j->tx->count = (unsigned)(t.entry - j->tx->entries);
    return i;
}
