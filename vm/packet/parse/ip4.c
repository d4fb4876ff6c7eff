/* IPv4 (RFC 791): version, lengths, checksum, options, fragments, checked in that order. */
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

/* Fill in the fixed header's fields, as soon as the version is right. */
static void fill_key4(struct parse *p, uint32_t at)
{
    struct key *key = p->key;
    key->kind |= KIND_IP4;
    key->src[0] = parse_at32(p, at + IP4_SRC);
    key->dst[0] = parse_at32(p, at + IP4_DST);
    key->length = parse_at16(p, at + IP4_TOTAL);
    key->ttl = parse_at(p, at + IP4_TTL);
    key->dscp = parse_at(p, at + IP4_TOS) >> 2;
    if ((parse_at(p, at) & 15) * 4 > IP4_LEN) key->kind |= KIND_OPTIONS;
    key->kind |= sides4(p->facts, key->src[0], key->dst[0]);
    parse_set_proto(p, parse_at(p, at + IP4_PROTO));
    uint16_t frag = parse_at16(p, at + IP4_FRAG);
    key->kind |= frag & IP4_OFFSET ? KIND_FRAG_LATER : frag & IP4_MF ? KIND_FRAG_FIRST : KIND_FRAG_NO;
}

/* True if every option is inside the header; bytes behind an end-of-list are padding. */
static bool options_ok(const struct parse *p, uint32_t at, uint32_t end)
{
    TURNS(IP4_OPTIONS_MOST)
    while (LOOP(at < end && parse_at(p, at) != IP4_OPT_END)) {
        uint32_t step = 1;
        if (parse_at(p, at) != IP4_OPT_NOP) {
            if (end - at < 2) return false;
            step = parse_at(p, at + 1);
            if (step < 2 || step > end - at) return false;
        }
        at = LOOSE(at + step);
    }
    return true;
}

/* True if the header's words add up to all ones (RFC 1071). */
static bool sum_ok(const struct parse *p, uint32_t at, uint32_t end)
{
    uint32_t sum = 0;
    TURNS(IP4_MOST / 2)
    for (; LOOP(at < end); at = LOOSE(at + 2)) sum += parse_at16(p, at);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return ((sum & UINT16_MAX) + (sum >> 16)) == UINT16_MAX;
}

static enum pkt_reason check_header(struct parse *p, uint32_t at, uint32_t header)
{
    if (!sum_ok(p, at, at + header)) {
        p->pkt->flags |= PKT_BAD_CSUM;
        if (p->facts && p->facts->drop_bad_checksum) return REASON_BAD_IP_CHECKSUM;
    }
    return options_ok(p, at + IP4_LEN, at + header) ? REASON_NONE : REASON_BAD_IP_OPTIONS;
}

enum pkt_reason parse_ip4(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + IP4_LEN, REASON_SHORT_IP);
    if (r) return r;
    if (parse_at(p, at) >> 4 != 4) return REASON_BAD_IP_VERSION;
    p->pkt->l3 = (uint16_t)at;
    fill_key4(p, at);
    uint32_t header = (parse_at(p, at) & 15u) * 4, total = parse_at16(p, at + IP4_TOTAL);
    if (header < IP4_LEN || at + header > p->end) return REASON_BAD_IP_HEADER_LENGTH;
    if (total < header || at + total > p->end) return REASON_BAD_IP_TOTAL_LENGTH;
    p->end = at + total;
    p->pkt->l3_end = (uint16_t)(p->end > UINT16_MAX ? UINT16_MAX : p->end);
    if ((r = parse_need(p, at + header, REASON_BAD_IP_TOTAL_LENGTH))) return r;
    if ((r = check_header(p, at, header))) return r;
    if (!(p->key->kind & KIND_FRAG_NO)) {
        uint16_t frag = parse_at16(p, at + IP4_FRAG);
        r = parse_fragment((frag & IP4_OFFSET) * 8u, frag & IP4_MF, total - header, parse_at(p, at + IP4_PROTO));
        if (r || (p->key->kind & KIND_FRAG_LATER)) return r;
        p->first_fragment = true;
    }
    return parse_l4(p, at + header);
}
