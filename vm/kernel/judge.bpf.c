/* The second stage: what the program's code decides. The code itself is generated when a program is loaded (gen/). */
#include "vm/kernel/bpf.h"

uint64_t judge_program(struct kpkt *k);

/* The type of every generated function: (k, never NULL) gives 64 bits. */
GLOBAL uint64_t code_template(struct kpkt *k NONNULL) { return k->decision; }

static inline void judge(struct kpkt *k)
{
    k->decision = judge_program(k);
    k->flags |= KERNEL_JUDGED;
    k->program = state_world.program;
}

SEC("xdp") int judge_xdp(struct xdp_md *ctx)
{
    judge(kpkt_xdp(ctx));
    bpf_tail_call(ctx, &map_stages_xdp, STAGE_ACT);
    return XDP_PASS;
}

SEC("tc") int judge_tc(struct __sk_buff *ctx)
{
    judge(kpkt_tc(ctx));
    bpf_tail_call(ctx, &map_stages_tc, STAGE_ACT);
    return 0;
}
