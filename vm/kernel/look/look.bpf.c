/* The first stage for Ethernet: by XDP, and at traffic control. */
#define FORM_LINK LINK_ETHER
#include "vm/kernel/look/look.bpf.h"

/* Return the frame's length. If a contiguous IP packet fills the frame, no helper call is needed. */
inline_whole uint64_t frame_len(struct xdp_md *ctx, const struct express_bytes *b)
{
    const uint64_t there = (uint64_t)(b->end - b->frame);
    uint64_t len = UINT64_MAX;
    if (!b->type) return bpf_xdp_get_buff_len(ctx);
    if (b->type == htobe16(ETHER_IP4)) len = wire_get16(b->ip + IP4_TOTAL);
    if (b->type == htobe16(ETHER_IP6)) len = wire_get16(b->ip + IP6_PAYLOAD) + IP6_LEN;
    return len <= there - b->l3 ? there : bpf_xdp_get_buff_len(ctx);
}

/* Return KERNEL_FOREIGN for a frame to another station than the interface and not to a group; otherwise 0. */
inline_whole enum kernel_flag foreign_frame(uint32_t ifindex, const struct express_bytes *b)
{
    const uint64_t own = own_mac(ifindex);
    if (!own || b->frame + 8 > b->end) return 0;
    const uint64_t to = wire_get64(b->frame) >> 16;
    return to == own || to >> 40 & 1 ? 0 : KERNEL_FOREIGN;
}

SEC("xdp") int look_xdp(struct xdp_md *ctx)
{
    struct kpkt *k = kpkt_xdp(ctx);
    const struct frame f = {.xdp = ctx};
    struct express_bytes bytes = bytes_of(&f);
    k->frame_len = (uint32_t)frame_len(ctx, &bytes);
    if (k->flags & KERNEL_ASKED)
        k->flags &= KERNEL_SAID;
    else
        arrive(k, ctx->ingress_ifindex, foreign_frame(ctx->ingress_ifindex, &bytes));
    packet_begin(k);
    LOOK_STEP(k);
    k->found = read_there(k, &bytes);
    const uint32_t out = k->found == EXPRESS_GOOD ? express(k, &bytes, NULL) : KERNEL_NONE;
    if (out == KERNEL_SEND) return leave_out(ctx, k);
    if (out == KERNEL_PASS) return XDP_PASS;
    if (k->found == EXPRESS_GOOD && is_spliced(k, &f)) return leave_out(ctx, k);
    LOOK_STEP(k);
    switch (packet_look(k, &f)) {
    case STAGE_JUDGE: bpf_tail_call(ctx, &map_stages_xdp, STAGE_JUDGE); break;
    case STAGE_ACT: bpf_tail_call(ctx, &map_stages_xdp, STAGE_ACT); break;
    case STAGE_LOOK:
    case STAGE_LOOK_BARE:
    case STAGE_NONE: return XDP_PASS;
    case STAGE_SEND: return leave_out(ctx, k);
    }
    count_uncalled(k);
    return XDP_DROP;
}

SEC("tc") int look_tc(struct __sk_buff *ctx) { return look_at(ctx); }
SEC("tc") int look_in(struct __sk_buff *ctx) { return look_arrived(ctx, STAGE_LOOK); }
