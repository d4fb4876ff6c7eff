/* The express way: one piece of code brings an ordinary packet of a known flow to the wire or to the host, without a
 * copy of its head, a call or another stage. The parts of the stages run in another order: quick parser, tuple,
 * recipe, edit, counters. A packet that is not ordinary, or not decided at once, takes the long way, unchanged. */
#pragma once

#include "vm/flow/table/lookup.h"
#include "vm/flow/track/ordinary.h"
#include "vm/flow/track/tuple_ports.h"
#include "vm/forward/ordinary.h"
#include "vm/kernel/act/buffer.bpf.h"
#include "vm/kernel/act/frame.bpf.h"
#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/act/up.bpf.h"
#include "vm/kernel/act/way_out.bpf.h"
#include "vm/kernel/copy/copy.bpf.h"
#include "vm/kernel/flow/memo.bpf.h"
#include "vm/kernel/flow/recipe.bpf.h"
#include "vm/kernel/look/head.bpf.h"

/* Bytes of an ordinary packet, which is read and edited in place. */
struct express_bytes {
    uint8_t *frame; /* first byte of the frame; of an Ethernet frame ETHER_LEN bytes are there */
    uint8_t *ip;    /* the IP header; the header of TCP or UDP follows it */
    const uint8_t *end;
    uint32_t l3;   /* offset of `ip` */
    uint16_t type; /* EtherType of the bytes at `ip`, in wire order; 0: fewer than IP4_LEN bytes are there */
};

/* Return the header behind the IP header. */
inline_whole const uint8_t *express_l4(const struct kpkt *k, const struct express_bytes *b)
{
    return b->ip + BELOW_64(k->key.kind & KIND_IP4 ? IP4_LEN : IP6_LEN);
}

/* Keep the findings of a step in the packet, not on the stack, because calls need the stack's room. */
#define EXPRESS_STEP(k) __asm__ volatile("" : "+r"(k) : : "memory")

/* True unless a process's request, the program, or reports to processes rule out this way for all packets. */
inline_whole bool express_may(const struct kpkt *k)
{
    if (k->flags & KERNEL_ONLY_JUDGE || !(state_world.flags & PBC_KEEPS_FLOWS)) return false;
    if (state_world.watches | state_world.renumbers) return false;
    return !(state_world.facts.bridges | state_world.sample | state_world.thins | (state_world.reach > KERNEL_HEAD));
}

/* Set the interface's id in rules, if they name it by a pattern. For rules, a forwarded packet's interface is the
 * incoming one, even if the packet is seen only as it leaves. */
inline_whole void settle_iface(struct kpkt *k)
{
    if (state_world.facts.patterns) k->key.iface = (uint16_t)known_as(k->key.iface);
    if (k->came && !(k->key.kind & KIND_OUT)) k->key.iface = (uint16_t)(k->came - 1);
}

/* Return the id of the packet's VLAN stack, which has at most one 802.1Q tag (stacks.h). */
inline_whole uint16_t express_stack(const struct key *key)
{
    return (uint16_t)(key->kind & KIND_VLAN ? 1 + key->vlan_outer : 0);
}

/* Note why the packet takes the long way. */
inline_whole bool express_not(struct kpkt *k, enum kernel_long why)
{
    k->missed = (uint8_t)why;
    return false;
}

/* True if the headers are those of an ordinary packet. */
inline_whole bool express_is_plain(struct kpkt *k)
{
    const struct key *key = &k->key;
    if (settle_hears(k)) return express_not(k, KERNEL_LONG_NAMES);
    if (ordinary_headers(&k->pkt, key, k->pkt.cap_len == k->pkt.wire_len)) return true;
    if (!(key->kind & (KIND_TCP | KIND_UDP))) return express_not(k, KERNEL_LONG_PROTOCOL);
    const uint32_t flags = TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK;
    const bool opens = key->kind & KIND_TCP && (key->marks & flags) != TCP_ACK;
    return express_not(k, opens ? KERNEL_LONG_FLAGS : KERNEL_LONG_PIECES);
}

/* Lines of the flow table found for the packet, so that their addresses are computed once */
struct express_lines {
    struct flow *at; /* line of the packet's tuple: the flow's, or that of the flow's twin */
    struct flow *f;  /* line of the packet's flow */
};

