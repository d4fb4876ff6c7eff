/* Hand-written programs for one task each, as peers of ours. One has ten rules by comparisons. One translates UDP's
 * addresses and ports: a hash table by the four of them, updated checksums (RFC 1624), the hop, the time of the last
 * packet, out by the same or another interface. One forwards frames blindly. The last two also run at traffic
 * control, out by an interface (…_tc), or in by the other end of its cable (…_peer). */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

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

volatile const __u32 way; /* ifindex by which traffic control sends */

static __always_inline __u16 folded(__u64 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Return the IPv4 header if UDP is right behind it, without options and unfragmented; else NULL. */
static __always_inline struct iphdr *udp_of(struct ethhdr *eth, void *end)
{
    struct iphdr *ip = (void *)(eth + 1);
    struct udphdr *udp = (void *)(ip + 1);
    if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return NULL;
    if (*(__u8 *)ip != 0x45 || ip->protocol != 17 || ip->frag_off & bpf_htons(0x3fff)) return NULL;
    return (void *)ip + bpf_ntohs(ip->tot_len) > end ? NULL : ip;
}

/* ---- ten rules ---- */

/* Do the same as `accept from 10.0.N.0/24 udp port 1000+N`, N from 0 to 9. */
SEC("xdp") int ten(struct xdp_md *ctx)
{
    const struct iphdr *ip = udp_of((void *)(long)ctx->data, (void *)(long)ctx->data_end);
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

static __always_inline struct nat_to *nat_of(const struct iphdr *ip, const struct udphdr *udp)
{
    const struct nat_ends ends = {ip->saddr, ip->daddr, udp->source, udp->dest};
    struct nat_to *to = bpf_map_lookup_elem(&flows, &ends);
    if (to) to->seen = bpf_ktime_get_coarse_ns();
    return to;
}

/* Translate everything except UDP's checksum. */
static __always_inline void translate(struct ethhdr *eth, struct iphdr *ip, struct udphdr *udp, const struct nat_to *to,
                                      __u64 gone, __u64 come)
{
    const __u16 before = *(__u16 *)&ip->ttl;
    ip->ttl--;
    ip->check = changed(ip->check, gone + (__u16)~before, come + *(__u16 *)&ip->ttl);
    ip->saddr = to->ends.src;
    ip->daddr = to->ends.dst;
    udp->source = to->ends.sport;
    udp->dest = to->ends.dport;
    __builtin_memcpy(eth->h_source, eth->h_dest, 6);
    __builtin_memcpy(eth->h_dest, to->mac, 6);
}

SEC("xdp") int nat(struct xdp_md *ctx)
{
    struct ethhdr *eth = (void *)(long)ctx->data;
    struct iphdr *ip = udp_of(eth, (void *)(long)ctx->data_end);
    if (!ip || ip->ttl < 2) return XDP_PASS;
    struct udphdr *udp = (void *)(ip + 1);
    const struct nat_to *to = nat_of(ip, udp);
    if (!to) return XDP_PASS;
    const __u64 gone = halves(~ip->saddr) + halves(~ip->daddr), come = halves(to->ends.src) + halves(to->ends.dst);
    if (udp->check)
        udp->check =
            changed(udp->check, gone + (__u16)~udp->source + (__u16)~udp->dest, come + to->ends.sport + to->ends.dport);
    translate(eth, ip, udp, to, gone, come);
    return to->out ? (int)bpf_redirect_map(&outs, to->out - 1, XDP_DROP) : XDP_TX;
}

/* The same at traffic control. The kernel's helpers update UDP's checksum, because it may be incomplete. */
static __always_inline bool nat_skb(struct __sk_buff *ctx)
{
    enum { UDP_SUM = ETH_HLEN + sizeof(struct iphdr) + offsetof(struct udphdr, check) };
    struct ethhdr *eth = (void *)(long)ctx->data;
    struct iphdr *ip = udp_of(eth, (void *)(long)ctx->data_end);
    if (!ip || ip->ttl < 2) return false;
    struct udphdr *udp = (void *)(ip + 1);
    const struct nat_to *to = nat_of(ip, udp);
    if (!to) return false;
    const __u64 gone = halves(~ip->saddr) + halves(~ip->daddr), come = halves(to->ends.src) + halves(to->ends.dst);
    const __u32 ports = *(__u32 *)udp, ports_to = *(const __u32 *)&to->ends.sport;
    translate(eth, ip, udp, to, gone, come);
    bpf_l4_csum_replace(ctx, UDP_SUM, 0, gone + come, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
    bpf_l4_csum_replace(ctx, UDP_SUM, ports, ports_to, BPF_F_MARK_MANGLED_0 | 4);
    return true;
}

SEC("tc") int nat_tc(struct __sk_buff *ctx) { return nat_skb(ctx) ? (int)bpf_redirect(way, 0) : TC_ACT_OK; }
SEC("tc") int nat_peer(struct __sk_buff *ctx) { return nat_skb(ctx) ? (int)bpf_redirect_peer(way, 0) : TC_ACT_OK; }

/* Send out by the other interface without reading the frame. */
SEC("xdp") int blind(struct xdp_md *ctx) { return ctx ? (int)bpf_redirect_map(&outs, 0, XDP_DROP) : XDP_DROP; }
SEC("tc") int blind_tc(struct __sk_buff *ctx) { return ctx ? (int)bpf_redirect(way, 0) : TC_ACT_SHOT; }
SEC("tc") int blind_peer(struct __sk_buff *ctx) { return ctx ? (int)bpf_redirect_peer(way, 0) : TC_ACT_SHOT; }

/* Drop at once: the rest of the time is the sender's. */
SEC("tc") int sunk_tc(struct __sk_buff *ctx) { return ctx ? TC_ACT_SHOT : TC_ACT_OK; }

char terms[] SEC("license") = "Dual BSD/GPL";
