/* A packet's flow in the kernel: tuple, slot and `state` (study and look of vm/flow/track/track.h). */
#pragma once

#include "vm/flow/inquiry.h"
#include "vm/flow/track/ordinary.h"
#include "vm/kernel/count.bpf.h"
#include "vm/kernel/flow/recipe.bpf.h"
#include "vm/kernel/flow/table_access.bpf.h"

/* Return the id of the packet's VLAN stack if it follows from the tags (vm/flow/stacks.h); STACK_UNKNOWN: a table
 * has it. */
static uint16_t stack_by_tags(const struct kpkt *k)
{
    const struct pkt *p = &k->pkt;
    if (!is_tagged(p)) return 0;
    if (p->tag_count + p->tags_in_frame > 1) return STACK_UNKNOWN;
    const uint16_t tpid = p->tag_count ? p->tags[0].tpid : bytes_get16(p, tags_type_at(p));
    return tpid == ETHER_VLAN ? (uint16_t)(1 + k->key.vlan_outer) : (uint16_t)STACK_UNKNOWN;
}

/* Set tuple and hash. False: the id of the VLAN stack is not known here. */
GLOBAL bool kernel_flow_study(struct kpkt *k NONNULL)
{
    struct track_seen *s = &k->seen;
    const uint16_t stack = LOOSE(stack_by_tags(k));
    const uint16_t query = LOOSE(k->key.kind & KIND_ICMP_HEADER ? icmp_query_read(&k->pkt) : 0);
    s->slot = s->tuple = s->room = FLOW_NONE;
    s->at = 0;
    s->dir = FLOW_ORIGINAL;
    s->twin = false;
    s->recipe = RECIPE_NONE;
    s->back = SOURCE_UNKNOWN;
    if (k->key.kind & (KIND_ICMP | KIND_ICMP6) && icmp_is_error(&k->key))
        s->how = (uint8_t)related_tuple(&k->key, &k->pkt, stack, s);
    else
        s->how = (uint8_t)tuple_of(&k->key, query, stack, &s->id, &s->at);
    if (s->how < HOW_TCP) return true;
    s->hash = table_hash(TABLE, &s->id);
    return stack != STACK_UNKNOWN;
}

/* Copy the line of a slot as it was at one moment. False: other processors keep changing it. */
GLOBAL bool kernel_flow_copy(struct flow *to NONNULL, int64_t slot)
{
    const volatile uint64_t *from = (const volatile uint64_t *)(const void *)table_slot(TABLE, slot);
    volatile uint64_t *line = (volatile uint64_t *)(void *)to;
    TURNS(TABLE_TRIES)
    for (uint32_t tries = LOOSE(0u); LOOP(tries < TABLE_TRIES); tries = LOOSE(tries + 1)) {
        const uint64_t taken = from[0];
        for (unsigned i = 1; i < sizeof *to / 8; i++) line[i] = from[i];
        line[0] = from[0];
        if (taken == line[0] && !(taken & TAKEN_LOCK)) return true;
    }
    return false;
}

/* Set *over if the flow of s->slot has expired, and release it, unless the packet is only judged. Return 0, or a
 * reason to go up. */
static uint64_t look_at_time(struct kpkt *k, bool *over)
{
    struct track_seen *s = &k->seen;
    *over = table_expired(TABLE, table_slot(TABLE, s->slot), k->now_ns);
    if (!*over || k->flags & KERNEL_ONLY_JUDGE) return KERNEL_UP_NONE;
    if (k->flow.flags & (FLOW_BOUND | FLOW_PAIRED)) return KERNEL_UP_BEGIN;
    return table_expire(TABLE, (uint32_t)s->slot, k->now_ns) ? KERNEL_UP_NONE : KERNEL_UP_BUSY;
}

static void find_none(struct track_seen *s)
{
    s->slot = s->tuple = FLOW_NONE;
    s->dir = FLOW_ORIGINAL;
    s->twin = false;
}

/* Find the packet's flow: s->slot, s->tuple, k->flow. If the slot has another flow by now, there is none. Return 0,
 * or a reason to go up. */
