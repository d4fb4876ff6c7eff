/* IPv4 (RFC 791): version, lengths, checksum, options, fragments, in that order. */
#include "vm/packet/csum.h"
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/sides.h"

/* What the fixed header says, known as soon as the version is right. */
static void fill_key(struct parse *p, const uint8_t *ip)
{
    struct key *key = p->key;
    key->kind |= KIND_IP4;
    key->src[0] = wire_get32(ip + IP4_SRC);
    key->dst[0] = wire_get32(ip + IP4_DST);
    key->length = wire_get16(ip + IP4_TOTAL);
    key->ttl = ip[IP4_TTL];
    key->dscp = ip[IP4_TOS] >> 2;
    if ((ip[0] & 15) * 4 > IP4_LEN) key->kind |= KIND_OPTIONS;
    key->kind |= sides4(p->facts, key->src[0], key->dst[0]);
    parse_set_proto(p, ip[IP4_PROTO]);
    uint16_t frag = wire_get16(ip + IP4_FRAG);
    key->kind |= frag & IP4_OFFSET ? KIND_FRAG_LATER : frag & IP4_MF ? KIND_FRAG_FIRST : KIND_FRAG_NO;
}

/* Every option inside the header; what follows an end-of-list is padding. */
static bool options_ok(const uint8_t *option, uint32_t len)
{
    while (len > 0 && option[0] != IP4_OPT_END) {
        uint32_t step = 1;
        if (option[0] != IP4_OPT_NOP) {
            if (len < 2 || option[1] < 2 || option[1] > len) return false;
            step = option[1];
        }
        option += step;
        len -= step;
    }
    return true;
}

static enum pkt_reason check_header(struct parse *p, const uint8_t *ip, uint32_t header)
{
    if (csum_of(ip, header) != 0) {
        p->pkt->flags |= PKT_BAD_CSUM;
        if (p->facts && p->facts->drop_bad_checksum) return REASON_BAD_IP_CHECKSUM;
    }
    return options_ok(ip + IP4_LEN, header - IP4_LEN) ? REASON_NONE : REASON_BAD_IP_OPTIONS;
}

enum pkt_reason parse_ip4(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + IP4_LEN, REASON_SHORT_IP);
    if (r) return r;
    const uint8_t *ip = p->data + at;
    if (ip[0] >> 4 != 4) return REASON_BAD_IP_VERSION;
    p->pkt->l3 = (uint16_t)at;
    fill_key(p, ip);

    uint32_t header = (ip[0] & 15u) * 4, total = wire_get16(ip + IP4_TOTAL);
    if (header < IP4_LEN || at + header > p->end) return REASON_BAD_IP_HEADER_LENGTH;
    if (total < header || at + total > p->end) return REASON_BAD_IP_TOTAL_LENGTH;
    p->end = at + total;
    p->pkt->l3_end = (uint16_t)(p->end > UINT16_MAX ? UINT16_MAX : p->end);
    if ((r = parse_need(p, at + header, REASON_BAD_IP_TOTAL_LENGTH))) return r;
    if ((r = check_header(p, ip, header))) return r;

    if (!(p->key->kind & KIND_FRAG_NO)) {
        uint16_t frag = wire_get16(ip + IP4_FRAG);
        r = parse_fragment((frag & IP4_OFFSET) * 8u, frag & IP4_MF, total - header, ip[IP4_PROTO]);
        if (r || (p->key->kind & KIND_FRAG_LATER)) return r;
        p->first_fragment = true;
    }
    return parse_l4(p, at + header);
}
