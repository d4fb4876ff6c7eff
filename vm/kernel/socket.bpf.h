/* For eBPF programs: a TCP segment of a packet, and the test whether it belongs to a connection of the host.
 *
 * The including file first defines LOAD(from, at, to, len), which reads bytes from the IP header on and is true if
 * they are there. The kernel's own table of sockets shows which connections were accepted, and when they end. */
#pragma once

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/tcp.h>
#include <stdbool.h>

#include "vm/kernel/gate.h"
#include "vm/packet/parse/header.h"

/* For eBPF programs: walk past the extension headers of IPv6. The including file first defines how bytes are read:
 * LOAD(from, at, to, len), true if they exist. */
struct ip6_walk {
    void *from;
    __u32 at; /* offset of the header that `next` names */
    __u32 id; /* identifier of the datagram, for a fragment */
    __u8 next;
    bool fragment; /* the packet is a fragment, and the walk ended at that header */
    bool bad;      /* a header is cut off */
};

/* Walk one header, as a turn of bpf_loop: the verifier walks it once, and not each way through sixteen headers.
 * Verifiers before Linux 6.7 assume a single turn. They know nothing of `next` at its beginning, so they follow both
 * branches of the first test; their knowledge after the turn holds after any turn. Return 1: the walk is over. */
static long ip6_walk_header(__u32 i, void *arg)
{
    struct ip6_walk *w = arg;
    __u8 b[8];
    const __u8 kind = w->next;
    if (!ip6_is_extension(kind)) return 1;
    w->bad = !LOAD(w->from, w->at, b, sizeof b);
    if (w->bad) return 1;
    w->next = b[0];
    w->at += ip6_extension_len(kind, b[1]);
    if (kind != IPPROTO_NR_FRAGMENT) return 0;
    w->fragment = (b[2] << 8 | b[3]) & 0xfff9;
    w->id = (__u32)b[4] << 24 | (__u32)b[5] << 16 | (__u32)b[6] << 8 | b[7];
    return w->fragment;
}

/* Walk from the header behind IPv6's own on. False: a header is cut off. No test of `next` may precede the loop,
 * because old verifiers would take its outcome for that of each turn. */
static __always_inline bool ip6_walk(struct ip6_walk *w)
{
    bpf_loop(IP6_EXT_MOST, ip6_walk_header, w, 0);
    return !w->bad;
}

struct segment {
    struct numbered_ip from, to;
    __u16 from_port, to_port;
    __u32 ip_len; /* length of the IP header: 20 or 40 */
    union {
        struct {
            __u8 first, tos;
            __u16 length, id, fragment;
            __u8 ttl, proto;
            __u16 sum;
            __u32 from, to;
        } four;
        struct {
            __u32 first;
            __u16 length;
            __u8 next, hops;
            __u32 from[4], to[4];
        } six;
    } ip;
    struct tcphdr tcp;
};

static __always_inline struct numbered_ip segment_ip4(__u32 wire)
{
    return (struct numbered_ip){0, NUMBERED_V4 | bpf_ntohl(wire)};
}

static __always_inline struct numbered_ip segment_ip6(const __u32 wire[4])
{
    return (struct numbered_ip){(__u64)bpf_ntohl(wire[0]) << 32 | bpf_ntohl(wire[1]),
                                (__u64)bpf_ntohl(wire[2]) << 32 | bpf_ntohl(wire[3])};
}

static __always_inline bool segment_tcp(void *from, __u32 at, struct segment *s)
{
    if (!LOAD(from, at, &s->tcp, sizeof s->tcp)) return false;
    s->from_port = bpf_ntohs(s->tcp.source);
    s->to_port = bpf_ntohs(s->tcp.dest);
    return true;
}

static __always_inline bool segment_ip4_header(void *from, __u32 at, struct segment *s)
{
    if (!LOAD(from, at, &s->ip.four, 20)) return false;
    s->ip_len = 20;
    s->from = segment_ip4(s->ip.four.from);
    s->to = segment_ip4(s->ip.four.to);
    return true;
}

static __always_inline bool segment_ip6_header(void *from, __u32 at, struct segment *s)
{
    if (!LOAD(from, at, &s->ip.six, 40)) return false;
    s->ip_len = 40;
    s->from = segment_ip6(s->ip.six.from);
    s->to = segment_ip6(s->ip.six.to);
    return true;
}

static __always_inline bool segment_read4(void *from, __u32 at, struct segment *s)
{
    if (!segment_ip4_header(from, at, s) || s->ip.four.first >> 4 != 4) return false;
    if (s->ip.four.proto != IPPROTO_NR_TCP || s->ip.four.fragment & bpf_htons(0x3fff)) return false;
    return segment_tcp(from, at + (s->ip.four.first & 15u) * 4u, s);
}

