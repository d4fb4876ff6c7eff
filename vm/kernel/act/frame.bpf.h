/* Edit the frame of an ordinary packet of a bound flow in place, as `apply` of express.c does, but in an XDP buffer.
 * The vm's own code applies recipes; this file adds the bounds that the kernel's verifier demands. */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/kernel/copy/partial.bpf.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/edit/recipe.c"

extern const char mask_ways;

enum { FRAME_L3_MOST = 127 }; /* the IP header of a frame with sixteen tags is at 78 */

static inline uint8_t *frame_begin(const struct xdp_md *ctx) { return (uint8_t *)(long)ctx->data; }
static inline uint8_t *frame_end(const struct xdp_md *ctx) { return (uint8_t *)(long)ctx->data_end; }

/* Write the MACs of a frame with at least 12 bytes. The destination is the next hop. The source is the MAC of the
 * interface that the frame leaves by; if that is unknown, it is the MAC that the frame was sent to (in `was`, which
 * may be the frame itself). */
static inline void frame_macs(const struct kpkt *k, uint8_t *frame, const uint8_t *was)
{
    const struct recipe *r = &k->recipe;
    const uint32_t first = wire_raw32(was);
    const uint16_t rest = wire_raw16(was + 4);
    const uint64_t mac = r->out_if < KERNEL_WAYS ? state_ways[r->out_if & MASK(ways)].mac : 0;
    wire_put_raw32(frame + 6, first);
    wire_put_raw16(frame + 10, rest);
    if (mac) wire_put48(frame + 6, mac);
    wire_put_raw32(frame, wire_raw32(r->next_mac));
    wire_put_raw16(frame + 4, wire_raw16(r->next_mac + 4));
}

inline_whole bool frame_rewrite(const struct xdp_md *ctx, struct kpkt *k)
{
    const struct recipe *r = &k->recipe;
    const bool partial = k->pkt.flags & PKT_CSUM_PARTIAL;
    uint8_t *frame = frame_begin(ctx), *end = frame_end(ctx), *ip = frame + (k->pkt.l3 & FRAME_L3_MOST);
    const uint32_t kind = k->key.kind & (KIND_IP4 | KIND_TCP);
    if (frame + ETHER_LEN > end) return false;
    if (kind == (KIND_IP4 | KIND_TCP)) {
        if (ip + IP4_LEN + TCP_LEN > end) return false;
        recipe_apply(r, KIND_IP4 | KIND_TCP, ip, partial);
    } else if (kind == KIND_IP4) {
        if (ip + IP4_LEN + UDP_LEN > end) return false;
        recipe_apply(r, KIND_IP4 | KIND_UDP, ip, partial);
    } else if (kind == KIND_TCP) {
        if (ip + IP6_LEN + TCP_LEN > end) return false;
        recipe_apply(r, KIND_IP6 | KIND_TCP, ip, partial);
    } else {
        if (ip + IP6_LEN + UDP_LEN > end) return false;
        recipe_apply(r, KIND_IP6 | KIND_UDP, ip, partial);
    }
    frame_macs(k, frame, frame);
    return true;
}

static inline bool frame_to(const struct xdp_md *ctx, struct kpkt *k)
{
    uint8_t *frame = frame_begin(ctx);
    if (frame + ETHER_LEN > frame_end(ctx)) return false;
    frame_macs(k, frame, frame);
    return true;
}

/* A number that the kernel's verifier knows and the compiler does not: otherwise the compiler merges branches, and the
 * verifier no longer knows the number in them. */
#define FRAME_KNOWN(number)                                                                                            \
    ({                                                                                                                 \
        uint64_t frame_known;                                                                                          \
        asm volatile("%0 = %1" : "=r"(frame_known) : "i"(number));                                                     \
        frame_known;                                                                                                   \
    })

/* Write the outer header into the room that was opened at the front. First move the link header there (at most one
 * tag); the outer header follows it. kind: the recipe's. */
static __attribute__((noinline)) bool frame_put_outer(struct xdp_md *ctx, struct kpkt *k, uint64_t kind)
{
    const struct recipe_numbers n = {.hash = (uint32_t)(k->seen.hash >> 8), .id = (uint16_t)k->datagram};
    const uint32_t over = recipe_overhead((uint8_t)kind);
    uint8_t *frame = frame_begin(ctx);
    if (frame + over + ETHER_LEN + VLAN_LEN + IP4_LEN > frame_end(ctx)) return false;
    frame_macs(k, frame, frame + over);
    if (k->pkt.l3 == ETHER_LEN) {
        recipe_put_outer(&k->recipe, (uint8_t)kind, &k->key, frame + ETHER_LEN, &n);
    } else {
        wire_put_raw32(frame + ETHER_TYPE_AT, wire_raw32(frame + over + ETHER_TYPE_AT));
        recipe_put_outer(&k->recipe, (uint8_t)kind, &k->key, frame + ETHER_LEN + VLAN_LEN, &n);
    }
    return true;
}

static inline bool frame_outer(struct xdp_md *ctx, struct kpkt *k)
{
    switch (k->seen.recipe) {
    case RECIPE_IPIP: return frame_put_outer(ctx, k, FRAME_KNOWN(RECIPE_IPIP));
    case RECIPE_GUE: return frame_put_outer(ctx, k, FRAME_KNOWN(RECIPE_GUE));
    case RECIPE_GUE1: return frame_put_outer(ctx, k, FRAME_KNOWN(RECIPE_GUE1));
    case RECIPE_IPIP | RECIPE_IP6: return frame_put_outer(ctx, k, FRAME_KNOWN(RECIPE_IPIP | RECIPE_IP6));
    case RECIPE_GUE | RECIPE_IP6: return frame_put_outer(ctx, k, FRAME_KNOWN(RECIPE_GUE | RECIPE_IP6));
    case RECIPE_GUE1 | RECIPE_IP6: return frame_put_outer(ctx, k, FRAME_KNOWN(RECIPE_GUE1 | RECIPE_IP6));
    default: return false;
    }
}

/* Cut the frame after the IP packet and put the outer header in front. False: there is no room; the frame has lost
 * at most its padding. */
static inline bool frame_wrap(struct xdp_md *ctx, struct kpkt *k)
{
    const uint32_t len = (uint32_t)k->pkt.l3 + k->key.length, over = recipe_overhead(k->seen.recipe);
    const uint32_t there = (uint32_t)(ctx->data_end - ctx->data);
    if (k->pkt.l3 != ETHER_LEN && k->pkt.l3 != ETHER_LEN + VLAN_LEN) return false;
    if (there > len && bpf_xdp_adjust_tail(ctx, (int)len - (int)there)) return false;
    if (bpf_xdp_adjust_head(ctx, -(int)over)) return false;
    if (frame_outer(ctx, k)) return true;
    bpf_xdp_adjust_head(ctx, (int)over); /* close the opened room again: nothing was written */
    return false;
}

/* Edit the frame by its recipe. False: this stage can't edit the packet, which is unchanged. */
static inline bool frame_edit(struct xdp_md *ctx, struct kpkt *k)
{
    if (!sends_on() || kpkt_is_bare(k)) return false;
    if (frame_is_left(k)) return false;
    switch (k->seen.recipe & (RECIPE_IP6 - 1)) {
    case RECIPE_REWRITE: return frame_rewrite(ctx, k);
    case RECIPE_FRAME: return frame_to(ctx, k);
    default: return frame_wrap(ctx, k);
    }
}
