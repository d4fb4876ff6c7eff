/* Spliced connections whose ordinary segments stay with the executor in the kernel (vm/forward/splice/slots.h): each
 * direction gets a slot when a packet of it has left, because its next hop is then known. It gets none if more of
 * its packets follow in the batch. The worker takes the kernel's counts and numbers from the slots before it does
 * anything with the connection. */
#include <stdlib.h>
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/forward/inline/inline.h"
#include "vm/forward/splice/slots.h"
#include "vm/packet/wire.h"

enum { TAKEN_AT_ONCE = 256 };
/* Value in place of a slot: the direction has none, and has been counted as one without room */
enum { NO_ROOM = SPLICE_NO_SLOT - 1 };

bool inlines_slots(struct inlines *all, const struct splice_slots *slots)
{
    all->slot = calloc(all->numbers.most, sizeof *all->slot);
    if (!all->slot) return false;
    for (uint32_t n = 0; n < all->numbers.most; n++) all->slot[n][0] = all->slot[n][1] = SPLICE_NO_SLOT;
    all->slots = *slots;
    return true;
}

static bool has_slot(const struct inlines *all, uint32_t number, unsigned from)
{
    return all->slot[number][from] < NO_ROOM;
}

bool inlines_in_kernel(const struct inlines *all, uint32_t number, enum inline_at from)
{
    return all->slot && has_slot(all, number, from);
}

/* Add the kernel's counts of one direction. */
static void slot_take_counts(struct inlines *all, struct inline_conn *c, uint32_t number, enum inline_at from)
{
    struct splice_slot *s = splice_slots_at(&all->slots, all->slot[number][from]);
    struct inline_side *side = &c->side[from];
    struct splice *splice = &c->splice;
    const uint64_t seen_ns = __atomic_load_n(&s->seen_ns, __ATOMIC_RELAXED);
    const uint64_t packets = __atomic_exchange_n(&s->packets, 0, __ATOMIC_RELAXED);
    const uint64_t bytes = __atomic_exchange_n(&s->bytes, 0, __ATOMIC_RELAXED);
    if (seen_ns > c->seen_ns) c->seen_ns = seen_ns;
    if (packets) inlines_add(all, number, from, packets, bytes, seen_ns);
    /* The kernel counts a packet first and then notes its numbers, so the numbers of a packet counted before may
     * come only now */
    side->next = splice_slot_most(s, &s->next, side->next);
    side->leg.acked = splice_slot_most(s, &s->acked, side->leg.acked);
    c->side[!from].ours = side->next - splice->end[from].in + splice->end[!from].out;
    splice->edge[!from] = splice_slot_most(s, &s->edge, splice->edge[!from]);
    splice->stamp_sent[!from] = splice_slot_most(s, &s->stamp, splice->stamp_sent[!from]);
    const uint32_t edge = splice->edge[!from] - splice->end[!from].in + splice->end[from].out;
    const uint32_t stamp = splice->stamp_sent[!from] - splice->end[!from].stamp_out + splice->end[from].stamp_in;
    side->leg.edge = seq_most(side->leg.edge, edge);
    side->leg.stamp = seq_most(side->leg.stamp, stamp);
}

void inlines_take(struct inlines *all, struct inline_conn *c, uint32_t number)
{
    for (unsigned from = 0; all->slot && from < 2; from++)
        if (has_slot(all, number, from)) slot_take_counts(all, c, number, (enum inline_at)from);
}

/* Drop a direction's slot. Its last counts are taken afterwards, because the kernel then counts no more there. */
static void slot_drop(struct inlines *all, uint32_t number, unsigned from)
{
    if (has_slot(all, number, from)) {
        splice_slots_drop(&all->slots, all->slot[number][from]);
        slot_take_counts(all, &all->at[number], number, (enum inline_at)from);
    }
    all->slot[number][from] = SPLICE_NO_SLOT;
}

void inlines_drop_slots(struct inlines *all, uint32_t number)
{
    for (unsigned from = 0; all->slot && from < 2; from++) slot_drop(all, number, from);
}

void inlines_leave_kernel(struct inlines *all)
{
    for (uint32_t n = 0; all->slot && n < all->numbers.high; n++) inlines_drop_slots(all, n);
}

uint64_t inlines_take_some(struct inlines *all, uint64_t now_ns)
{
    if (!all->slot || !all->slots.head->live) return UINT64_MAX;
    for (unsigned i = 0; i < TAKEN_AT_ONCE && i < all->numbers.high; i++) {
        const uint32_t n = numbered_turn(&all->numbers, &all->taken);
        if (all->at[n].state == INLINE_SPLICED) inlines_take(all, &all->at[n], n);
    }
    return time_after(now_ns, numbered_wait_ns(&all->numbers, TAKEN_AT_ONCE));
}

void inlines_sent(struct inlines *all)
{
    while (all->turn_count) {
        const struct inline_turn *t = &all->turns[--all->turn_count];
        splice_slots_sent(&all->slots, t->slot, t->turn);
    }
}

