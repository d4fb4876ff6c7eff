/* The last stage: what was decided is done. */
#include "vm/kernel/bpf.h"

SEC("xdp") int act_xdp(struct xdp_md *ctx)
{
    (void)ctx;
    kpkt_here()->out = KERNEL_PASS;
    return XDP_PASS;
}

SEC("tc") int act_tc(struct __sk_buff *ctx)
{
    (void)ctx;
    kpkt_here()->out = KERNEL_PASS;
    return 0; /* TC_ACT_OK */
}
