/* Ordinary segments of spliced connections: their numbers, addresses and way out are in a slot that the worker has
 * written (vm/forward/splice/slots.h). The result is that of splice_pass and of the worker's way out, byte for byte;
 * every other segment goes up unchanged. */
#include "vm/forward/ordinary.h"
#include "vm/forward/splice/slots.h"
#include "vm/kernel/act/buffer.bpf.h"
#include "vm/kernel/act/frame.bpf.h"
#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/act/up.bpf.h"
#include "vm/kernel/act/way_out.bpf.h"
#include "vm/kernel/look/head.bpf.h"

extern struct splice_head state_splices;
extern uint64_t state_splice_tags[];
extern struct splice_slot state_splice_slots[];
extern const char last_splice_tags, last_splice_slots;

/* The options of an ordinary segment: two no-ops and timestamps if they were agreed on, then two no-ops and up to
 * four blocks of SACK, if there are any (splice_options_write). */
enum { STAMPS_AT = TCP_LEN, STAMPS_LEN = 12, SACK_FIRST = 4, SACK_BLOCK = 8, BLOCKS = 4 };
#define STAMPS_BEGIN 0x0101080au
#define SACK_BEGIN   0x01010500u

/* True unless the packet is for another station, or a process's request or reports to processes rule out this way. */
inline_whole bool may_pass(const struct kpkt *k)
{
    const struct kernel_world *w = &state_world;
    return !(k->flags & (KERNEL_ONLY_JUDGE | KERNEL_FOREIGN)) &&
           !(w->watches | w->renumbers | w->sample | w->thins | w->interrupted);
}

/* True for a segment of data or ACK right behind the headers of Ethernet and IP. */
inline_whole bool is_ordinary(const struct kpkt *k, const uint8_t *frame)
{
    const uint32_t flags = TCP_SYN | TCP_FIN | TCP_RST | TCP_URG | TCP_ACK, needs = KIND_TCP | KIND_TCP_FLAGS;
    const struct key *key = &k->key;
    if ((key->kind & needs) != needs || (key->marks & flags) != TCP_ACK || k->pkt.l3 != ETHER_LEN) return false;
    if (k->pkt.tag_count || !ordinary_headers(&k->pkt, key, k->pkt.cap_len == k->pkt.wire_len)) return false;
    return ordinary_frame(&k->pkt, key, frame);
}

/* Copy the slot into the packet, and its use into *use, if it is the tuple's. False: it is not, or the worker has
 * changed it meanwhile. */
inline_whole bool copy_slot(struct kpkt *k, const struct splice_slot *s, const struct splice_tuple *t, bool v6,
                            uint32_t *use)
{
    const volatile uint32_t *change = &s->change;
    const volatile uint32_t *moves = (const volatile uint32_t *)(const void *)&s->moves;
    const volatile uint64_t *recipe = (const volatile uint64_t *)(const void *)&s->recipe;
    volatile uint32_t *to_moves = (volatile uint32_t *)(void *)&k->moves;
    volatile uint64_t *to_recipe = (volatile uint64_t *)(void *)&k->recipe;
    const uint32_t version = *change;
    if (!(version & 1) || !splice_same_tuple(&s->tuple, t, v6)) return false;
#pragma unroll
    for (unsigned i = 0; i < sizeof k->moves / 4; i++) to_moves[i] = moves[i];
#pragma unroll
    for (unsigned i = 0; i < sizeof k->recipe / 8; i++) to_recipe[i] = recipe[i];
    *use = *(const volatile uint32_t *)&s->use;
    return *change == version && k->moves.v6 == v6;
}

/* Find the packet's slot, and copy it. NULL: the packet has none. */
inline_whole struct splice_slot *find(struct kpkt *k, bool v6, uint32_t *use)
{
    struct splice_tuple t = {.ports = (uint32_t)k->key.src_port << 16 | k->key.dst_port};
#pragma unroll
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) {
        t.src[i] = k->key.src[i];
        t.dst[i] = k->key.dst[i];
    }
    const uint64_t hash = v6 ? splice_hash6(&state_splices.key, &t) : splice_hash4(&state_splices.key, &t);
    const struct splice_place at = splice_place(hash, (uint32_t)LAST(splice_tags) + 1);
