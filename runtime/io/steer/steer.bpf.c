/* The steering program. It gives a socket the frames of services, their replies, fragments and ICMP errors to those
 * addresses, and ARP and ND for addresses that prey answers for. If prey routes, the socket also gets all frames for
 * other machines; at ports of bridges it gets all frames. All other frames pass to the host. */
#include "runtime/io/steer/steer.bpf.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#define LOAD(ctx, at, to, len) (!bpf_xdp_load_bytes(ctx, at, to, len))
#include "vm/kernel/gate.h"
#include "runtime/io/steer/host.bpf.h"
#include "vm/packet/parse/header.h"

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, STEER_QUEUES);
} sockets SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct steer_config);
    __uint(max_entries, 1);
} config SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, struct steer_match);
    __uint(max_entries, 2 * STEER_SET);
} matches SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct steer_key);
    __type(value, struct steer_place);
    __uint(max_entries, 2 * STEER_SET);
} places SEC(".maps");
struct { /* frames taken, but longer than a slot */
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 1);
} too_long SEC(".maps");

struct { /* frames of the proxy's connections that passed */
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, __u32);
    __type(value, struct gate_count);
    __uint(max_entries, 1);
} counts SEC(".maps");

enum { ETHER = 14, VLAN = 4, IP4 = 20, IP6 = 40 };
enum {
    TYPE_IP4 = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_IP6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_QINQ = 0x88a8,
    TYPE_OLD = 0x9100
};

struct seen {
    struct numbered_ip from, to;
    __u32 at, upper; /* offsets of the IP header, and of the header behind its extensions */
    __u16 from_port, to_port;
    __u8 proto;
    bool six;
    bool fragment; /* the walk over headers ends there; ports are ignored, so that all fragments of a datagram match
                      alike */
    bool error;    /* an ICMP error */
    bool asks;     /* asks for `to`: ARP, neighbour solicitation, an echo request */
    bool to_own;
    bool group; /* the frame is for more than one station */
    bool link;  /* ARP or ND, which is never routed */
};

static __always_inline struct numbered_ip ip4(__u32 wire)
{
    return (struct numbered_ip){0, NUMBERED_V4 | bpf_ntohl(wire)};
}

static __always_inline struct numbered_ip ip6(const __u64 wire[2])
{
    return (struct numbered_ip){bpf_be64_to_cpu(wire[0]), bpf_be64_to_cpu(wire[1])};
}

static __always_inline bool at_least(const struct numbered_ip *a, const struct numbered_ip *b)
{
    return a->hi > b->hi || (a->hi == b->hi && a->lo >= b->lo);
}

static __always_inline bool within(const struct numbered_ip *a, const struct numbered_ip *lo,
                                   const struct numbered_ip *hi)
{
    return at_least(a, lo) && at_least(hi, a);
}

static __always_inline void read_icmp6(struct xdp_md *ctx, __u32 at, struct seen *s, __u8 type)
{
    __u64 target[2];
    s->error = icmp_type_is_error(true, type);
    s->asks = type == ICMP6_ECHO;
    s->link = type >= ICMP6_ND_FIRST && type <= ICMP6_REDIRECT;
    if (type != ICMP6_SOLICIT || !LOAD(ctx, at + 8, target, sizeof target)) return;
    s->asks = true;
    s->to = ip6(target);
}

static __always_inline bool read_upper(struct xdp_md *ctx, __u32 at, struct seen *s)
{
    __u8 b[4];
    s->upper = at;
    if (s->fragment) {
        s->asks = s->proto == IPPROTO_NR_ICMP || s->proto == IPPROTO_NR_ICMP6;
        return true;
    }
    if (s->proto != IPPROTO_NR_ICMP && s->proto != IPPROTO_NR_TCP && s->proto != IPPROTO_NR_UDP &&
        s->proto != IPPROTO_NR_ICMP6 && s->proto != IPPROTO_NR_SCTP)
        return true;
    if (!LOAD(ctx, at, b, sizeof b)) return false;
    s->from_port = (__u16)(b[0] << 8 | b[1]);
    s->to_port = (__u16)(b[2] << 8 | b[3]);
    if (s->proto == IPPROTO_NR_ICMP) {
        s->error = icmp_type_is_error(false, b[0]);
        s->asks = b[0] == ICMP4_ECHO;
    }
    if (s->proto == IPPROTO_NR_ICMP6) read_icmp6(ctx, at, s, b[0]);
    return true;
}

