/* The dealing program: for each frame it returns the socket of a fanout group that belongs to the owner
 * (vm/worker/owner.h). It reads and checks only as much of a frame as it needs, so a malformed one goes to any
 * socket. */
#include "runtime/io/steer/deal.bpf.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LOAD(skb, at, to, len) (!bpf_skb_load_bytes_relative(skb, at, to, len, BPF_HDR_START_NET))
#include "vm/kernel/socket.bpf.h"
#include "vm/packet/parse/header.h"

struct deal_tables tables; /* memory that user space maps */

/* Conditions on mapped memory are unknown to the verifier, so it walks such a loop once. Otherwise it would walk the
 * loop once per path to it, and give up after a million instructions. */
#define LOOP(cond) (cond)
#define LOOSE(x)   (((x)&tables.every) | tables.nothing)

/* A function that the verifier walks once by itself, for any arguments. Each argument must be used, or held. */
#define ALONE       __attribute__((noinline))
#define HOLD(x)     ({ asm volatile("" ::"r"(x)); })

#define WHOSE_FN    ALONE
#define WHOSE_ALONE ALONE
#define WHOSE_GIVEN(s)                                                                                                 \
    if (!(s)) return 0;
#define WHOSE_ANYTHING(number)                                                                                         \
    ({                                                                                                                 \
        unsigned any_ = (number);                                                                                      \
        asm volatile("" : "+r"(any_));                                                                                 \
        any_;                                                                                                          \
    })
#define WHOSE_T                int
#define WHOSE_NUMBERS(t)       (HOLD(t), &tables.numbers)
#define WHOSE_SLOT(t, i)       (tables.slots[(i) & (DEAL_SLOTS - 1)])
#define WHOSE_ADDRESS(t, i)    (&tables.addresses[(i) & (DEAL_ADDRESSES - 1)])
#define WHOSE_PART(t, i)       (HOLD(t), &tables.parts[(i) & (DEAL_PARTS - 1)])
#define WHOSE_MASQUERADE(t, i) (&tables.masquerades[(i) & (DEAL_NATS - 1)])
#define WHOSE_ANY(t, i)        (&tables.anys[(i) & (DEAL_NATS - 1)])
#define WHOSE_FROM4(t, i)      (&tables.froms4[(i) & (DEAL_FROMS - 1)])
#define WHOSE_FROM6(t, i)      (&tables.froms6[(i) & (DEAL_FROMS - 1)])
#define WHOSE_MASQUERADES_MOST DEAL_NATS
#define WHOSE_ANYS_MOST        DEAL_NATS
#define WHOSE_HALVINGS         15
static_assert(DEAL_PARTS < 1 << WHOSE_HALVINGS && DEAL_OWN < DEAL_PARTS && DEAL_FROMS < DEAL_PARTS, "halvings");

static __always_inline bool deal_is(const struct deal_iface *i, bool v6, __u64 high, __u64 low)
{
    if (!v6) return (__u64)i->addr4 << 32 == high;
    return whose_high(i->addr6) == high && whose_low(i->addr6) == low;
}

static __always_inline bool is_none(const struct deal_iface *i, bool v6) { return deal_is(i, v6, 0, 0); }

/* True for the address that facts_address would give for the interface. */
ALONE bool whose_ours(int t, uint16_t out, bool v6, uint64_t high, uint64_t low)
{
    const struct deal_iface *one = &tables.ifaces[out & (DEAL_IFACES - 1)];
    HOLD(t);
    if (out < tables.ifaces_count && !is_none(one, v6)) return deal_is(one, v6, high, low);
    return !is_none(&tables.all, v6) && deal_is(&tables.all, v6, high, low);
}

static __always_inline bool whose_taken(int t, uint16_t port)
{
    HOLD(t);
    return tables.port_owners.of[port];
}

#include "vm/worker/whose_owner.h"

/* Place of a packet's upper layer; `at` counts from the network header. */
struct place {
    __u32 at;
    __u8 proto;
    bool v6, fragment;
    __u32 id; /* identifier of the fragment's datagram */
};

ALONE bool is_own4(__u32 addr)
{
    __u32 lo = 0, hi = tables.own4_count;
    for (unsigned n = 0; n < WHOSE_HALVINGS && lo < hi; n++) {
        const __u32 mid = lo + (hi - lo) / 2, own = tables.own4[mid & (DEAL_OWN - 1)];
        if (own == addr) return true;
        if (own < addr)
            lo = LOOSE(mid + 1);
        else
            hi = LOOSE(mid);
    }
    return false;
}