GLOBAL uint64_t kernel_flow_find(struct kpkt *k NONNULL)
{
    struct track_seen *s = &k->seen;
    bool over;
    s->slot = may_have_flow(s) ? table_look_up(TABLE, &s->id, s->hash) : FLOW_NONE;
    s->tuple = s->slot;
    if (s->slot == FLOW_NONE) return KERNEL_UP_NONE;
    if (!kernel_flow_copy(&k->flow, s->slot)) return KERNEL_UP_BUSY;
    if (!flow_has_hash(&k->flow, s->hash)) {
        find_none(s);
        return KERNEL_UP_NONE;
    }
    const uint8_t recipe = k->flow.recipe;
    look_side(&k->flow, s);
    if (s->slot == FLOW_NONE) return KERNEL_UP_NONE;
    if (s->twin && !(kernel_flow_copy(&k->flow, s->slot) && table_still(s))) return KERNEL_UP_BUSY;
    const uint64_t up = look_at_time(k, &over);
    if (over) {
        find_none(s);
        return up;
    }
    s->recipe = recipe;
    return k->flow.joined ? KERNEL_UP_BEGIN : KERNEL_UP_NONE;
}

extern struct inquiries state_inquiries[];

/* True if the packet answers an inquiry of this machine. */
GLOBAL bool kernel_answers(struct kpkt *k NONNULL)
{
    struct inquiry_id id = {0};
    return inquiry_read(&k->pkt, &k->key, &id) == INQUIRY_ANSWERS && inquiries_hold(state_inquiries, &id, k->now_ns);
}

/* Note the inquiry, if the packet is one. */
GLOBAL uint64_t kernel_inquire(struct kpkt *k NONNULL)
{
    struct inquiry_id id = {0};
    if (inquiry_read(&k->pkt, &k->key, &id) == INQUIRY_ASKS) inquiries_put(state_inquiries, &id, k->now_ns);
    return 0;
}

/* Find an inquiry of this machine in a packet that a process asks about (vm/worker/turns.c, look_at_inquiry). For
 * other packets, the hook shows which ones this machine sends. */
GLOBAL uint64_t kernel_inquiry_asked(struct kpkt *k NONNULL)
{
    const enum inquiry_sender sender = inquiry_sender(&k->pkt, &k->key, state_world.facts.mac);
    if (sender == INQUIRY_OWN) k->key.kind = (k->key.kind & ~(uint32_t)KIND_IN) | KIND_OUT;
    if (sender == INQUIRY_UNKNOWN) kernel_inquire(k);
    return 0;
}

/* True for a packet that may answer an inquiry: an arriving one, not a forwarded one on its way out. */
static inline bool may_answer(const struct kpkt *k)
{
    return inquiry_may_be(&k->key) && !(k->key.kind & KIND_OUT) && !(k->flags & KERNEL_EGRESS);
}

/* Set the value of `state`, by k->flow or without a flow. opened: this machine opened the connection (PICKS_OPENED). */
GLOBAL uint64_t kernel_flow_see(struct kpkt *k NONNULL, bool opened)
{
    struct track_seen *s = &k->seen;
    const bool picks_up = k->now_ns < state_flow_head.pickup_until_ns;
    const bool answers = may_answer(k) && kernel_answers(k);
    s->picks = (uint8_t)(opened || answers ? PICKS_OPENED : picks_up ? PICKS_NEW : PICKS_NONE);
    look_at(s->slot == FLOW_NONE ? NULL : &k->flow, NULL, &k->key, &k->pkt, s);
    return 0;
}

/* Return the value of `state` for the packet without `audit` (vm/worker/audit.c, mark_of). */
GLOBAL uint64_t kernel_flow_would(struct kpkt *k NONNULL)
{
    return look_would(k->seen.slot == FLOW_NONE ? NULL : &k->flow, &k->key, &k->pkt, &k->seen);
}

/* Return the packet's link header as recipe_takes wants it: NULL for a bare packet. */
static inline const uint8_t *head_link(const struct kpkt *k) { return k->pkt.link == LINK_RAW ? NULL : k->head; }

/* True for an ordinary packet, whose edit is complete in k->recipe (vm/flow/track/ordinary.c). */
static bool is_by_recipe(const struct kpkt *k)
{
    const struct track_seen *s = &k->seen;
    if (!ordinary_headers(&k->pkt, &k->key, k->pkt.cap_len == k->pkt.wire_len) ||
        !ordinary_frame(&k->pkt, &k->key, head_link(k)))
        return false;
    if (s->at & (AT_SAME | AT_GROUP) || s->twin != (s->dir == FLOW_REPLY)) return false;
    if (s->how == HOW_TCP) return s->mark == MARK_ESTABLISHED && ordinary_is_open(&k->flow);
    if (s->proves && s->next.track.plain.astray) return false; /* user space looks up the routes */
    return ordinary_udp(&k->flow, (enum flow_dir)s->dir);
}

