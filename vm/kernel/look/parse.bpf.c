/* The parser of vm/packet/parse/, as functions that every form of the first stage calls. */
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* These functions are static, because all callers are in this file: the kernel's verifier then follows what they
 * pass in a struct on the stack. */
struct parse;
static enum pkt_reason parse_lacks(struct parse *p, uint32_t upto, enum pkt_reason short_reason);
static enum pkt_reason parse_link(struct parse *p);
static enum pkt_reason parse_arp(struct parse *p, uint32_t at);
static enum pkt_reason parse_ip4(struct parse *p, uint32_t at);
static enum pkt_reason parse_ip6(struct parse *p, uint32_t at);
static enum pkt_reason parse_tcp(struct parse *p, uint32_t at);
static enum pkt_reason parse_udp(struct parse *p, uint32_t at);
static enum pkt_reason parse_sctp(struct parse *p, uint32_t at);
static enum pkt_reason parse_icmp(struct parse *p, uint32_t at);
static enum pkt_reason parse_l4(struct parse *p, uint32_t at);
static uint32_t parse_upper(uint32_t kind, uint8_t proto);
static void parse_set_proto(struct parse *p, uint8_t proto);
static enum pkt_reason parse_fragment(uint32_t offset, bool more, uint32_t bytes, int proto);
static enum pkt_reason parse_frame(struct pkt *pkt, const struct facts *facts, struct key *key);

#include "vm/kernel/look/parse.bpf.h"

/* A packet may have many headers of IPv6, and thousands of options behind each. Reading one header, and reading a
 * header's options, are functions that the kernel's verifier checks only once. */
enum { IP6_OPTIONS_TURNS = 64 };
uint64_t kernel_ip6_options(struct kpkt *k, uint32_t at, uint32_t end, bool hop_by_hop);
#define IP6_OPTIONS(p, at, end, hop_by_hop) kernel_ip6_options((struct kpkt *)(p)->pkt, at, end, hop_by_hop)
struct chain;
static enum pkt_reason ip6_header(struct parse *p, struct chain *c);
#define IP6_HEADER(p, c) ip6_header(p, c)

/* Whole layers are such functions, too: NAME calls kernel_NAME, which calls the shared code NAME_there. */
#include "vm/packet/parse/arp.c"
#include "vm/packet/parse/icmp.c"
#define parse_ip4 parse_ip4_there
static enum pkt_reason parse_ip4_there(struct parse *p, uint32_t at);
#include "vm/packet/parse/ip4.c"
#undef parse_ip4
#define parse_ip6 parse_ip6_there
static enum pkt_reason parse_ip6_there(struct parse *p, uint32_t at);
#include "vm/packet/parse/ip6.c"
#undef parse_ip6
#include "vm/packet/parse/link.c"
#define parse_l4 parse_l4_there
static enum pkt_reason parse_l4_there(struct parse *p, uint32_t at);
#include "vm/packet/parse/parse.c"
#undef parse_l4
#include "vm/packet/parse/sctp.c"
#include "vm/packet/parse/tcp.c"
#include "vm/packet/parse/udp.c"
#include "vm/packet/parse/upper.c"

GLOBAL uint64_t kernel_sides4(uint32_t src, uint32_t dst)
{
    const bool some = state_world.facts.self4_count;
    const uint32_t from = LOOSE(some && own_has4(src) ? KIND_SRC_SELF : 0u);
    const uint32_t to = LOOSE(some && own_has4(dst) ? KIND_DST_SELF : 0u);
    return sides_direction(from | to, sides_group4(dst));
}

/* Return the sides of the packet's key. */
GLOBAL uint64_t kernel_sides6(struct kpkt *k NONNULL)
{
    const struct key *key = &k->key;
    const bool some = state_world.facts.self6_count;
    const uint32_t src = LOOSE(some && own_has6(key->src) ? KIND_SRC_SELF : 0u);
    const uint32_t dst = LOOSE(some && own_has6(key->dst) ? KIND_DST_SELF : 0u);
    return sides_direction(src | dst, key->dst[0] >> 24 == 0xff);
}

/* Return the careful parser's state for a packet, at any place in it. `end`: as in struct parse. */
static inline struct parse parse_of(struct kpkt *k, uint32_t end)
{
    struct parse p = {.pkt = &k->pkt, .key = &k->key, .facts = &state_world.facts, .data = k->head, .end = end};
    parse_bounds(&p);
    return p;
}
#define KPKT_OF(p) ((struct kpkt *)(p)->pkt)

GLOBAL uint64_t kernel_parse_ip4(struct kpkt *k NONNULL, uint32_t at, uint32_t end)
{
    struct parse p = parse_of(k, end);
    return parse_ip4_there(&p, at);
}
static enum pkt_reason parse_ip4(struct parse *p, uint32_t at)
{
    return (enum pkt_reason)kernel_parse_ip4(KPKT_OF(p), at, p->end);
}

GLOBAL uint64_t kernel_parse_ip6(struct kpkt *k NONNULL, uint32_t at, uint32_t end)
{
    struct parse p = parse_of(k, end);
    return parse_ip6_there(&p, at);
}
static enum pkt_reason parse_ip6(struct parse *p, uint32_t at)
{
    return (enum pkt_reason)kernel_parse_ip6(KPKT_OF(p), at, p->end);
}

