/* IPv6 (RFC 8200): the fixed header, then the chain of extension headers up to the payload. */
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

/* Position of the walk. */
struct chain {
    uint32_t at;
    uint8_t next;
    bool later; /* in a later fragment: no header follows */
};

static void fill_key6(struct parse *p, uint32_t at)
{
    struct key *key = p->key;
    uint32_t length = parse_at16(p, at + IP6_PAYLOAD) + (uint32_t)IP6_LEN;
    key->kind |= KIND_IP6 | KIND_FRAG_NO;
    for (unsigned i = 0; i < 4; i++) {
        key->src[i] = parse_at32(p, at + IP6_SRC + 4 * i);
        key->dst[i] = parse_at32(p, at + IP6_DST + 4 * i);
    }
    key->length = (uint16_t)(length > UINT16_MAX ? UINT16_MAX : length);
    key->ttl = parse_at(p, at + IP6_HOPS);
    key->dscp = parse_at16(p, at) >> 6 & 0x3f;
    key->kind |= sides6(p->facts, key->src, key->dst);
}

/* Check the options of a hop-by-hop or destination header from *at on: each is inside it (RFC 8200, 4.2), and none
 * of a hop-by-hop header makes a jumbogram. *at moves to the end or, if turns are counted, as far as they reach. */
static enum pkt_reason check_options(const struct parse *p, uint32_t *at, uint32_t end, bool hop_by_hop)
{
    TURNS(IP6_OPTIONS_TURNS)
    while (LOOP(*at < end)) {
        const uint8_t type = parse_at(p, *at);
        uint32_t step = 1;
        if (type != IP6_OPT_PAD1) {
            if (end - *at < 2) return REASON_BAD_IP_OPTIONS;
            step = parse_at(p, *at + 1) + 2u;
            if (step > end - *at) return REASON_BAD_IP_OPTIONS;
            if (hop_by_hop && type == IP6_OPT_JUMBO) return REASON_JUMBOGRAM;
        }
        *at = LOOSE(*at + step);
    }
    return REASON_NONE;
}

#ifndef IP6_OPTIONS
#define IP6_OPTIONS(p, at, end, hop_by_hop) check_options(p, &(uint32_t){at}, end, hop_by_hop)
#endif

/* Walk a header of the common form. Its length field counts 8-byte units without the first. */
static enum pkt_reason walk_common(struct parse *p, struct chain *c)
{
    const uint32_t at = c->at, end = LOOSE(at + (parse_at(p, at + 1) + 1u) * 8), next = LOOSE(c->next);
    enum pkt_reason r = parse_need(p, end, REASON_IP6_EXTENSION_CHAIN);
    if (r) return r;
    if (next == IPPROTO_NR_ROUTING && parse_at(p, at + IP6_ROUTING_TYPE) == 0) return REASON_IP6_ROUTING_0;
    if (next == IPPROTO_NR_HOPOPT || next == IPPROTO_NR_DSTOPTS)
        r = IP6_OPTIONS(p, at + 2, end, next == IPPROTO_NR_HOPOPT);
    c->next = parse_at(p, at);
    c->at = LOOSE(end);
    return r;
}

/* Walk an authentication header. Its length field counts 4-byte units without the first two; 12 bytes are fixed (RFC
 * 4302, 2). */
static enum pkt_reason walk_ah(struct parse *p, struct chain *c)
{
    const uint32_t len = (parse_at(p, c->at + 1) + 2u) * 4;
    p->key->kind |= KIND_AH;
    if (len < AH_LEN) return REASON_SHORT_AH;
    enum pkt_reason r = parse_need(p, c->at + len, REASON_SHORT_AH);
    c->next = parse_at(p, c->at);
    c->at = LOOSE(c->at + len);
    return r;
}

/* Walk a fragment header. If it has no offset and no fragment follows, it is atomic: the packet is complete (RFC
 * 6946). Each fragment shows whether its datagram continues with AH (RFC 8200, 4.5), so later ones carry AH like
 * their first. */