static __always_inline bool read4(struct xdp_md *ctx, __u32 at, struct seen *s)
{
    struct {
        __u8 first, tos;
        __u16 length, id, fragment;
        __u8 ttl, proto;
        __u16 sum;
        __u32 from, to;
    } h;
    if (!LOAD(ctx, at, &h, IP4) || h.first >> 4 != 4) return false;
    s->from = ip4(h.from);
    s->to = ip4(h.to);
    s->proto = h.proto;
    s->fragment = h.fragment & bpf_htons(0x3fff);
    return read_upper(ctx, at + (h.first & 15u) * 4u, s);
}

static __always_inline bool read6(struct xdp_md *ctx, __u32 at, struct seen *s)
{
    struct {
        __u32 first;
        __u16 length;
        __u8 next, hops;
        __u64 from[2], to[2];
    } h;
    if (!LOAD(ctx, at, &h, IP6)) return false;
    s->from = ip6(h.from);
    s->to = ip6(h.to);
    struct ip6_walk w = {.from = ctx, .at = at + IP6, .next = h.next};
    if (!ip6_walk(&w)) return false;
    s->proto = w.next;
    s->fragment = w.fragment;
    return read_upper(ctx, w.at, s);
}

static __always_inline bool read_arp(struct xdp_md *ctx, __u32 at, struct seen *s)
{
    __u32 target;
    if (!LOAD(ctx, at + 24, &target, sizeof target)) return false;
    s->asks = s->link = true;
    s->to = ip4(target);
    return true;
}

/* Read the frame. False: the frame is the host's in any case. */
static __always_inline bool read_frame(struct xdp_md *ctx, const struct steer_config *c, struct seen *s)
{
    __u8 b[ETHER];
    __u32 at = ETHER;
    if (!LOAD(ctx, 0, b, ETHER)) return false;
    const __u64 mac = (__u64)b[0] << 40 | (__u64)b[1] << 32 | (__u64)b[2] << 24 | (__u64)b[3] << 16 | b[4] << 8 | b[5];
    s->group = b[0] & 1;
    if (!s->group && mac != c->mac) return false;
    __u16 type = (__u16)(b[12] << 8 | b[13]);
    for (int i = 0; i < 2 && (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_OLD); i++, at += VLAN) {
        if (!LOAD(ctx, at, b, VLAN)) return false;
        type = (__u16)(b[2] << 8 | b[3]);
    }
    s->at = at;
    s->six = type == TYPE_IP6;
    if (type == TYPE_IP4) return read4(ctx, at, s);
    if (type == TYPE_IP6) return read6(ctx, at, s);
    return type == TYPE_ARP && read_arp(ctx, at, s);
}

static __always_inline bool seen_bare(const struct seen *s)
{
    return !s->link && s->proto != IPPROTO_NR_ICMP && s->proto != IPPROTO_NR_TCP && s->proto != IPPROTO_NR_UDP &&
           s->proto != IPPROTO_NR_ICMP6;
}

static __always_inline bool is_for(const struct steer_match *m, const struct seen *s)
{
    if (!within(&s->to, &m->to_lo, &m->to_hi)) return false;
    if (m->reach != STEER_EVERYWHERE && (m->reach == STEER_TO_OWN) != s->to_own) return false;
    if (s->error) return m->kind == STEER_TAKEN; /* errors about proxied connections are the host stack's */
    if (m->kind == STEER_RETURNS && s->to_own) return false;
    if (s->asks && m->named && !s->to_own) return true;
    if (!within(&s->from, &m->from_lo, &m->from_hi)) return false;
    /* Another header may follow in the fragments, the same in all of them. */
    if (s->fragment && ip6_is_extension(s->proto)) return true;
    if (m->proto && m->proto != s->proto) return false;
    if (m->bare && !seen_bare(s)) return false;
    if (s->fragment) return true;
    return s->from_port >= m->from_port_lo && s->from_port <= m->from_port_hi && s->to_port >= m->to_port_lo &&
           s->to_port <= m->to_port_hi;
}

/* True for IPv4 from 224.0.0.0 on, and for IPv6 in ff00::/8 and fe80::/10. */
static __always_inline bool stays_on_link(const struct numbered_ip *to)
{
    if (!to->hi) return to->lo >= (NUMBERED_V4 | 0xe0000000u);
    return to->hi >> 56 == 0xff || to->hi >> 54 == 0xfe80 >> 6;
}

