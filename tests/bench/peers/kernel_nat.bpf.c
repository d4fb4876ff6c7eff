/* What bench-kernel measures with, and beside: a program that draws a flow and writes its frame, then hands it to
 * whoever is measured; one that does nothing; and what one would write by hand to translate UDP's addresses and ports:
 * a hash table by the four of them, sums updated (RFC 1624), the hop, the time of the last packet, back out. */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "tests/bench/peers/kernel_nat.h"

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 1);
} contender SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct nat_ends);
    __type(value, struct nat_to);
    __uint(max_entries, 1);
} flows SEC(".maps");

struct nat_draw draw;

/* ---- frames ---- */

static __always_inline __u32 drawn(void)
{
    draw.state = draw.state * 6364136223846793005u + 1442695040888963407u;
    return (__u32)((draw.state >> 32) * draw.flows >> 32);
}

static __always_inline __u16 folded(__u64 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* The frame of the flow that is drawn; one that was grown, or cut, is first what it was. */
SEC("xdp") int frames(struct xdp_md *ctx)
{
    const int grown = (int)(ctx->data_end - ctx->data) - NAT_FRAME;
    if (grown && bpf_xdp_adjust_head(ctx, grown)) return XDP_ABORTED;
    __u64 *to = (__u64 *)(long)ctx->data;
    if ((void *)to + NAT_FRAME > (void *)(long)ctx->data_end) return XDP_ABORTED;
    const __u32 n = drawn(), from = nat_client(n);
    const __u16 sum = (__u16)~folded((__u64)draw.sum + (from >> 16) + (from & 0xffff));
    /* Whole words, as they would come from a card: what was just stored in pieces is slow to load. */
    to[0] = draw.frame[0];
    to[1] = draw.frame[1];
    to[2] = draw.frame[2];
    to[3] = draw.frame[3] | (__u64)bpf_htonl(from) << 16 | bpf_htons(sum);
    to[4] = draw.frame[4] | (__u64)bpf_htons(nat_port(n)) << 16;
    to[5] = draw.frame[5];
    to[6] = draw.frame[6];
    to[7] = draw.frame[7];
    bpf_tail_call(ctx, &contender, 0);
    return XDP_ABORTED;
}

SEC("xdp") int nothing(struct xdp_md *ctx) { return ctx ? XDP_DROP : XDP_ABORTED; }

/* ---- by hand ---- */

static __always_inline __u64 halves(__u32 wire) { return (wire & 0xffff) + (wire >> 16); }

static __always_inline __u16 changed(__u16 sum, __u64 gone, __u64 come)
{
    return (__u16)~folded((__u64)(__u16)~sum + gone + come);
}

SEC("xdp") int nat(struct xdp_md *ctx)
{
    void *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = (void *)(long)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    struct udphdr *udp = (void *)(ip + 1);
    if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
    if (*(__u8 *)ip != 0x45 || ip->protocol != 17 || ip->frag_off & bpf_htons(0x3fff) || ip->ttl < 2) return XDP_PASS;
    if ((void *)ip + bpf_ntohs(ip->tot_len) > end) return XDP_PASS;
    const struct nat_ends ends = {ip->saddr, ip->daddr, udp->source, udp->dest};
    struct nat_to *to = bpf_map_lookup_elem(&flows, &ends);
    if (!to) return XDP_PASS;
    to->seen = bpf_ktime_get_coarse_ns();
    const __u64 gone = halves(~ip->saddr) + halves(~ip->daddr), come = halves(to->ends.src) + halves(to->ends.dst);
    const __u16 before = *(__u16 *)&ip->ttl;
    ip->ttl--;
    ip->check = changed(ip->check, gone + (__u16)~before, come + *(__u16 *)&ip->ttl);
    if (udp->check)
        udp->check =
            changed(udp->check, gone + (__u16)~udp->source + (__u16)~udp->dest, come + to->ends.sport + to->ends.dport);
    ip->saddr = to->ends.src;
    ip->daddr = to->ends.dst;
    udp->source = to->ends.sport;
    udp->dest = to->ends.dport;
    __builtin_memcpy(eth->h_source, eth->h_dest, 6);
    __builtin_memcpy(eth->h_dest, to->mac, 6);
    return XDP_TX;
}

char terms[] SEC("license") = "Dual BSD/GPL";