ALONE bool is_own6(__u64 high, __u64 low)
{
    __u32 lo = 0, hi = tables.own6_count;
    for (unsigned n = 0; n < WHOSE_HALVINGS && lo < hi; n++) {
        const __u32 mid = lo + (hi - lo) / 2;
        const struct deal_ip *own = &tables.own6[mid & (DEAL_OWN - 1)];
        if (own->hi == high && own->lo == low) return true;
        if (own->hi < high || (own->hi == high && own->lo < low))
            lo = LOOSE(mid + 1);
        else
            hi = LOOSE(mid);
    }
    return false;
}

struct ip4 {
    __u8 first, tos;
    __be16 length, id, fragment;
    __u8 ttl, proto;
    __u16 sum;
    __be32 from, to;
};
struct ip6 {
    __be32 first;
    __be16 length;
    __u8 next, hops;
    __be32 from[4], to[4];
};

static __always_inline bool read_ip4(struct __sk_buff *skb, struct place *p, struct whose_talk *s, bool turned)
{
    struct ip4 h;
    if (!LOAD(skb, p->at, &h, sizeof h) || h.first >> 4 != 4) return false;
    s->addr[turned][0] = bpf_ntohl(h.from);
    s->addr[!turned][0] = bpf_ntohl(h.to);
    p->at += (h.first & 15u) * 4u;
    p->proto = h.proto;
    p->fragment = h.fragment & bpf_htons(0x3fff);
    p->id = bpf_ntohs(h.id);
    return true;
}

static __always_inline bool read_ip6(struct __sk_buff *skb, struct place *p, struct whose_talk *s, bool turned)
{
    struct ip6 h;
    if (!LOAD(skb, p->at, &h, sizeof h) || (bpf_ntohl(h.first) >> 28) != 6) return false;
    for (int i = 0; i < 4; i++) {
        s->addr[turned][i] = bpf_ntohl(h.from[i]);
        s->addr[!turned][i] = bpf_ntohl(h.to[i]);
    }
    struct ip6_walk w = {.from = skb, .at = p->at + sizeof h, .next = h.next};
    const bool whole = ip6_walk(&w);
    p->proto = w.next;
    p->at = w.at;
    p->fragment = w.fragment;
    p->id = w.id;
    return whole;
}

static __always_inline bool read_ip(struct __sk_buff *skb, struct place *p, struct whose_talk *s, bool turned)
{
    s->family = p->v6 ? 6 : 4;
    return p->v6 ? read_ip6(skb, p, s, turned) : read_ip4(skb, p, s, turned);
}

/* Read ports, or the identifier of a query. *error: an ICMP error. */
static __always_inline bool read_upper(struct __sk_buff *skb, const struct place *p, struct whose_talk *s, bool turned,
                                       bool *error)
{
    __u8 b[8];
    const bool icmp = p->proto == (p->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP);
    const bool ports = p->proto == IPPROTO_NR_TCP || p->proto == IPPROTO_NR_UDP || p->proto == IPPROTO_NR_SCTP;
    s->proto = ROLE_OTHER;
    s->asked = 3;
    *error = false;
    if (!icmp && !ports) return true;
    if (!LOAD(skb, p->at, b, sizeof b)) return false;
    if (ports) {
        s->proto = p->proto == IPPROTO_NR_TCP ? ROLE_TCP : p->proto == IPPROTO_NR_UDP ? ROLE_UDP : ROLE_SCTP;
        s->port[turned] = (uint16_t)(b[0] << 8 | b[1]);
        s->port[!turned] = (uint16_t)(b[2] << 8 | b[3]);
        return true;
    }
    *error = icmp_type_is_error(p->v6, b[0]);
    const struct icmp_query *q = icmp_query_of(p->v6, b[0]);
    if (!q) return true;
    s->proto = ROLE_QUERY;
    s->port[0] = s->port[1] = (uint16_t)(b[4] << 8 | b[5]);
    s->asked = (b[0] != q->answers) != turned ? 2 : 1;
    return true;
}

/* Read the packet quoted by an ICMP error as if it were its reply. False: nothing to look up. */
static __attribute__((noinline)) bool read_quote(struct __sk_buff *skb, __u32 at, struct whose_talk *s)
{
    struct place p = {.at = at, .v6 = s->family == 6};
    struct whose_talk quoted = {.iface = s->iface};
    bool error;
    __u8 offset[2];
    if (!p.v6 && (!LOAD(skb, at + IP4_FRAG, offset, sizeof offset) || (offset[0] & 0x1f) || offset[1])) return false;
    if (!read_ip(skb, &p, &quoted, true) || !read_upper(skb, &p, &quoted, true, &error)) return false;
    *s = quoted;
    return true;
}

