/* The edit of an ordinary packet of a bound flow in a socket buffer, at traffic control, and its way out: the same as
 * frame.bpf.h and leave.bpf.h do in a frame of XDP. Whether a checksum is whole, or covers the pseudo header alone, or
 * a card has summed the packet, the buffer knows and programs do not; so the kernel's own helpers change it. */
#pragma once

#include <linux/pkt_cls.h>

#include "vm/kernel/act/frame.bpf.h"
#include "vm/kernel/act/leave.bpf.h"

enum { BUFFER_PORTS = 4 /* bytes */, BUFFER_HOP6 = UINT16_MAX - 1 /* change of a sum by one hop of IPv6 */ };

/* Return a change of a sum as helpers want it: bytes in the order of the wire. */
static inline uint64_t buffer_diff(uint32_t delta) { return htobe16((uint16_t)((delta & UINT16_MAX) + (delta >> 16))); }

/* Change the checksum by the recipe's new addresses, then by what else is new: the change of that. Only the first may
 * fail, with nothing changed: it makes the headers writable. It moves a card's sum of the packet, too, as if the IP
 * header's own sum had taken up the addresses. IPv6 has none: there that is undone, and the sum takes the hop. */
inline_whole bool buffer_sums(struct __sk_buff *skb, const struct kpkt *k, uint32_t other)
{
    const struct recipe *r = &k->recipe;
    const bool tcp = k->key.kind & KIND_TCP, v6 = !(k->key.kind & KIND_IP4);
    const uint32_t at = k->pkt.l4 + (tcp ? TCP_SUM : UDP_SUM);
    const uint64_t how = tcp ? 0 : BPF_F_MARK_MANGLED_0, pseudo = how | BPF_F_PSEUDO_HDR;
    const uint64_t diff = buffer_diff(r->l3_delta);
    if (bpf_l4_csum_replace(skb, at, 0, diff, pseudo)) return false;
    if (v6) bpf_csum_update(skb, buffer_diff(r->l3_delta + (uint32_t)BUFFER_HOP6));
    return !other || !bpf_l4_csum_replace(skb, at, 0, buffer_diff(other), how);
}

static_assert(FRAME_L3_MOST + IP6_LEN + BUFFER_PORTS <= KERNEL_EDITED, "headers that are rewritten");

/* Rewrite the headers, all of which are in the copy that is edited, and write them into the buffer. */
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
    frame_macs(k, head, head);
    /* The values are read anew: the stack has no room for them where loops are counted. */
    const uint32_t len = k->key.kind & KIND_IP4 ? IP4_LEN : IP6_LEN;
    return !bpf_skb_store_bytes(skb, 0, k->edited, (k->pkt.l3 & FRAME_L3_MOST) + len + BUFFER_PORTS, 0);
}

/* Edit the packet by its recipe. Its headers are in k->edited, for who is told of it is shown the head as it came.
 * False: it cannot be done here, and the packet is unchanged. */
inline_whole bool buffer_edit(struct __sk_buff *skb, struct kpkt *k)
{
    const uint32_t how = k->seen.recipe & (RECIPE_IP6 - 1);
    if (!sends_on()) return false;
    if (how == RECIPE_REWRITE) return buffer_rewrite(skb, k);
    if (how != RECIPE_FRAME || k->head_len < ETHER_LEN) return false;
    frame_macs(k, k->edited, k->edited);
    return !bpf_skb_store_bytes(skb, 0, k->edited, ETHER_TYPE_AT, 0);
}

/* Send the packet out by an interface. Where nats look at what leaves, a mark says that this one was translated. */
static inline int buffer_leave(struct __sk_buff *skb, struct kpkt *k)
{
    const uint32_t out = k->recipe.out_if;
    if (leave_told(k)) return TC_ACT_UNSPEC;
    uint32_t back = skb->ifindex;
    __asm__ volatile("" : "+r"(back)); /* or the two are loaded by one pointer, which the kernel's verifier refuses */
    k->out_if = out == IFACE_NONE ? back : state_ways[out & MASK(ways)].ifindex;
    if (state_ports[k->out_if & MASK(ports)].nats) skb->mark = state_world.ours;
    return (int)bpf_redirect(k->out_if, 0);
}
