/* Places of headers. The parser has found the frame's own. Those of a quote are read here; its sender may have cut it
 * anywhere. */
#include <errno.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/edit_priv.h"
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

struct chain {
    uint32_t at;
    uint8_t next;
    bool fragment, later; /* fragment: the packet is a fragment; later: it is one without the upper header */
    bool routed;          /* the chain has a routing header with segments left */
};

/* Walk one header of the chain. False: not an extension header, or truncated. */
static bool chain_step(const struct pkt *pkt, struct chain *c, uint32_t end)
{
    if (!ip6_is_extension(c->next)) return false;
    const uint32_t len = ip6_extension_len(c->next, edit_get8(pkt, c->at + 1));
    if (c->at + len > end) {
        c->later = true; /* treated as a later fragment: the chain's end is not here */
        return false;
    }
    if (c->next == IPPROTO_NR_FRAGMENT) {
        uint16_t field = edit_get16(pkt, c->at + IP6_FRAG_OFFSET);
        c->later |= field >> 3 != 0;
        c->fragment |= field >> 3 != 0 || (field & IP6_MORE);
    }
    c->routed |= c->next == IPPROTO_NR_ROUTING && edit_get8(pkt, c->at + IP6_ROUTING_LEFT) != 0;
    c->next = edit_get8(pkt, c->at);
    c->at += len;
    return !c->later;
}

static struct chain chain_walk(const struct pkt *pkt, uint32_t l3, uint32_t end)
{
    struct chain c = {.at = l3 + IP6_LEN, .next = edit_get8(pkt, l3 + IP6_NEXT)};
    unsigned most = IP6_EXT_MOST;
    while (most-- > 0 && chain_step(pkt, &c, end)) {}
    return c;
}

int place_own(const struct pkt *pkt, const struct key *key, struct place *out)
{
    if (pkt->reason || !(key->kind & KIND_IP)) return -EINVAL;
    if (!(pkt->flags & PKT_WRITABLE)) return -EROFS;
    bool whole = key->kind & KIND_FRAG_NO;
    uint32_t end = (uint32_t)pkt->l3 + key->length;
    *out = (struct place){
        .l3 = pkt->l3,
        .l4 = pkt->l4,
        .end = least_len(end, pkt->head_len),
        .upper_len = whole && pkt->l4 ? end - pkt->l4 : 0,
        .proto = (uint8_t)key->proto,
        .v6 = key->kind & KIND_IP6,
    };
    if (__builtin_expect(out->v6 && pkt->ext_headers, 0))
        out->dst_elsewhere = chain_walk(pkt, out->l3, out->end).routed;
    return 0;
}

static bool quoted4(const struct pkt *pkt, uint32_t at, uint32_t end, struct place *out)
{
    uint32_t header = (edit_get8(pkt, at) & 15u) * 4, total = edit_get16(pkt, at + IP4_TOTAL);
    uint16_t frag = edit_get16(pkt, at + IP4_FRAG);
    if (header < IP4_LEN || total < header) return false;
    *out = (struct place){
        .l3 = at,
        .end = least_len(end, at + total),
        .proto = edit_get8(pkt, at + IP4_PROTO),
    };
    if (at + header >= out->end || frag & IP4_OFFSET) return true;
    out->l4 = at + header;
    out->upper_len = frag & IP4_MF ? 0 : total - header;
    return true;
}

static bool quoted6(const struct pkt *pkt, uint32_t at, uint32_t end, struct place *out)
{
    uint32_t packet_end = at + IP6_LEN + edit_get16(pkt, at + IP6_PAYLOAD);
    *out = (struct place){.l3 = at, .end = least_len(end, packet_end), .v6 = true};
    struct chain c = chain_walk(pkt, at, out->end);
    out->dst_elsewhere = c.routed;
    out->proto = c.next;
    if (c.later || c.at >= out->end) return true;
    out->l4 = c.at;
    out->upper_len = c.fragment ? 0 : packet_end - c.at;
    return true;
}

bool place_quoted(const struct pkt *pkt, uint32_t at, uint32_t end, bool v6, struct place *out)
{
    end = least_len(end, pkt->head_len);
    if (at + (v6 ? IP6_LEN : IP4_LEN) > end || edit_get8(pkt, at) >> 4 != (v6 ? 6 : 4)) return false;
    return v6 ? quoted6(pkt, at, end, out) : quoted4(pkt, at, end, out);
}

/* Return the length that an error states for its quote; 0: it states none. */
static uint32_t stated_len(const struct pkt *pkt, const struct key *key)
{
    uint16_t type = key->icmp_type;
    if (key->kind & KIND_ICMP6)
        return type == ICMP6_UNREACHABLE || type == ICMP6_TIME_EXCEEDED
                   ? (uint32_t)edit_get8(pkt, pkt->l4 + (uint32_t)ICMP6_QUOTE_LEN) * ICMP6_QUOTE_UNIT
                   : 0;
    return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER
               ? (uint32_t)edit_get8(pkt, pkt->l4 + (uint32_t)ICMP4_QUOTE_LEN) * ICMP4_QUOTE_UNIT
               : 0;
}

bool place_quote(const struct pkt *pkt, const struct key *key, uint32_t *at, uint32_t *end)
{
    if (pkt->reason || !icmp_is_error(key)) return false;
    uint32_t stated = stated_len(pkt, key);
    *at = pkt->l4 + (uint32_t)ICMP_LEN;
    *end = least_len(pkt->head_len, (uint32_t)pkt->l3 + key->length);
    if (stated) *end = least_len(*end, *at + stated);
    return *at < *end;
}