/* Find the packet's tuple, and the first slot that may hold it. */
inline_whole bool express_find(struct kpkt *k, struct express_lines *lines)
{
    struct track_seen *s = &k->seen;
    if (k->key.kind & KIND_IP4) {
        s->how = (uint8_t)tuple_of_ports4(&k->key, express_stack(&k->key), &s->id, &s->at);
        if (s->at & (AT_SAME | AT_GROUP)) return express_not(k, KERNEL_LONG_FLOW);
        s->hash = table_hash4(TABLE, s->id.low[0], s->id.high[0], s->id.rest);
    } else {
        s->how = (uint8_t)tuple_of_ports6(&k->key, express_stack(&k->key), &s->id, &s->at);
        if (s->at & (AT_SAME | AT_GROUP)) return express_not(k, KERNEL_LONG_FLOW);
        s->hash = table_hash6(TABLE, &s->id);
        table_ask_cold(TABLE, table_first(TABLE, s->hash));
    }
    EXPRESS_STEP(k);
    s->tuple = table_ask_slot(TABLE, s->hash);
    if (s->tuple == FLOW_NONE) return express_not(k, KERNEL_LONG_FLOW);
    struct flow *at = table_slot(TABLE, s->tuple);
    const uint8_t flags = at->flags;
    lines->at = lines->f = at;
    s->twin = flags & FLOW_TWIN;
    s->slot = s->tuple;
    s->dir = !(s->at & AT_HIGH) == !(flags & FLOW_OPENED_BY_HIGH) ? FLOW_ORIGINAL : FLOW_REPLY;
    s->class = flags & FLOW_BOUND ? SEEN_ORIGINAL : SEEN_UNBOUND;
    if (flags & FLOW_TWIN) {
        s->slot = at->flow;
        s->class = SEEN_REPLY;
        lines->f = table_slot(TABLE, s->slot);
    }
    return s->class == SEEN_UNBOUND || s->twin == (s->dir == FLOW_REPLY) || express_not(k, KERNEL_LONG_ROLE);
}

/* True if the slot has the packet's tuple. */
inline_whole bool express_is_its(const struct kpkt *k, const struct flow *at)
{
    const struct flow_id *id = &k->seen.id;
    if (k->key.kind & KIND_IP4) return table_is_of_ip4(at, id);
    return table_rest(at) == id->rest && table_has_ip6(TABLE, k->seen.tuple, id);
}

/* True if no rule judges the packet: it is a reply of a bound flow, or there are no firewalls. */
inline_whole bool express_is_free(const struct kpkt *k)
{
    return k->seen.twin || !(count_program(k->program)->flags & KERNEL_JUDGES);
}

/* Return why the packet's recipe does not take it. */
inline_whole enum kernel_long express_why_not_taken(const struct kpkt *k)
{
    return pkt_longest(&k->pkt, k->key.length) > recipe_longest(k) ? KERNEL_LONG_LENGTH : KERNEL_LONG_MOVED;
}

/* True if the packet's recipe keeps its length, and its way out is known. frame: as for recipe_takes. xdp: the
 * packet is at XDP. */
inline_whole bool express_leaves(struct kpkt *k, const struct flow *at, const uint8_t *frame, bool xdp)
{
    const uint32_t published = recipe_copy(k, at);
    if (!express_is_its(k, at)) return express_not(k, KERNEL_LONG_FLOW);
    if (!published || !recipe_is_whole(at, published)) return express_not(k, KERNEL_LONG_RECIPE);
    const uint32_t kind = k->seen.recipe & (RECIPE_KINDS - 1), how = kind & ~(uint32_t)RECIPE_IP6;
    if (how != RECIPE_REWRITE && how != RECIPE_FRAME) return express_not(k, KERNEL_LONG_RECIPE);
    if (!recipe_takes(&k->recipe, (uint8_t)kind, &k->pkt, k->key.length, frame, k->seen.twin, recipe_longest(k)))
        return express_not(k, express_why_not_taken(k));
    return leave_is_known(k, xdp) || express_not(k, KERNEL_LONG_NEIGHBOUR);
}

/* Return why a flow is not open on both sides. */
inline_whole enum kernel_long express_why_not_open(const struct flow *f)
{
    const enum flow_class class = flow_state_class((enum flow_state)f->state);
    return class == FLOW_HALF_OPEN || class == FLOW_ONE_WAY ? KERNEL_LONG_ONE_WAY : KERNEL_LONG_ENDING;
}

/* True if the packet changes only numbers and time of its flow, and the decision is known. bound: the flow is sent
 * on. held: the flow's lock is taken; without the lock nothing is written. */
