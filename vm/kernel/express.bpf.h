/* The express way: an ordinary packet of a flow that is sent on goes from its first byte to the wire in one go, without
 * a copy of its head, a call or another stage. It is made of what the stages are made of, in another order: the quick
 * parser, the tuple, the recipe, the edit, the counters. Whatever is not ordinary about a packet, or not known at once,
 * takes the long way, and nothing has been changed yet. */
#ifndef VM_KERNEL_EXPRESS_BPF_H
#define VM_KERNEL_EXPRESS_BPF_H

#include "vm/flow/ordinary.h"
#include "vm/flow/table_look.h"
#include "vm/flow/tuple_ports.h"
#include "vm/forward/plain.h"
#include "vm/kernel/frame.bpf.h"
#include "vm/kernel/leave.bpf.h"
#include "vm/kernel/recipe.bpf.h"
#include "vm/kernel/settle.bpf.h"

/* Bytes that such a packet has at least: it is read, and edited, where it lies. */
enum { EXPRESS_BYTES = ETHER_LEN + IP4_LEN + TCP_LEN };

/* Do all that is of no packet let it go this way: what is asked, what the program says, who wants to be told? */
inline_whole bool express_may(const struct kpkt *k)
{
    if (k->flags & KERNEL_ONLY_JUDGE || !(state_world.flags & PBC_KEEPS_FLOWS)) return false;
    return !(state_world.facts.bridges | state_world.sample | (state_world.reach > KERNEL_HEAD));
}

/* Its tuple, and the first slot that may be of it: its flow's, or that of its flow's twin. */
inline_whole bool express_find(struct kpkt *k)
{
    struct track_seen *s = &k->seen;
    s->how = (uint8_t)tuple_of_ports4(&k->key, 0, &s->id, &s->at);
    if (s->at & (AT_SAME | AT_GROUP)) return false;
    s->hash = table_hash4(TABLE, s->id.low[0], s->id.high[0], s->id.rest);
    s->tuple = table_ask_slot(TABLE, s->hash);
    if (s->tuple == FLOW_NONE) return false;
    const struct flow *at = table_slot(TABLE, s->tuple);
    s->twin = at->flags & FLOW_TWIN;
    s->slot = s->twin ? at->flow : s->tuple;
    s->dir = !(s->at & AT_HIGH) == !(at->flags & FLOW_OPENED_BY_HIGH) ? FLOW_ORIGINAL : FLOW_REPLY;
    s->class = s->twin ? SEEN_REPLY : SEEN_ORIGINAL;
    return s->twin == (s->dir == FLOW_REPLY);
}

/* Do the rules say nothing of it: it comes back from where a flow was sent, or there are none? */
inline_whole bool express_is_free(const struct kpkt *k)
{
    const uint32_t flags = count_program(k->program)->flags;
    return k->seen.twin || (flags & (KERNEL_SENDS_ON | KERNEL_HAS_FIREWALLS)) == KERNEL_SENDS_ON;
}

/* By the recipe of its tuple it stays as long as it is, and it is known where it leaves. */
inline_whole bool express_leaves(struct kpkt *k, const uint8_t *frame)
{
    const uint32_t published = recipe_copy(k);
    if (!published || !table_is_of_ip4(TABLE, k->seen.tuple, &k->seen.id) || !recipe_is_whole(k, published))
        return false;
    const uint32_t kind = k->seen.recipe;
    if (kind != RECIPE_REWRITE && kind != RECIPE_FRAME) return false;
    return plain_leaves(&k->recipe, kind == RECIPE_FRAME ? RECIPE_FRAME : RECIPE_REWRITE, &k->pkt, &k->key, frame,
                        k->seen.twin, state_world.longest) &&
           leave_is_known(k);
}

/* Its flow, which nobody else changes now, goes on as it is but for numbers and time. */
inline_whole bool express_goes_on(struct kpkt *k, struct flow *f, const uint8_t *tcp)
{
    const struct track_seen *s = &k->seen;
    const enum flow_dir dir = s->dir ? FLOW_REPLY : FLOW_ORIGINAL;
    if ((f->flags & (FLOW_BOUND | FLOW_TWIN)) != FLOW_BOUND || f->joined) return false;
    if (table_expired(TABLE, f, k->now_ns)) return false;
    if (s->how == HOW_TCP) {
        struct tcp_segment segment;
        ordinary_segment(tcp, &k->key, &k->pkt, &segment);
        if (!ordinary_is_open(f) || !in_window(&f->tcp, dir, &segment)) return false;
        take(&f->tcp, dir, &segment);
        f->tcp.ignored = 0;
    } else if (!ordinary_udp(f, dir)) {
        return false;
    }
    if (f->seen_ns != k->now_ns) f->seen_ns = k->now_ns;
    return true;
}

/* The same under its lock. A datagram that comes in the same tick of the clock as the one before changes nothing. */
inline_whole bool express_keep(struct kpkt *k, const uint8_t *tcp)
{
    struct flow *f = table_slot(TABLE, k->seen.slot);
    const bool changes = k->seen.how == HOW_TCP || f->seen_ns != k->now_ns;
    if (!changes) return express_goes_on(k, f, tcp);
    if (!table_try_lock(f)) return false;
    const bool goes_on = express_goes_on(k, f, tcp);
    table_unlock(f);
    return goes_on;
}

inline_whole void express_edit(const struct kpkt *k, uint8_t *frame)
{
    const bool partial = k->pkt.flags & PKT_CSUM_PARTIAL;
    if (k->seen.recipe == RECIPE_REWRITE) {
        if (k->seen.how == HOW_TCP)
            recipe_rewrite(&k->recipe, KIND_IP4 | KIND_TCP, frame + ETHER_LEN, partial);
        else
            recipe_rewrite(&k->recipe, KIND_IP4 | KIND_UDP, frame + ETHER_LEN, partial);
    }
    frame_macs(k, frame, frame);
}

/* What a step has found out stands in the packet; nothing of it stays on the stack, of which calls need the room. */
#define EXPRESS_STEP(k) __asm__ volatile("" : "+r"(k) : : "memory")

/* frame: its first bytes, EXPRESS_BYTES of them; key and offsets are read. False: the long way. True: it is edited and
 * counted, and leaves. */
inline_whole bool express(struct kpkt *k, uint8_t *frame)
{
    EXPRESS_STEP(k);
    if (!plain_is(&k->pkt, &k->key, frame, k->pkt.cap_len == k->pkt.wire_len)) return false;
    EXPRESS_STEP(k);
    if (!express_may(k) || !express_find(k) || !express_is_free(k)) return false;
    EXPRESS_STEP(k);
    if (!express_leaves(k, frame)) return false;
    EXPRESS_STEP(k);
    if (!express_keep(k, frame + ETHER_LEN + IP4_LEN)) return false;
    EXPRESS_STEP(k);
    express_edit(k, frame);
    EXPRESS_STEP(k);
    k->flags |= KERNEL_ORDINARY;
    k->up = KERNEL_UP_NONE;
    k->out = (uint8_t)settle_ordinary(k, decided_by_nobody(ACTION_ACCEPT));
    settle_count(k);
    return true;
}

#endif