GLOBAL uint64_t kernel_parse_l4(struct kpkt *k NONNULL, uint32_t at, uint32_t end, bool first_fragment)
{
    struct parse p = parse_of(k, end);
    p.first_fragment = first_fragment;
    return parse_l4_there(&p, at);
}
static enum pkt_reason parse_l4(struct parse *p, uint32_t at)
{
    return (enum pkt_reason)kernel_parse_l4(KPKT_OF(p), at, p->end, p->first_fragment);
}

#ifdef COUNTED
/* Check IP6_OPTIONS_TURNS options at most. Return the reason << 32 | the place of the next. */
GLOBAL uint64_t kernel_ip6_options_some(struct kpkt *k NONNULL, uint32_t at, uint32_t end, bool hop_by_hop)
{
    const uint64_t reason = check_options(&(struct parse){.data = k->head}, &at, end, hop_by_hop);
    return reason << 32 | at;
}

GLOBAL uint64_t kernel_ip6_options(struct kpkt *k NONNULL, uint32_t at, uint32_t end, bool hop_by_hop)
{
    uint64_t said = at;
    TURNS(IP6_OPTIONS_BYTES / IP6_OPTIONS_TURNS)
    while (LOOP(!(said >> 32) && (uint32_t)said < end))
        said = kernel_ip6_options_some(k, (uint32_t)said, end, hop_by_hop);
    return said >> 32;
}
#else
GLOBAL uint64_t kernel_ip6_options(struct kpkt *k NONNULL, uint32_t at, uint32_t end, bool hop_by_hop)
{
    return check_options(&(struct parse){.data = k->head}, &at, end, hop_by_hop);
}
#endif

/* Walk one header of the chain, at `at`. Return the reason | the next header << 8 | enum ip6_step | its place << 32.
 * `end`: end of the packet. */
enum ip6_step { IP6_STEP_LATER = 1 << 16, IP6_STEP_FRAGMENT = 1 << 17 };
GLOBAL uint64_t kernel_ip6_header(struct kpkt *k NONNULL, uint32_t at, uint32_t next, uint32_t end)
{
    struct chain c = {.at = at, .next = (uint8_t)next};
    struct parse p = parse_of(k, end);
    const uint64_t reason = walk_one(&p, &c);
    return reason | (uint64_t)c.next << 8 | (c.later ? IP6_STEP_LATER : 0) |
           (p.first_fragment ? IP6_STEP_FRAGMENT : 0) | (uint64_t)c.at << 32;
}

static enum pkt_reason ip6_header(struct parse *p, struct chain *c)
{
    const uint64_t said = kernel_ip6_header((struct kpkt *)p->pkt, c->at, c->next, p->end);
    c->at = (uint32_t)(said >> 32);
    c->next = (uint8_t)(said >> 8);
    c->later = said & IP6_STEP_LATER;
    if (said & IP6_STEP_FRAGMENT) p->first_fragment = true;
    return (enum pkt_reason)(said & 0xff);
}

GLOBAL uint64_t kernel_parse_carefully(struct kpkt *k NONNULL)
{
    return parse_frame(&k->pkt, &state_world.facts, &k->key);
}

/* Set the place of IP behind an Ethernet header with at most one tag, in the bytes or taken off. Return the
 * EtherType there; 0: the frame is another kind. */
static inline uint16_t behind_ethernet(const struct kpkt *k, struct outer *o)
{
    const struct pkt *pkt = &k->pkt;
    if (pkt->head_len < TAGGED_LEN || pkt->tag_count > 1) return 0;
    uint16_t type = wire_get16(k->head + ETHER_TYPE_AT);
    o->l3 = ETHER_LEN;
    o->kind |= KIND_ETHER;
    if (pkt->tag_count == 1) {
        o->kind |= KIND_VLAN;
        o->vlan = pkt->tags[0].tci & VLAN_VID;
    } else if (ether_is_tag(type)) {
        o->kind |= KIND_VLAN;
        o->vlan = wire_get16(k->head + ETHER_LEN) & VLAN_VID;
        o->tag = true;
        o->l3 = TAGGED_LEN;
        type = wire_get16(k->head + TAGGED_LEN - 2);
    }
    return type;
}

/* Do the same for a bare IP packet. */
static inline uint16_t of_bare(const struct kpkt *k)
{
    if (k->pkt.link != LINK_RAW || k->pkt.tag_count) return 0;
    const uint8_t version = k->head[0] >> 4;
    return version == 4 ? ETHER_IP4 : version == 6 ? ETHER_IP6 : 0;
}

/* Parse the bytes of head as pkt_parse does, without schedules and bridges, if the frame is Ethernet with one tag at
 * most, or a bare IP packet. (For other links the code is not worth its size.) */
GLOBAL uint64_t kernel_parse_express(struct kpkt *k NONNULL)
{
    const struct facts *facts = &state_world.facts;
    struct pkt *pkt = &k->pkt;
    struct outer o = {.kind = KIND_ETHERTYPE};
    const uint16_t type = pkt->link == LINK_ETHER ? behind_ethernet(k, &o) : of_bare(k);
    if (type == ETHER_IP4 && pkt->head_len >= o.l3 + IP4_LEN + L4_READ) return quick_ip4(pkt, facts, &k->key, &o);
    if (type == ETHER_IP6 && pkt->head_len >= o.l3 + IP6_LEN + L4_READ) return quick_ip6(pkt, facts, &k->key, &o);
    return PARSE_CAREFULLY;
}