static bool has_recipe(struct kpkt *k)
{
    const struct flow *at = table_slot(TABLE, k->seen.tuple);
    const uint32_t published = recipe_copy(k, at);
    return published && table_is_of(TABLE, k->seen.tuple, &k->seen.id) && recipe_is_whole(at, published);
}

static inline bool has_audit(const struct kpkt *k) { return count_program(k->program)->flags & KERNEL_AUDITS; }

/* True if the packet's recipe is out of date, and belongs to a nat that changes only the source: the host may have
 * another way by now. */
GLOBAL uint64_t kernel_recipe_is_old(struct kpkt *k NONNULL)
{
    const volatile struct recipe *r = table_recipe(TABLE, k->seen.tuple);
    uint32_t other = 0;
    for (unsigned i = 0; i < 4; i++) other |= r->dst[i] ^ k->key.dst[i];
    return r->service == RECIPE_NAT && r->generation != state_world.recipes && !other;
}

/* Decide about a packet of a bound flow before it is judged: ordinary, up (the reason is returned), or to be judged. */
APART uint64_t kernel_flow_look_at_bound(struct kpkt *k NONNULL)
{
    struct track_seen *s = &k->seen;
    if (!sends_on()) return KERNEL_UP_BEGIN;
    if (s->class == SEEN_ERROR) return KERNEL_UP_ERROR;
    /* If the rules in audit decided, this flow would not exist, and rules would judge its replies. */
    if (s->class == SEEN_REPLY && k->flow.would & FLOW_WOULD_STATE && has_audit(k)) return KERNEL_UP_BEGIN;
    if (s->recipe && is_by_recipe(k) && has_recipe(k) &&
        recipe_takes(&k->recipe, s->recipe, &k->pkt, k->key.length, head_link(k), s->twin, recipe_longest(k))) {
        k->flags |= KERNEL_ORDINARY;
        return KERNEL_UP_NONE;
    }
    if (s->class == SEEN_REPLY) return KERNEL_UP_BEGIN;
    if (s->recipe && kernel_recipe_is_old(k)) s->recipe = RECIPE_OLD;
    return KERNEL_UP_NONE;
}

/* Return the number of flows that the source's network holds, plus one if the packet would open a flow. len4, len6:
 * the network's length in bits. */
GLOBAL uint64_t kernel_flows(struct kpkt *k NONNULL, uint32_t len4, uint32_t len6)
{
    const struct track_seen *s = &k->seen;
    const bool v6 = (k->key.kind & KIND_IP6) != 0;
    const unsigned len = LOOSE(v6 ? len6 : len4);
    struct kernel_source source;
    if (!table_has_sources() || k->flags & KERNEL_DRY) return 0;
    if (!state_flow_head.grains.count || !(k->key.kind & KIND_IP)) return 0;
    kernel_source_of(k->key.src, len, v6, &source);
    const uint32_t held = (uint32_t)kernel_source_flows(&source);
    return flows_with(held, &k->key, len, s, table_slot(TABLE, s->slot)); /* a packet without a flow may use any slot */
}

/* Take another station's packet out of a bound flow: the packet then has no flow, and is invalid. up: result of
 * kernel_flow_find, returned for all other packets. */
static inline uint64_t leave_bound(struct kpkt *k, uint64_t up)
{
    struct track_seen *s = &k->seen;
    const bool bound = up == KERNEL_UP_BEGIN || (!up && s->slot != FLOW_NONE && k->flow.flags & FLOW_BOUND);
    if (!(k->flags & KERNEL_FOREIGN) || !bound) return up;
    find_none(s);
    s->how = HOW_INVALID;
    return KERNEL_UP_NONE;
}

GLOBAL uint64_t kernel_flow_look(struct kpkt *k NONNULL)
{
    if (!kernel_flow_study(k) && !kpkt_is_left(k))
        return KERNEL_UP_STACK; /* packets that no process takes up are judged without a flow */
    const uint64_t up = leave_bound(k, kernel_flow_find(k));
    if (up) return up;
    if (k->flags & KERNEL_ASKED && inquiry_may_be(&k->key)) kernel_inquiry_asked(k);
    kernel_flow_see(k, false);
    return k->seen.slot != FLOW_NONE && k->flow.flags & FLOW_BOUND ? kernel_flow_look_at_bound(k) : KERNEL_UP_NONE;
}