inline_whole bool express_goes_on(struct kpkt *k, const struct express_lines *lines, const struct express_bytes *b,
                                  bool bound, bool held)
{
    const struct track_seen *s = &k->seen;
    const enum flow_dir dir = (enum flow_dir)(s->dir & 1u);
    struct flow *f = lines->f;
    if (!table_still_at(s, lines->at)) return express_not(k, KERNEL_LONG_BUSY);
    if ((f->flags & (FLOW_BOUND | FLOW_TWIN)) != (bound ? FLOW_BOUND : 0) || f->joined)
        return express_not(k, KERNEL_LONG_ROLE);
    if (table_expired(TABLE, f, k->now_ns)) return express_not(k, KERNEL_LONG_ENDING);
    EXPRESS_STEP(k);
    if (bound && k->seen.twin && f->would & FLOW_WOULD_STATE && memo_audits(k))
        return express_not(k, KERNEL_LONG_RULES);
    if (!bound || !express_is_free(k)) {
        if (s->how != HOW_TCP && !ordinary_two_way(f)) return express_not(k, express_why_not_open(f));
        if (!memo_recall(k, f)) return express_not(k, KERNEL_LONG_RULES);
    }
    EXPRESS_STEP(k);
    if (s->how == HOW_TCP) {
        struct tcp_segment segment;
        const uint8_t *tcp = express_l4(k, b);
        if (tcp + TCP_LEN > b->end) return express_not(k, KERNEL_LONG_PIECES);
        ordinary_segment(tcp, &k->key, &k->pkt, &segment);
        if (!ordinary_is_open(f)) return express_not(k, express_why_not_open(f));
        if (!in_window(&f->tcp, dir, &segment)) return express_not(k, KERNEL_LONG_WINDOW);
        window_take(&f->tcp, dir, &segment);
        f->tcp.ignored = 0;
    } else if (!ordinary_udp(f, dir)) {
        return express_not(k, express_why_not_open(f));
    } else if (!ordinary_counted(f, dir)) {
        return express_not(k, KERNEL_LONG_YOUNG);
    }
    if (f->seen_ns == k->now_ns) return true;
    if (!held) return express_not(k, KERNEL_LONG_BUSY);
    memo_forget(f);
    f->seen_ns = k->now_ns;
    return true;
}

/* Do the same as express_goes_on, under the flow's lock. A datagram in the clock tick of the last one changes
 * nothing. */
inline_whole bool express_keep(struct kpkt *k, const struct express_lines *lines, const struct express_bytes *b,
                               bool bound)
{
    struct flow *f = lines->f;
    k->decision = decided_by_nobody(ACTION_ACCEPT);
    if (k->seen.how != HOW_TCP && f->seen_ns == k->now_ns) {
        const uint64_t was = *(volatile uint64_t *)&f->taken;
        if (was & TAKEN_LOCK) return express_not(k, KERNEL_LONG_BUSY);
        if (!express_goes_on(k, lines, b, bound, false)) return false;
        return *(volatile uint64_t *)&f->taken == was || express_not(k, KERNEL_LONG_BUSY);
    }
    if (!table_try_lock(f)) return express_not(k, KERNEL_LONG_BUSY);
    const bool goes_on = express_goes_on(k, lines, b, bound, true);
    table_unlock(f);
    return goes_on;
}

/* Rewrite the packet behind the Ethernet header and its tag. The comparisons that the kernel's verifier demands are
 * always true. */
inline_whole void express_rewrite(const struct kpkt *k, const struct express_bytes *b)
{
    const bool partial = k->pkt.flags & PKT_CSUM_PARTIAL;
    if (k->key.kind & KIND_IP4) {
        if (b->ip + IP4_LEN + UDP_LEN > b->end) return;
        if (k->seen.how != HOW_TCP)
            recipe_rewrite(&k->recipe, KIND_IP4 | KIND_UDP, b->ip, partial);
        else if (b->ip + IP4_LEN + TCP_LEN <= b->end)
            recipe_rewrite(&k->recipe, KIND_IP4 | KIND_TCP, b->ip, partial);
    } else {
        if (b->ip + IP6_LEN + UDP_LEN > b->end) return;
        if (k->seen.how != HOW_TCP)
            recipe_rewrite(&k->recipe, KIND_IP6 | KIND_UDP, b->ip, partial);
        else if (b->ip + IP6_LEN + TCP_LEN <= b->end)
            recipe_rewrite(&k->recipe, KIND_IP6 | KIND_TCP, b->ip, partial);
    }
}

inline_whole void express_edit(const struct kpkt *k, const struct express_bytes *b)
{
    if ((k->seen.recipe & ~RECIPE_IP6) == RECIPE_REWRITE) express_rewrite(k, b);
    frame_macs(k, b->frame, b->frame);
}

/* Copy the headers to the packet's head, or to its edited part. False: they are too short. */
inline_whole bool express_copy(uint8_t *to, const struct express_bytes *b)
{
    const uint64_t there = (uint64_t)(b->end - b->frame), len = there < HEAD_AHEAD ? there : HEAD_AHEAD;
    return head_ahead(to, b->frame, b->end, len);
}