#pragma unroll
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t group = at.group[i];
        const uint64_t in = splice_at(state_splice_tags[AT_MOST(group, LAST(splice_tags))], at.tag);
        struct splice_slot *s = &state_splice_slots[AT_MOST(group * SPLICE_GROUP + in, LAST(splice_slots))];
        if (in < SPLICE_GROUP && copy_slot(k, s, &t, v6, use)) return s;
    }
    return NULL;
}

/* True if the sender has not moved, or the worker does not ask for this check. Replies must follow the sender. */
inline_whole bool is_heard(const struct kpkt *k, const uint8_t *frame)
{
    const struct recipe *r = &k->recipe;
    if (!(wire_raw32(r->heard_mac) | wire_raw16(r->heard_mac + 4))) return true;
    return recipe_heard(r, frame, k->pkt.iface);
}

/* True if the copied slot is valid, and the packet may leave by it. */
inline_whole bool takes(const struct kpkt *k)
{
    const struct splice_moves *m = &k->moves;
    if (!k->recipe.generation || k->recipe.generation != state_world.recipes ||
        pkt_longest(&k->pkt, k->key.length) > m->longest)
        return false;
    if (k->key.marks & (TCP_ECE | TCP_CWR) && !(m->has & SPLICE_ECN)) return false;
    return leave_is_known(k, true); /* as at XDP: no slot leads to a device without Ethernet */
}

/* The segment with its headers, in the frame or, for a socket buffer, in the head. */
struct spliced {
    uint8_t *frame, *tcp, *sack;
    const uint8_t *end;
    uint32_t blocks, payload;
    uint64_t delta; /* change of the checksum */
};

/* Find the segment's options. False: it has other options, or another order. */
inline_whole bool read_options(const struct kpkt *k, struct spliced *s, bool v6)
{
    const uint32_t ip_len = v6 ? IP6_LEN : IP4_LEN;
    const uint8_t *end = s->end;
    s->tcp = s->frame + ETHER_LEN + ip_len;
    if (s->tcp + TCP_LEN > end) return false;
    const uint32_t header = (uint32_t)(s->tcp[TCP_OFFSET] >> 4) * 4, all = ip_len + header;
    uint32_t rest = header - TCP_LEN;
    if (header < TCP_LEN || (uint64_t)(end - s->tcp) < header || k->key.length < all) return false;
    s->payload = k->key.length - all;
    s->sack = s->tcp + TCP_LEN;
    if (k->moves.has & SPLICE_STAMPS) {
        if (rest < STAMPS_LEN || s->tcp + TCP_LEN + STAMPS_LEN > end) return false;
        if (wire_get32(s->tcp + STAMPS_AT) != STAMPS_BEGIN) return false;
        rest -= STAMPS_LEN;
        s->sack += STAMPS_LEN;
    }
    s->blocks = (rest - SACK_FIRST) / SACK_BLOCK;
    if (!rest) s->blocks = 0;
    if (!rest) return true;
    if (!(k->moves.has & SPLICE_SACK) || rest < SACK_FIRST + SACK_BLOCK || (rest - SACK_FIRST) % SACK_BLOCK)
        return false;
    return s->sack + SACK_FIRST <= end && wire_get32(s->sack) == (SACK_BEGIN | (rest - 2));
}

/* Add to a number, and return the change of a sum over it. */
inline_whole uint64_t move(uint8_t *at, uint32_t by)
{
    const uint32_t was = wire_get32(at);
    wire_put32(at, was + by);
    return csum_delta32(was, was + by);
}

/* A slot's numbers, and the slot's use to which they belong */
struct numbers {
    uint32_t next, acked, edge, stamp;
    uint32_t use;
};

/* Read the slot's numbers. False: a late run has written a number after the slot was given away; the worker will
 * write it again. */
inline_whole bool read_numbers(const struct splice_slot *slot, struct numbers *n)
{
    const volatile struct splice_slot *s = slot;
    const uint64_t next = s->next, acked = s->acked, edge = s->edge, stamp = s->stamp;
    n->next = (uint32_t)next;
    n->acked = (uint32_t)acked;
    n->edge = (uint32_t)edge;
    n->stamp = (uint32_t)stamp;
    return !((next >> 32 ^ n->use) | (acked >> 32 ^ n->use) | (edge >> 32 ^ n->use) | (stamp >> 32 ^ n->use));
}