static __always_inline bool is_routed(const struct steer_config *c, const struct seen *s)
{
    return c->routed && !s->to_own && !s->group && !s->link && !stays_on_link(&s->to);
}

struct search {
    const struct seen *seen;
    __u32 first;
    __u32 found; /* bits of enum steer_kind that match; 0: none */
};
enum { SETTLED = STEER_TAKEN | STEER_PROXIED };

/* Try one match; for bpf_loop, so that the verifier walks it once. 1: stop. */
static long match_look(__u32 i, void *arg)
{
    struct search *search = arg;
    i += search->first;
    const struct steer_match *m = bpf_map_lookup_elem(&matches, &i);
    if (!m) return 1;
    if (is_for(m, search->seen)) search->found |= search->seen->asks ? STEER_TAKEN : m->kind;
    return (search->found & SETTLED) != 0;
}

static __always_inline __u32 any(const struct seen *s, __u32 first, __u32 count)
{
    struct search search = {s, first, 0};
    bpf_loop(count, match_look, &search, 0);
    return search.found;
}

static __always_inline __u32 any_of(const struct steer_config *c, const struct seen *s, enum steer_side side)
{
    const struct steer_key key = {.addr = side == STEER_BY_TO ? s->to : s->from, .side = side, .set = c->first};
    const struct steer_place *p = bpf_map_lookup_elem(&places, &key);
    return p ? any(s, c->first + p->first, p->count) : 0;
}

static __always_inline __u32 place_find(const struct steer_config *c, const struct seen *s)
{
    __u32 found = any_of(c, s, STEER_BY_TO);
    if (!(found & SETTLED)) found |= any_of(c, s, STEER_BY_FROM);
    return found & SETTLED ? found : found | any(s, c->first, c->count);
}

/* True for frames of the proxy's connections, which are the host's. */
static __always_inline bool is_carried(struct xdp_md *ctx, const struct seen *seen)
{
    const __u32 zero = 0;
    struct segment s = {};
    if (!(seen->six ? segment_read6(ctx, seen->at, &s) : segment_read4(ctx, seen->at, &s))) return false;
    if (segment_opens(&s) || !segment_is_known(ctx, &s, &made)) return false;
    struct gate_count *count = bpf_map_lookup_elem(&counts, &zero);
    if (count) count->passed++, count->passed_bytes += bpf_xdp_get_buff_len(ctx);
    return true;
}

/* True for an ICMP error about a packet that the proxy sent with a client's address. */
static __always_inline bool is_about_ours(struct xdp_md *ctx, const struct seen *seen)
{
    struct segment s = {};
    return segment_quoted(ctx, seen->upper + 8, seen->six, &s) && segment_has_socket(ctx, &s);
}

/* A function that the verifier walks separately, once for all ways of reading the frame. */
__attribute__((noinline)) bool takes(struct xdp_md *ctx, struct seen *s)
{
    const __u32 zero = 0;
    const struct steer_config *c = bpf_map_lookup_elem(&config, &zero);
    if (!c || !s) return false;
    const struct numbered_ip to = s->to; /* Linux 6.1 takes no key from memory of another function */
    s->to_own = bpf_map_lookup_elem(&own, &to);
    const bool routed = is_routed(c, s);
    if (routed && !c->proxies) return true;
    const __u32 found = place_find(c, s);
    if (found & (STEER_PROXIED | STEER_RETURNS) && is_carried(ctx, s)) return false;
    return found & SETTLED || (routed && !(s->error && is_about_ours(ctx, s)));
}

SEC("xdp.frags") int steer(struct xdp_md *ctx)
{
    const __u32 zero = 0;
    struct seen s = {};
    const struct steer_config *c = bpf_map_lookup_elem(&config, &zero);
    if (!c || (!c->all && (!read_frame(ctx, c, &s) || !takes(ctx, &s)))) return XDP_PASS;
    if (bpf_xdp_get_buff_len(ctx) <= c->frame_most)
        return (int)bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
    __u64 *count = bpf_map_lookup_elem(&too_long, &zero);
    if (count) ++*count;
    return XDP_DROP;
}

char terms[] SEC("license") = "Dual BSD/GPL";
