/* The last stage: what was decided is done. */
#include "vm/kernel/bpf.h"

SEC("xdp") int act_xdp(struct xdp_md *ctx)
{
    kpkt_xdp(ctx)->out = KERNEL_PASS;
    return XDP_PASS;
}

SEC("tc") int act_tc(struct __sk_buff *ctx)
{
    kpkt_tc(ctx)->out = KERNEL_PASS;
    return 0; /* TC_ACT_OK */
}