inline_whole void take_most(uint64_t *word, uint32_t was, uint32_t use, uint32_t number)
{
    if ((int32_t)(was - number) < 0) *(volatile uint64_t *)word = splice_number(use, number);
}

/* Note the segment's numbers, which the worker needs when the connection ends. False: they are far off, so they are
 * not followed. */
inline_whole bool note(const struct kpkt *k, struct splice_slot *slot, const struct numbers *n, const struct spliced *s)
{
    const uint32_t end = wire_get32(s->tcp + TCP_SEQ) + s->payload, ack = wire_get32(s->tcp + TCP_ACKNO);
    __sync_fetch_and_add(&slot->packets, 1);
    __sync_fetch_and_add(&slot->bytes, s->payload);
    *(volatile uint64_t *)&slot->seen_ns = k->now_ns;
    if (!splice_is_near(&k->moves, n->next, n->acked, end, ack)) return false;
    take_most(&slot->next, n->next, n->use, end);
    take_most(&slot->acked, n->acked, n->use, ack);
    return true;
}

/* Rewrite the segment, except its checksum. Its length is known to hold the options, so nothing fails after the
 * first change: the comparisons that the kernel's verifier demands are always true. */
inline_whole bool rewrite(struct kpkt *k, struct splice_slot *slot, const struct numbers *n, struct spliced *s, bool v6)
{
    const struct splice_moves *m = &k->moves;
    const uint8_t *end = s->end;
    uint8_t *tcp = s->tcp;
    if (tcp + TCP_LEN > end) return false;
    const bool near = note(k, slot, n, s);
    uint64_t sum = k->recipe.l4_delta;
    sum += move(tcp + TCP_SEQ, m->seq);
    sum += move(tcp + TCP_ACKNO, m->ack);
    const uint16_t window = wire_get16(tcp + TCP_WINDOW);
    uint32_t edge = n->edge;
    const uint16_t now = splice_window(window, m->scale_in & 15, m->scale_out & 15, wire_get32(tcp + TCP_ACKNO), &edge);
    if (near) take_most(&slot->edge, n->edge, n->use, edge);
    sum += csum_delta16(window, now);
    wire_put16(tcp + TCP_WINDOW, now);
    if (m->has & SPLICE_STAMPS && tcp + TCP_LEN + STAMPS_LEN <= end) {
        sum += move(tcp + STAMPS_AT + 4, m->stamp);
        sum += move(tcp + STAMPS_AT + 8, m->echo);
        if (near) take_most(&slot->stamp, n->stamp, n->use, wire_get32(tcp + STAMPS_AT + 4));
    }
#pragma unroll
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint8_t *block = s->sack + SACK_FIRST + SACK_BLOCK * i;
        if (i >= s->blocks || block + SACK_BLOCK > end) break;
        sum += move(block, m->ack);
        sum += move(block + 4, m->ack);
    }
    wire_put32(tcp, (uint32_t)k->recipe.src_port << 16 | k->recipe.dst_port);
    s->delta = sum;
    if (v6)
        apply_ip6(s->frame + ETHER_LEN, &k->recipe);
    else
        apply_ip4(s->frame + ETHER_LEN, &k->recipe);
    frame_macs(k, s->frame, s->frame);
    return true;
}

/* True unless earlier segments must still be sent, or be seen by the worker (slots.h). Then k->turn is the packet's
 * turn behind them. */
inline_whole bool in_order(struct kpkt *k, struct splice_slot *slot)
{
    if (*(const volatile uint32_t *)&slot->gate & SPLICE_OPEN) return true;
    const uint32_t before = __sync_fetch_and_add(&slot->gate, 1);
    if (before & SPLICE_OPEN) return true;
    k->turn = before + 1;
    return false;
}

/* Rewrite the segment's headers from s->frame to s->end. partial: the checksum may cover only the pseudo header, and
 * such a segment goes up. False: the packet goes up. */
