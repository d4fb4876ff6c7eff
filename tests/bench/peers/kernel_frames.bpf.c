/* Programs that time eBPF programs. One writes the next frame, of a flow or of a pool, and calls the timed program.
 * One does nothing; its time is subtracted. Others are both ends of a chain of interfaces. */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/peers/kernel_frames.h"

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 1);
} contender SEC(".maps");

struct frames frames;

static __always_inline struct frames_draw *mine(void) { return &frames.draw[bpf_get_smp_processor_id() & 1]; }

static __always_inline __u32 drawn(struct frames_draw *d)
{
    if (d->in_turn) return d->next++;
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (__u32)((d->state >> 32) * d->flows >> 32);
}

static __always_inline __u16 folded(__u64 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Return the frame's bytes, after restoring the length of a frame that was grown or cut. NULL if that fails. */
static __always_inline __u64 *bytes(struct xdp_md *ctx, int len)
{
    const int grown = (int)(ctx->data_end - ctx->data) - len;
    if (grown && bpf_xdp_adjust_head(ctx, grown)) return NULL;
    __u64 *to = (__u64 *)(long)ctx->data;
    return (void *)to + len > (void *)(long)ctx->data_end ? NULL : to;
}

static __always_inline __u16 udp_sum(const struct frames_draw *d, __u32 client, __u16 port)
{
    const __u16 sum = (__u16)~folded((__u64)d->udp_sum + (client >> 16) + (client & 0xffff) + port);
    return sum ? sum : 0xffff;
}

/* Write the frame of a drawn flow, in whole words as a card would: words that were just stored in pieces are slow to
 * load. */
SEC("xdp") int of_flow(struct xdp_md *ctx)
{
    __u64 *to = bytes(ctx, FRAMES_LEN);
    struct frames_draw *d = mine();
    if (!to) return XDP_ABORTED;
    const __u32 n = drawn(d), client = frames_client(n);
    const __u64 sum = bpf_htons((__u16)~folded((__u64)d->sum + (client >> 16) + (client & 0xffff)));
    const __u64 addr = bpf_htonl(client), port = bpf_htons(frames_port(n));
    to[0] = d->frame[0];
    to[1] = d->frame[1];
    to[2] = d->frame[2];
    to[3] = d->frame[3] | sum | addr << (d->reply ? 48 : 16);
    to[4] = d->frame[4] | (d->reply ? addr >> 16 | port << 32 : port << 16);
    to[5] = d->frame[5] | (d->udp_sum ? bpf_htons(udp_sum(d, client, frames_port(n))) : 0);
    to[6] = d->frame[6];
    to[7] = d->frame[7];
    bpf_tail_call(ctx, &contender, 0);
    return XDP_ABORTED;
}

SEC("xdp") int of_pool(struct xdp_md *ctx)
{
    __u64 *to = bytes(ctx, FRAMES_LONG);
    if (!to) return XDP_ABORTED;
    /* The frames come one after the other, so no program waits for the frame itself, as if a card had just put it
     * into a cache. */
    const __u64 *from = (const __u64 *)frames.pool[mine()->next++ & (FRAMES_POOL - 1)];
#pragma unroll
    for (int i = 0; i < FRAMES_LONG / 8; i++) to[i] = from[i];
    bpf_tail_call(ctx, &contender, 0);
    return XDP_ABORTED;
}

SEC("xdp") int nothing(struct xdp_md *ctx) { return ctx ? XDP_DROP : XDP_ABORTED; }

/* Both ends of a chain of interfaces. */
SEC("xdp") int send(struct xdp_md *ctx) { return ctx ? (int)bpf_redirect(frames.out, 0) : XDP_ABORTED; }
SEC("xdp") int sink(struct xdp_md *ctx)
{
    (void)ctx;
    __sync_fetch_and_add(&frames.arrived, 1);
    return XDP_DROP;
}

char terms[] SEC("license") = "Dual BSD/GPL";