static __always_inline __u32 iface_here(__u32 ifindex)
{
    for (int i = 0; i < DEAL_PORTS; i++)
        if (tables.ports[i].ifindex == ifindex) return tables.ports[i].iface;
    return UINT16_MAX;
}

/* Forget the verifier's knowledge of a conversation, so that it walks the rest once, not for each way of reading. */
static __always_inline void loosen(struct whose_talk *s)
{
    s->family = (uint8_t)LOOSE(s->family);
    s->proto = (uint8_t)LOOSE(s->proto);
    s->asked = (uint8_t)LOOSE(s->asked);
    s->iface = (uint16_t)LOOSE(s->iface);
    for (int i = 0; i < 2; i++) {
        s->port[i] = (uint16_t)LOOSE(s->port[i]);
        s->own[i] = (uint8_t)LOOSE(s->own[i]);
        s->role[i] = LOOSE(s->role[i]);
        for (int j = 0; j < 4; j++) s->addr[i][j] = LOOSE(s->addr[i][j]);
    }
}

/* True for DHCP, DHCPv6 and router solicitation. Request and reply are then in one socket's ring, in order. From
 * another ring, a reply could be judged before the request has been handed over. */
static __always_inline bool is_inquiry(struct __sk_buff *skb, const struct place *p, const struct whose_talk *s)
{
    const __u32 low = p->v6 ? DHCP6_CLIENT : DHCP_SERVER;
    __u8 type;
    if (s->proto == ROLE_UDP) return (__u32)s->port[0] - low < 2 && (__u32)s->port[1] - low < 2;
    if (!p->v6 || p->proto != IPPROTO_NR_ICMP6 || !LOAD(skb, p->at, &type, sizeof type)) return false;
    return type >= ICMP6_ND_FIRST && type < ICMP6_SOLICIT;
}

static __always_inline unsigned owner(struct whose_talk *s, bool inquiry)
{
    loosen(s);
    for (int i = 0; i < 2; i++) {
        s->own[i] = s->family == 4 ? is_own4(s->addr[i][0]) : is_own6(whose_high(s->addr[i]), whose_low(s->addr[i]));
        s->role[i] = whose_find(0, s->family, whose_high(s->addr[i]), whose_low(s->addr[i]));
    }
    loosen(s);
    const bool serviced = whose_service(0, s, 0) || whose_service(0, s, 1) || (!s->own[1] && whose_server(0, s, 0));
    if (LOOSE(inquiry) && !serviced) return 0;
    const unsigned found = whose_owner(0, s);
    const uint16_t port = (uint16_t)found;
    if (!(found & WHOSE_OF_PORT)) return found;
    return port_owner(tables.port_owners.of[port], port, tables.numbers.workers);
}

static __always_inline unsigned owner_of_fragment(const struct place *p, const struct whose_talk *s)
{
    struct whose_fragment fragment = {.id = p->id, .proto = p->v6 ? 0 : p->proto};
    for (int i = 0; i < 4; i++) {
        fragment.src[i] = s->addr[0][i];
        fragment.dst[i] = s->addr[1][i];
    }
    return whose_datagram(&tables.numbers, &fragment);
}

/* Return the type behind tags that the kernel left in the frame; *at: its distance behind the network header. */
static __always_inline __u16 deal_type(struct __sk_buff *skb, __u32 *at)
{
    __u16 type = bpf_ntohs((__u16)skb->protocol);
    __u8 b[4];
    for (int i = 0; i < 4; i++, *at += sizeof b) {
        if (type != ETHER_VLAN && type != ETHER_QINQ && type != ETHER_QINQ_OLD) break;
        if (!LOAD(skb, *at, b, sizeof b)) return 0;
        type = (__u16)(b[2] << 8 | b[3]);
    }
    return type;
}

SEC("socket") int deal(struct __sk_buff *skb)
{
    struct place p = {};
    struct whose_talk s = {};
    bool error;
    const unsigned workers = tables.numbers.workers;
    if (!tables.ready) return workers ? (int)(skb->hash % workers) : 0;
    const __u16 type = deal_type(skb, &p.at);
    if (type != ETHER_IP4 && type != ETHER_IP6) return 0;
    p.v6 = type == ETHER_IP6;
    s.iface = (uint16_t)iface_here(skb->ifindex);
    if (!read_ip(skb, &p, &s, false)) return 0;
    if (p.fragment) return (int)owner_of_fragment(&p, &s);
    if (!read_upper(skb, &p, &s, false, &error)) return 0;
    const bool inquiry = is_inquiry(skb, &p, &s);
    if (error) read_quote(skb, p.at + ICMP_LEN, &s);
    return (int)owner(&s, inquiry);
}

char terms[] SEC("license") = "BSD";