/* Read a segment of IPv6. False also for a fragment. */
static __always_inline bool segment_read6(void *from, __u32 at, struct segment *s)
{
    if (!segment_ip6_header(from, at, s)) return false;
    struct ip6_walk w = {.from = from, .at = at + 40, .next = s->ip.six.next};
    return ip6_walk(&w) && !w.fragment && w.next == IPPROTO_NR_TCP && segment_tcp(from, w.at, s);
}

/* Read the packet that an ICMP error quotes at `at`, as the segment that would answer it. Only the ports of its TCP
 * header are set. */
static __always_inline bool segment_quoted(void *from, __u32 at, bool six, struct segment *s)
{
    __u16 ports[2];
    if (six) {
        if (!segment_ip6_header(from, at, s) || s->ip.six.next != IPPROTO_NR_TCP) return false;
        for (int i = 0; i < 4; i++) {
            const __u32 source = s->ip.six.from[i];
            s->ip.six.from[i] = s->ip.six.to[i];
            s->ip.six.to[i] = source;
        }
        at += 40;
    } else {
        if (!segment_ip4_header(from, at, s) || s->ip.four.proto != IPPROTO_NR_TCP) return false;
        const __u32 source = s->ip.four.from;
        s->ip.four.from = s->ip.four.to;
        s->ip.four.to = source;
        at += (s->ip.four.first & 15u) * 4u;
    }
    const struct numbered_ip sender = s->from;
    s->from = s->to;
    s->to = sender;
    if (!LOAD(from, at, ports, sizeof ports)) return false;
    s->tcp.source = ports[1];
    s->tcp.dest = ports[0];
    s->from_port = bpf_ntohs(ports[1]);
    s->to_port = bpf_ntohs(ports[0]);
    return true;
}

/* True for the first packet of a connection: the vm judges it, whatever sockets exist. */
static __always_inline bool segment_opens(const struct segment *s) { return s->tcp.syn && !s->tcp.ack; }

static __always_inline struct bpf_sock *segment_socket(void *ctx, const struct segment *s)
{
    struct bpf_sock_tuple t = {};
    if (s->ip_len == 20) {
        t.ipv4.saddr = s->ip.four.from;
        t.ipv4.daddr = s->ip.four.to;
        t.ipv4.sport = s->tcp.source;
        t.ipv4.dport = s->tcp.dest;
        return bpf_skc_lookup_tcp(ctx, &t, sizeof t.ipv4, BPF_F_CURRENT_NETNS, 0);
    }
    __builtin_memcpy(t.ipv6.saddr, s->ip.six.from, sizeof t.ipv6.saddr);
    __builtin_memcpy(t.ipv6.daddr, s->ip.six.to, sizeof t.ipv6.daddr);
    t.ipv6.sport = s->tcp.source;
    t.ipv6.dport = s->tcp.dest;
    return bpf_skc_lookup_tcp(ctx, &t, sizeof t.ipv6, BPF_F_CURRENT_NETNS, 0);
}

/* True if the segment has a connection, not only a listener. */
static __always_inline bool segment_has_socket(void *ctx, const struct segment *s)
{
    struct bpf_sock *sk = segment_socket(ctx, s);
    if (!sk) return false;
    const bool connected = sk->state != BPF_TCP_LISTEN;
    bpf_sk_release(sk);
    return connected;
}

static __always_inline bool segment_has_cookie(struct bpf_sock *listener, struct segment *s)
{
    if (s->ip_len == 20) return !bpf_tcp_check_syncookie(listener, &s->ip.four, 20, &s->tcp, sizeof s->tcp);
    return !bpf_tcp_check_syncookie(listener, &s->ip.six, 40, &s->tcp, sizeof s->tcp);
}

/* True if the segment belongs to a connection of the host, if the segment ends a handshake, or if an earlier
 * connection had the same ends. `made` maps the ends of earlier connections (struct gate_made) to a byte. The host
 * answers a late segment with a reset, for which a peer waits that missed the first one (RFC 5961, 3.2: a challenge
 * ACK). */
static __always_inline bool segment_is_known(void *ctx, struct segment *s, void *made)
{
    const struct gate_made ends = {s->from, s->to, s->from_port, s->to_port, 0};
    const __u8 one = 1;
    bool known = false, begins = false;
    struct bpf_sock *sk = segment_socket(ctx, s);
    if (sk) {
        known = sk->state != BPF_TCP_LISTEN;
        begins = known ? sk->state == BPF_TCP_NEW_SYN_RECV : segment_has_cookie(sk, s);
        bpf_sk_release(sk);
    }
    if (begins) bpf_map_update_elem(made, &ends, &one, BPF_ANY);
    return known || begins || bpf_map_lookup_elem(made, &ends);
}
