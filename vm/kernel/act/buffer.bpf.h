/* Edit an ordinary packet of a bound flow in a socket buffer, at traffic control, and send it out, as frame.bpf.h
 * and way_out.bpf.h do with an XDP frame. Only the buffer knows whether a checksum is complete, covers only the
 * pseudo header, or was computed by a card; so the kernel's own helpers change it. */
#pragma once

#include <linux/pkt_cls.h>

#include "vm/kernel/act/frame.bpf.h"
#include "vm/kernel/act/way_out.bpf.h"

enum { BUFFER_PORTS = 4 /* bytes */, BUFFER_HOP6 = UINT16_MAX - 1 /* change of a checksum by one IPv6 hop */ };

/* Return the change of a sum as helpers want it: bytes in wire order. */
static inline uint64_t buffer_diff(uint32_t delta) { return htobe16((uint16_t)((delta & UINT16_MAX) + (delta >> 16))); }

/* Update the checksum, first for the recipe's new addresses, then for all other changed fields. Only the first step
 * can fail, because it makes the headers writable; then nothing has changed. This step also changes a card's sum of
 * the packet, as if the IP header's own sum had absorbed the addresses. An IPv6 header has no sum, so that change is
 * undone, and the card's sum follows the hop limit. */
inline_whole bool buffer_sums(struct __sk_buff *skb, const struct kpkt *k, uint32_t other)
{
    const struct recipe *r = &k->recipe;
    const bool tcp = k->key.kind & KIND_TCP, v6 = !(k->key.kind & KIND_IP4);
    const uint32_t at = kpkt_skip(k) + k->pkt.l4 + (tcp ? TCP_SUM : UDP_SUM);
    const uint64_t how = tcp ? 0 : BPF_F_MARK_MANGLED_0, pseudo = how | BPF_F_PSEUDO_HDR;
    const uint64_t diff = buffer_diff(r->l3_delta);
    if (bpf_l4_csum_replace(skb, at, 0, diff, pseudo)) return false;
    if (v6) bpf_csum_update(skb, buffer_diff(r->l3_delta + (uint32_t)BUFFER_HOP6));
    return !other || !bpf_l4_csum_replace(skb, at, 0, buffer_diff(other), how);
}

/* True for a bare packet that is too long for an Ethernet header: the kernel puts one before at most this many bytes
 * (BPF_SKB_MAX_LEN, with pages of 4,096 bytes). Super-packets have no such limit. */
enum { BUFFER_LONG = 16000 };
inline_whole bool buffer_is_long(const struct __sk_buff *skb, const struct kpkt *k)
{
    return kpkt_is_bare(k) && !kpkt_skip(k) && skb->len > BUFFER_LONG && !skb->gso_size;
}

static_assert(FRAME_L3_MOST + IP6_LEN + BUFFER_PORTS <= KERNEL_EDITED, "headers that are rewritten");

/* Rewrite the headers, all of which are in the edited copy, and write them into the buffer. */
inline_whole bool buffer_rewrite(struct __sk_buff *skb, struct kpkt *k)
{
    const struct recipe *r = &k->recipe;
    const uint32_t l3 = k->pkt.l3 & FRAME_L3_MOST, kind = k->key.kind & (KIND_IP4 | KIND_TCP);
    uint8_t *const head = k->edited, *ip = head + l3;
    const uint32_t ports = r->l4_delta == r->l3_delta ? 0 : (uint32_t)r->l4_delta + (uint16_t)~r->l3_delta;
    if (k->pkt.l4 + BUFFER_PORTS > k->head_len || !buffer_sums(skb, k, ports)) return false;
    if (kind == (KIND_IP4 | KIND_TCP))
        recipe_apply(r, KIND_IP4 | KIND_TCP, ip, false);
    else if (kind == KIND_IP4)
        recipe_apply(r, KIND_IP4 | KIND_UDP, ip, false);
    else if (kind == KIND_TCP)
        recipe_apply(r, KIND_IP6 | KIND_TCP, ip, false);
    else
        recipe_apply(r, KIND_IP6 | KIND_UDP, ip, false);
    if (!kpkt_is_bare(k)) frame_macs(k, head, head);
    /* The values are read again, because with counted loops the stack has no room for them. */
    const uint32_t len = k->key.kind & KIND_IP4 ? IP4_LEN : IP6_LEN;
    return !bpf_skb_store_bytes(skb, kpkt_skip(k), k->edited, (k->pkt.l3 & FRAME_L3_MOST) + len + BUFFER_PORTS, 0);
}

/* Edit the packet by its recipe. Its headers are in k->edited, because reports show the head as it came. False: this
 * stage can't edit the packet, which is unchanged. */
inline_whole bool buffer_edit(struct __sk_buff *skb, struct kpkt *k)
{
    const uint32_t how = k->seen.recipe & (RECIPE_IP6 - 1);
    if (!sends_on()) return false;
    if (how == RECIPE_REWRITE) return !buffer_is_long(skb, k) && buffer_rewrite(skb, k);
    if (how != RECIPE_FRAME || k->head_len < ETHER_LEN || buffer_is_long(skb, k)) return false;
    if (kpkt_is_bare(k)) return true;
    frame_macs(k, k->edited, k->edited);
    return !bpf_skb_store_bytes(skb, 0, k->edited, ETHER_TYPE_AT, 0);
}

static inline int buffer_lost(const struct kpkt *k)
{
    count_add(&settle_counters()->lost, k->pkt.wire_len);
    return TC_ACT_SHOT;
}

/* Put an Ethernet header before a bare packet, or over the header that it had in the buffer, once everything else is
 * edited. False: no room. */
inline_whole bool buffer_head(struct __sk_buff *skb, struct kpkt *k)
{
    const struct kernel_way *way = &state_ways[k->recipe.out_if & MASK(ways)];
    const uint32_t mac = wire_raw32(k->recipe.next_mac);
    const uint16_t rest = wire_raw16(k->recipe.next_mac + 4);
    if (!kpkt_skip(k) && bpf_skb_change_head(skb, ETHER_LEN, 0)) return false;
    wire_put_raw32(k->edited, mac);
    wire_put_raw16(k->edited + 4, rest);
    wire_put48(k->edited + 6, way->mac);
    wire_put16(k->edited + ETHER_TYPE_AT, k->key.kind & KIND_IP4 ? ETHER_IP4 : ETHER_IP6);
    return !bpf_skb_store_bytes(skb, 0, k->edited, ETHER_LEN, 0);
}

/* Send the packet out by an interface; the kernel removes the link header if that interface has none. If nats look
 * at leaving packets, a mark shows that this one was translated. A packet without room for a header is dropped and
 * counted. */
static inline int buffer_leave(struct __sk_buff *skb, struct kpkt *k)
{
    const uint32_t out = k->recipe.out_if;
    if (leave_told(k)) return TC_ACT_UNSPEC;
    uint32_t back = skb->ifindex;
    __asm__ volatile(
        ""
        : "+r"(back)); /* otherwise one pointer loads both ifindex values, and the kernel's verifier rejects that */
    k->out_if = out == IFACE_NONE ? back : state_ways[out & MASK(ways)].ifindex;
    if (state_ports[k->out_if & MASK(ports)].nats) skb->mark = state_world.ours;
    const bool bare = kpkt_is_bare(k) && state_ways[out & MASK(ways)].link != LINK_RAW;
    if (bare && !buffer_head(skb, k)) return buffer_lost(k);
    return (int)bpf_redirect(k->out_if, 0);
}