/* True if the packet's connection may be observed: it takes the long way, where frames are copied. */
inline_whole bool express_is_observed(struct kpkt *k)
{
    if (!copies_are_made() || k->flags & KERNEL_ASKED || !copies_observe(k)) return false;
    k->missed = KERNEL_LONG_OBSERVED;
    return kernel_is_observed(k, k->seen.twin);
}

/* True if the packet's sum covers the pseudo header only. */
inline_whole bool express_is_partial(const struct kpkt *k, const struct express_bytes *b)
{
    const uint8_t *l4 = express_l4(k, b);
    if (!(k->key.kind & KIND_TCP)) return l4 + UDP_LEN <= b->end && frame_is_partial(k, wire_get16(l4 + UDP_SUM));
    return l4 + TCP_LEN <= b->end && frame_is_partial(k, wire_get16(l4 + TCP_SUM));
}

/* True if a packet of a bound flow may be sent on. */
inline_whole bool express_sends(struct kpkt *k)
{
    return (!(k->flags & KERNEL_STAYS) && sends_on()) || express_not(k, KERNEL_LONG_ROLE);
}

/* Edit a packet of a bound flow. False: it takes the long way. skb: its socket buffer; NULL: a frame of XDP. */
inline_whole bool express_on(struct kpkt *k, const struct express_lines *lines, const struct express_bytes *b,
                             struct __sk_buff *skb)
{
    if (!(count_program(k->program)->flags & KERNEL_SENDS_ON)) return express_not(k, KERNEL_LONG_RULES);
    const uint8_t *frame = FORM_LINK == LINK_RAW ? NULL : b->frame;
    if (!ordinary_frame(&k->pkt, &k->key, frame)) return express_not(k, KERNEL_LONG_HOPS);
    if (!skb && k->flags & KERNEL_SOFTWARE && express_is_partial(k, b)) return express_not(k, KERNEL_LONG_CHECKSUM);
    if (skb && buffer_is_long(skb, k)) return express_not(k, KERNEL_LONG_LENGTH);
    EXPRESS_STEP(k);
    if (!express_leaves(k, lines->at, frame, !skb)) return false;
    EXPRESS_STEP(k);
    if (express_is_observed(k)) return false;
    EXPRESS_STEP(k);
    if (!express_keep(k, lines, b, true)) return false;
    EXPRESS_STEP(k);
    k->flags |= KERNEL_ORDINARY;
    k->out = (uint8_t)settle_ordinary(k, k->decision);
    if (!skb)
        express_edit(k, b);
    else if (!express_copy(k->edited, b) || !buffer_edit(skb, k))
        k->out = KERNEL_DROP;
    return true;
}

/* Let a packet of any other flow pass. False: it takes the long way. */
inline_whole bool express_here(struct kpkt *k, const struct express_lines *lines, const struct express_bytes *b)
{
    if (count_program(k->program)->flags & KERNEL_HAS_PROXIES) return express_not(k, KERNEL_LONG_PROXY);
    if (!express_is_its(k, lines->at)) return express_not(k, KERNEL_LONG_FLOW);
    if (express_is_observed(k)) return false;
    EXPRESS_STEP(k);
    if (!express_keep(k, lines, b, false)) return false;
    settle_verdict(k, ACTION_ACCEPT, k->decision, PBC_NONE, PBC_NONE);
    k->out = KERNEL_PASS;
    return true;
}

/* Try the express way. Key and offsets have been read. KERNEL_NONE: the packet takes the long way. Otherwise it is
 * counted, and with KERNEL_SEND also edited; KERNEL_DROP: no memory for the edit. skb: the packet's socket buffer;
 * NULL: a frame of XDP. */
inline_whole uint32_t express(struct kpkt *k, const struct express_bytes *b, struct __sk_buff *skb)
{
    EXPRESS_STEP(k);
    k->missed = KERNEL_LONG_SHUT;
    if (!express_may(k) || !express_is_plain(k)) return KERNEL_NONE;
    settle_iface(k);
    EXPRESS_STEP(k);
    struct express_lines lines;
    if (!express_find(k, &lines)) return KERNEL_NONE;
    EXPRESS_STEP(k);
    const bool bound = k->seen.class != SEEN_UNBOUND;
    if (bound ? !express_sends(k) || !express_on(k, &lines, b, skb) : !express_here(k, &lines, b)) {
        k->said = 0;
        return KERNEL_NONE;
    }
    EXPRESS_STEP(k);
    k->up = KERNEL_UP_NONE;
    if (k->out == KERNEL_DROP)
        up_lost(k);
    else
        settle_count(k);
    return k->out;
}
