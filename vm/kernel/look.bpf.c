/* The first stage: the frame's head is copied, and parsed. */
#include "vm/kernel/bpf.h"

/* So many bytes of the frame are copied; the verifier sees a number that it knows the bounds of. */
static inline uint32_t head_len(uint32_t len)
{
    if (len > KERNEL_HEAD) len = KERNEL_HEAD;
    asm volatile("" : "+r"(len));
    return ((len - 1) & (KERNEL_HEAD - 1)) + 1;
}

static inline void look(struct kpkt *k, uint32_t len)
{
    k->flags &= k->flags & KERNEL_ASKED ? KERNEL_ASKED | KERNEL_EGRESS : 0;
    k->head_len = len;
    k->out = KERNEL_NONE;
    k->up = KERNEL_UP_NONE;
}

SEC("xdp") int look_xdp(struct xdp_md *ctx)
{
    struct kpkt *k = kpkt_xdp(ctx);
    const uint32_t len = head_len(ctx->data_end - ctx->data);
    if (bpf_xdp_load_bytes(ctx, 0, k->head, len)) return XDP_PASS;
    look(k, len);
    bpf_tail_call(ctx, &map_stages_xdp, STAGE_JUDGE);
    return XDP_PASS;
}

SEC("tc") int look_tc(struct __sk_buff *ctx)
{
    struct kpkt *k = kpkt_tc(ctx);
    const uint32_t len = head_len(ctx->len);
    if (bpf_skb_load_bytes(ctx, 0, k->head, len)) return 0;
    look(k, len);
    bpf_tail_call(ctx, &map_stages_tc, STAGE_JUDGE);
    return 0;
}
