/* What one would write by hand for one task alone, beside which ours are timed: ten rules by comparisons; and UDP's
 * addresses and ports translated: a hash table by the four of them, sums updated (RFC 1624), the hop, the time of the
 * last packet, back out or by another interface; and a frame sent on unseen. */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "tests/bench/peers/kernel_hand.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct nat_ends);
    __type(value, struct nat_to);
    __uint(max_entries, 1 << 20);
} flows SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 1);
} outs SEC(".maps");

static __always_inline __u16 folded(__u64 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* UDP right behind an IPv4 header without options, whole and no fragment; else NULL. */
static __always_inline struct iphdr *udp_of(struct xdp_md *ctx)
{
    void *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = (void *)(long)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    struct udphdr *udp = (void *)(ip + 1);
    if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return NULL;
    if (*(__u8 *)ip != 0x45 || ip->protocol != 17 || ip->frag_off & bpf_htons(0x3fff)) return NULL;
    return (void *)ip + bpf_ntohs(ip->tot_len) > end ? NULL : ip;
}

/* ---- ten rules ---- */

/* As `accept from 10.0.N.0/24 udp port 1000+N`, N from 0 to 9. */
SEC("xdp") int ten(struct xdp_md *ctx)
{
    const struct iphdr *ip = udp_of(ctx);
    if (!ip) return XDP_DROP;
    const struct udphdr *udp = (const void *)(ip + 1);
    const __u32 net = bpf_ntohl(ip->saddr) >> 8;
    const __u16 port = bpf_ntohs(udp->dest);
#pragma unroll
    for (unsigned i = 0; i < 10; i++)
        if (net == 0x0a0000 + i && port == 1000 + i) return XDP_PASS;
    return XDP_DROP;
}

/* ---- translation ---- */

static __always_inline __u64 halves(__u32 wire) { return (wire & 0xffff) + (wire >> 16); }

static __always_inline __u16 changed(__u16 sum, __u64 gone, __u64 come)
{
    return (__u16)~folded((__u64)(__u16)~sum + gone + come);
}

SEC("xdp") int nat(struct xdp_md *ctx)
{
    struct ethhdr *eth = (void *)(long)ctx->data;
    struct iphdr *ip = udp_of(ctx);
    if (!ip || ip->ttl < 2) return XDP_PASS;
    struct udphdr *udp = (void *)(ip + 1);
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
    return to->out ? (int)bpf_redirect_map(&outs, to->out - 1, XDP_DROP) : XDP_TX;
}

/* Out by the other interface, unseen. */
SEC("xdp") int blind(struct xdp_md *ctx) { return ctx ? (int)bpf_redirect_map(&outs, 0, XDP_DROP) : XDP_DROP; }

char terms[] SEC("license") = "Dual BSD/GPL";
