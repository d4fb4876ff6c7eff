/* The gate in traffic control: it comes before the guard's hook and holds back segments that look like a proxy's but
 * belong to no connection. Its maps and program, in the object of filter.bpf.c, which knows the same addresses. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#define LOAD(skb, at, to, len) (!bpf_skb_load_bytes_relative(skb, at, to, len, BPF_HDR_START_NET))
#include "vm/kernel/gate.h"
#include "runtime/io/steer/host.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct gate_end);
    __type(value, __u8);
    __uint(max_entries, GATE_ENDS);
} ends SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct gate_wide);
    __uint(max_entries, GATE_WIDE);
} wides SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct gate_config);
    __uint(max_entries, 1);
} gates SEC(".maps");
struct { /* counters by interface */
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, __u32);
    __type(value, struct gate_count);
    __uint(max_entries, GATE_COUNTS);
} counts SEC(".maps");

struct search {
    const struct numbered_ip *addr;
    __u16 port;
    bool here, found; /* here: the address is the host's */
};

/* Test one wide end; for bpf_loop. 1: stop. */
static long look(__u32 i, void *arg)
{
    struct search *s = arg;
    const struct gate_wide *w = bpf_map_lookup_elem(&wides, &i);
    if (!w) return 1;
    s->found = gate_is_within(w, s->addr, s->port) && (!w->own || s->here);
    return s->found;
}

static __always_inline __u8 kind_of(const struct numbered_ip *addr, __u16 port)
{
    const struct gate_end end = {.addr = *addr, .port = port};
    const __u8 *kind = bpf_map_lookup_elem(&ends, &end);
    return kind ? *kind : 0;
}

static __always_inline bool is_served(const struct gate_config *c, const struct numbered_ip *addr, __u16 port)
{
    if (kind_of(addr, port) & GATE_SERVICE) return true;
    if (!c->wide) return false;
    struct search s = {.addr = addr, .port = port, .here = bpf_map_lookup_elem(&own, addr)};
    bpf_loop(c->wide, look, &s, 0);
    return s.found;
}

static __always_inline bool read_segment(struct __sk_buff *skb, struct segment *s)
{
    if (skb->protocol == bpf_htons(ETH_P_IP)) return segment_read4(skb, 0, s);
    return skb->protocol == bpf_htons(ETH_P_IPV6) && segment_read6(skb, 0, s);
}

static __always_inline const struct gate_config *settings(void)
{
    const __u32 zero = 0;
    const struct gate_config *c = bpf_map_lookup_elem(&gates, &zero);
    return c && c->any ? c : NULL;
}

/* True for a segment of a proxy connection, except one that opens it. Sent segments count, too, if they are seen.
 * True also for a server's reply to one of the host's own addresses, if no other match concerns that port. */
static __always_inline bool is_carried(struct __sk_buff *skb)
{
    struct segment s = {};
    const struct gate_config *c = settings();
    if (!c || !read_segment(skb, &s) || segment_opens(&s)) return false;
    const bool out = skb->pkt_type == PACKET_OUTGOING;
    const struct numbered_ip *near = out ? &s.from : &s.to, *far = out ? &s.to : &s.from;
    const __u16 near_port = out ? s.from_port : s.to_port;
    if (is_served(c, near, near_port)) return true;
    const __u8 kind = kind_of(far, out ? s.to_port : s.from_port);
    if (!(kind & (GATE_SERVER | GATE_ANSWERS))) return false;
    if (!bpf_map_lookup_elem(&own, near)) return kind & GATE_SERVER;
    return kind & GATE_ANSWERS && near_port >= c->free_lo && near_port <= c->free_hi;
}

SEC("tc") int gate(struct __sk_buff *skb)
{
    struct segment s = {};
    const __u32 at = skb->ifindex % GATE_COUNTS, packets = skb->gso_segs ? skb->gso_segs : 1;
    const struct gate_config *c = settings();
    if (!c || !read_segment(skb, &s) || segment_opens(&s) || !is_served(c, &s.to, s.to_port)) return TC_ACT_UNSPEC;
    const bool known = segment_is_known(skb, &s, &made);
    struct gate_count *count = bpf_map_lookup_elem(&counts, &at);
    if (count && known) count->passed += packets, count->passed_bytes += skb->len;
    if (count && !known) count->strays += packets, count->stray_bytes += skb->len;
    return known ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}