inline_whole bool pass(struct kpkt *k, struct spliced *s, bool v6, bool partial)
{
    struct numbers n;
    if (s->frame + ETHER_LEN > s->end || !is_ordinary(k, s->frame)) return false;
    struct splice_slot *slot = find(k, v6, &n.use);
    if (!slot || !read_numbers(slot, &n) || !is_heard(k, s->frame) || !takes(k) || !read_options(k, s, v6))
        return false;
    if (partial && frame_is_partial(k, wire_get16(s->tcp + TCP_SUM))) return false;
    return in_order(k, slot) && rewrite(k, slot, &n, s, v6);
}

/* Note the verdict of a segment that leaves. */
inline_whole void settle_spliced(struct kpkt *k)
{
    settle_verdict(k, ACTION_FORWARD, decided_by_nobody(ACTION_ACCEPT), k->recipe.service, PBC_NONE);
    k->verdict.flags = VERDICT_REPLY;
    k->flags |= KERNEL_ORDINARY;
    k->up = KERNEL_UP_NONE;
    k->said = 0;
    k->out = KERNEL_SEND;
}

inline_whole bool pass_frame(struct xdp_md *ctx, struct kpkt *k, bool v6)
{
    struct spliced s = {.frame = frame_begin(ctx), .end = frame_end(ctx)};
    if (!pass(k, &s, v6, k->flags & KERNEL_SOFTWARE) || s.tcp + TCP_LEN > s.end) return false;
    wire_put16(s.tcp + TCP_SUM, csum_apply(wire_get16(s.tcp + TCP_SUM), s.delta));
    return true;
}

/* Rewrite and count the parsed packet if it is an ordinary segment of a spliced connection. True: it leaves
 * (leave_out). */
GLOBAL uint64_t kernel_spliced_xdp(struct xdp_md *ctx, struct kpkt *k NONNULL)
{
    if (!may_pass(k) || !(k->key.kind & KIND_IP6 ? pass_frame(ctx, k, true) : pass_frame(ctx, k, false))) return false;
    settle_spliced(k);
    settle_count(k);
    return true;
}

/* Write the rewritten headers into the buffer, around the checksum. False: no memory; the packet must be dropped. */
inline_whole bool write_back(struct __sk_buff *skb, struct kpkt *k, uint64_t delta, bool v6)
{
    const uint32_t tcp = ETHER_LEN + (v6 ? IP6_LEN : IP4_LEN), behind = tcp + TCP_SUM + 2;
    const uint64_t all = (delta & UINT32_MAX) + (delta >> 32), folded = (all & UINT16_MAX) + (all >> 16);
    const uint64_t other = (folded & UINT16_MAX) + (folded >> 16) + (uint16_t)~k->recipe.l3_delta;
    const uint32_t len = tcp + (uint32_t)(k->head[tcp + TCP_OFFSET] >> 4) * 4 - behind;
    if (!buffer_sums(skb, k, (uint32_t)other)) return false;
    if (bpf_skb_store_bytes(skb, 0, k->head, tcp + TCP_SUM, 0)) return false;
    return !bpf_skb_store_bytes(skb, behind, k->head + behind, (len & 63) + !(len & 63), 0);
}

inline_whole bool pass_buffer(struct __sk_buff *skb, struct kpkt *k, bool v6)
{
    struct spliced s = {.frame = k->head, .end = k->head + (k->head_len & (KERNEL_HEAD - 1))};
    if (!pass(k, &s, v6, false)) return false;
    k->out = KERNEL_SEND;
    if (!write_back(skb, k, s.delta, v6)) k->out = KERNEL_DROP;
    return true;
}

/* Do the same at traffic control (buffer_leave), for a packet whose headers are in the head. If k->out is
 * KERNEL_DROP, there was no memory for the edit. */
GLOBAL uint64_t kernel_spliced_in(struct __sk_buff *ctx, struct kpkt *k NONNULL)
{
    if (!may_pass(k) || !(k->key.kind & KIND_IP6 ? pass_buffer(ctx, k, true) : pass_buffer(ctx, k, false)))
        return false;
    const uint8_t out = k->out;
    settle_spliced(k);
    k->out = out;
    if (out == KERNEL_DROP)
        up_lost(k);
    else
        settle_count(k);
    return true;
}
