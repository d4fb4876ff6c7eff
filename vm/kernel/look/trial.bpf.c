/* Send a process's frame by the interface that it names. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/gate.h"

SEC("xdp") int try_send(struct xdp_md *ctx)
{
    const struct trial *t = (const struct trial *)(long)ctx->data;
    if ((const void *)(t + 1) > (const void *)(long)ctx->data_end) return XDP_DROP;
    return (int)bpf_redirect(t->ifindex, 0);
}