static enum pkt_reason walk_fragment(struct parse *p, struct chain *c)
{
    uint16_t field = parse_at16(p, c->at + IP6_FRAG_OFFSET);
    bool more = field & 1;
    c->next = parse_at(p, c->at);
    c->at += IP6_FRAG_LEN;
    uint32_t offset = field & 0xfff8u, bytes = p->end - c->at;
    if (offset == 0 && !more) return REASON_NONE;
    c->later = offset != 0;
    if (LOOSE(c->next) == IPPROTO_NR_AH) p->key->kind |= KIND_AH;
    p->first_fragment = true;
    p->key->kind &= ~(uint32_t)(KIND_FRAG_NO | KIND_FRAG_FIRST | KIND_FRAG_LATER);
    p->key->kind |= c->later ? KIND_FRAG_LATER : KIND_FRAG_FIRST;
    return parse_fragment(offset, more, bytes, ip6_is_extension(c->next) ? -1 : c->next);
}

static enum pkt_reason walk_one(struct parse *p, struct chain *c)
{
    struct pkt *pkt = p->pkt;
    const uint8_t next = LOOSE(c->next);
    if (pkt->ext_headers == IP6_EXT_MOST) return REASON_IP6_EXTENSION_CHAIN;
    if (next == IPPROTO_NR_HOPOPT && pkt->ext_headers > 0) return REASON_IP6_EXTENSION_CHAIN;
    const bool ah = next == IPPROTO_NR_AH;
    enum pkt_reason r = parse_need(p, c->at + 8, ah ? REASON_SHORT_AH : REASON_IP6_EXTENSION_CHAIN);
    if (r) return r;
    pkt->ext_headers++;
    if (ah) return walk_ah(p, c);
    if (next == IPPROTO_NR_FRAGMENT) return walk_fragment(p, c);
    return walk_common(p, c);
}

#ifndef IP6_HEADER
#define IP6_HEADER(p, c) walk_one(p, c)
#endif

/* True for a jumbogram: payload length 0, and a hop-by-hop header with that option (RFC 2675). The header is beyond
 * the packet's end, which by its length is right after the fixed header. */
static bool is_jumbogram(struct parse *p, const struct chain *c, uint32_t wire_end)
{
    if (c->next != IPPROTO_NR_HOPOPT || p->end != c->at) return false;
    if (c->at + 8 > wire_end || c->at + 8 > p->head) return false;
    uint32_t len = (parse_at(p, c->at + 1) + 1u) * 8;
    if (c->at + len > wire_end || c->at + len > p->head) len = 8;
    return IP6_OPTIONS(p, c->at + 2, c->at + len, true) == REASON_JUMBOGRAM;
}

enum pkt_reason parse_ip6(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + IP6_LEN, REASON_SHORT_IP);
    if (r) return r;
    if (parse_at(p, at) >> 4 != 6) return REASON_BAD_IP_VERSION;
    p->pkt->l3 = (uint16_t)at;
    fill_key6(p, at);
    uint32_t wire_end = p->end;
    struct chain c = {.at = at + IP6_LEN, .next = parse_at(p, at + IP6_NEXT)};
    p->end = c.at + parse_at16(p, at + IP6_PAYLOAD);
    if (p->end > wire_end) return REASON_BAD_IP_TOTAL_LENGTH;
    p->pkt->l3_end = (uint16_t)(p->end > UINT16_MAX ? UINT16_MAX : p->end);
    if (is_jumbogram(p, &c, wire_end)) return REASON_JUMBOGRAM;
    TURNS(IP6_EXT_MOST + 1)
    while (LOOP(ip6_is_extension(LOOSE(c.next)) && !c.later))
        if ((r = IP6_HEADER(p, &c))) return r;
    if (!ip6_is_extension(c.next)) parse_set_proto(p, c.next);
    return c.later ? REASON_NONE : parse_l4(p, c.at);
}