/* True if the connection goes on, and the state of both ends fits in slots. */
static bool may_have_slots(const struct job *j, const struct inline_conn *c, const struct packet_ctx *ctx)
{
    struct stack_tag tags[STACK_TAGS];
    const uint32_t over = OVER_RESET | OVER_WIRE | OVER_GONE;
    if (!j->vm->forward || !j->vm->forward->recipes || c->over & over || (c->over & OVER_FINS) == OVER_FINS)
        return false;
    if (ctx->pkt->link != LINK_ETHER || ctx->key->kind & KIND_VLAN || c->service >= RECIPE_NAT) return false;
    for (unsigned at = 0; at < 2; at++)
        if (c->side[at].bridged || inlines_tags(j->vm->inlines, c, (enum inline_at)at, tags)) return false;
    return true;
}

/* Fill in a direction's slot. False: its ends agreed on different options, or its way is not known yet. */
static bool slot_fill(const struct job *j, const struct inline_conn *c, const struct packet_ctx *ctx,
                      enum inline_at from, const struct tx_entry *sent, struct splice_slot *s)
{
    const enum inline_at to = from == AT_CLIENT ? AT_SERVER : AT_CLIENT;
    const struct key *key = ctx->key;
    const struct translation as = inline_outwards(c, to);
    *s = (struct splice_slot){.next = c->side[from].next,
                              .acked = c->side[from].leg.acked,
                              .edge = c->splice.edge[to],
                              .stamp = c->splice.stamp_sent[to]};
    if (!splice_slots_moves(&c->splice, from, c->v6, inline_mtu(j, c, to, key), &s->moves)) return false;
    memcpy(s->tuple.src, key->src, sizeof s->tuple.src);
    memcpy(s->tuple.dst, key->dst, sizeof s->tuple.dst);
    s->tuple.ports = (uint32_t)key->src_port << 16 | key->dst_port;
    s->recipe = (struct recipe){.generation = j->vm->forward->recipes,
                                .service = (uint16_t)c->service,
                                .server = UINT16_MAX,
                                .heard_if = ctx->pkt->iface};
    wire_put48(s->recipe.heard_mac, c->side[from].mac);
    recipe_differ(&s->recipe, key, &as);
    /* The way of segments to that end, if it is known */
    const struct way_back way = inline_way(j, c, to);
    const struct vm_ways *ways = j->in->ways;
    s->recipe.out_if = way.iface;
    wire_put48(s->recipe.next_mac, way.mac);
    if (way.mac) return way.iface != IFACE_NONE;
    if (!ways || sent->kind != TX_SEND || !sent->family) return false;
    return ways->find(ways->arg, sent, &s->recipe.out_if, s->recipe.next_mac) && wire_get48(s->recipe.next_mac);
}

/* True if the direction's segments no longer leave to the end's newest MAC address. */
static bool has_moved(const struct job *j, const struct inline_conn *c, uint32_t number, enum inline_at to)
{
    const struct inlines *all = j->vm->inlines;
    const uint64_t mac = inline_way(j, c, to).mac;
    return mac && has_slot(all, number, !to) &&
           wire_get48(splice_slots_at(&all->slots, all->slot[number][!to])->recipe.next_mac) != mac;
}

/* True if more packets of the direction came in the same batch. */
static bool more_come(const struct job *j, const struct packet_ctx *ctx)
{
    const struct key *key = ctx->key;
    for (unsigned i = ctx->at + 1; i < j->batch; i++) {
        const struct key *k = &j->vm->keys[i];
        if (k->src_port == key->src_port && k->dst_port == key->dst_port && address_equal(k->src, key->src) &&
            address_equal(k->dst, key->dst))
            return true;
    }
    return false;
}

void inline_keep_slot(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                      enum inline_at from, const struct tx_entry *sent)
{
    struct inlines *all = j->vm->inlines;
    struct splice_slot s;
    if (!all->slot) return;
    if (!may_have_slots(j, c, ctx)) {
        inlines_drop_slots(all, number);
        return;
    }
    if (more_come(j, ctx)) return; /* the kernel would pass new packets before those leave */
    if (has_moved(j, c, number, from)) slot_drop(all, number, !from); /* until the next packet of that direction */
    if (!slot_fill(j, c, ctx, from, sent, &s)) {
        slot_drop(all, number, from);
        return;
    }
    uint32_t *slot = &all->slot[number][from];
    const uint32_t before = *slot;
    *slot = splice_slots_put(&all->slots, &s);
    if (*slot != SPLICE_NO_SLOT) {
        /* the turn of a segment that leaves; without room the gate opens by a later one */
        const struct vm_up *up = vm_came_up(j, ctx);
        if (!up || !up->turn || all->turn_count == TURNS_MOST) return;
        all->turns[all->turn_count++] = (struct inline_turn){.slot = *slot, .turn = up->turn};
        return;
    }
    if (before != NO_ROOM) __atomic_store_n(&all->slots.head->no_room, all->slots.head->no_room + 1, __ATOMIC_RELAXED);
    *slot = NO_ROOM;
}
