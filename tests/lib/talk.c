/* Building frames of conversations (talk.h). */
#include "tests/lib/talk.h"

#include <stdio.h>
#include <string.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/wire.h"

static bool is_group(uint32_t addr) { return addr >> 28 == 0xe; }

void talk_addr(const struct talk *t, uint32_t addr, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof *out);
    if (!t->v6) {
        out[0] = addr;
        return;
    }
    out[0] = is_group(addr) ? 0xff020000 : 0x20010db8;
    out[3] = addr;
}

uint32_t talk_tag(uint16_t port) { return UINT32_C(0x5c000000) + port; }

uint8_t talk_chunk(unsigned nth)
{
    static const uint8_t opening[] = {SCTP_INIT, SCTP_INIT_ACK, SCTP_COOKIE_ECHO, SCTP_COOKIE_ACK};
    return nth < sizeof opening ? opening[nth] : SCTP_SACK;
}

static void put_chunk(const struct talk *t, uint8_t *p)
{
    const uint32_t tag = t->chunk == SCTP_INIT ? 0 : talk_tag(t->tag_dst ? t->tag_dst : t->dst_port);
    wire_put32(p + SCTP_TAG, t->strange ? tag + 1000 : tag);
    if (t->payload < 4) return;
    p[SCTP_LEN] = t->chunk;
    wire_put16(p + SCTP_LEN + 2, t->payload);
    if (t->payload >= 8) wire_put32(p + SCTP_LEN + 4, talk_tag(t->tag_src ? t->tag_src : t->src_port));
}

static uint32_t put_l4(const struct talk *t, uint8_t *p)
{
    const bool icmp = t->proto == IPPROTO_NR_ICMP || t->proto == IPPROTO_NR_ICMP6;
    uint32_t header = 0;
    if (icmp) {
        p[0] = t->type;
        wire_put16(p + ICMP_REST, t->id);
        header = ICMP_LEN;
    } else {
        wire_put16(p, t->src_port);
        wire_put16(p + 2, t->dst_port);
    }
    switch (t->proto) {
    case IPPROTO_NR_TCP:
        wire_put32(p + TCP_SEQ, t->seq);
        wire_put32(p + TCP_ACKNO, t->ack);
        p[TCP_OFFSET] = TCP_LEN / 4 << 4;
        p[TCP_FLAGS] = t->flags;
        wire_put16(p + 14, t->window);
        header = TCP_LEN;
        break;
    case IPPROTO_NR_UDP:
        wire_put16(p + UDP_LENGTH, (uint16_t)(UDP_LEN + t->payload));
        header = UDP_LEN;
        break;
    case IPPROTO_NR_SCTP:
        header = SCTP_LEN;
        put_chunk(t, p);
        break;
    default: break;
    }
    return header + t->payload;
}

static uint32_t put_ip(const struct talk *t, uint8_t *p);

static uint32_t put_upper(const struct talk *t, uint8_t *p)
{
    const uint32_t len = put_l4(t, p);
    return t->quoted ? len + put_ip(t->quoted, p + len) : len;
}

static uint32_t put_ip4(const struct talk *t, uint8_t *p)
{
    const uint32_t len = IP4_LEN + put_upper(t, p + IP4_LEN);
    p[0] = 0x45;
    wire_put16(p + IP4_TOTAL, (uint16_t)len);
    wire_put16(p + IP4_ID, t->ip_id);
    wire_put16(p + IP4_FRAG, t->fragment == 1 ? IP4_MF : t->fragment == 2 ? 100 : 0);
    p[IP4_TTL] = t->ttl;
    p[IP4_PROTO] = t->proto;
    wire_put32(p + IP4_SRC, t->src);
    wire_put32(p + IP4_DST, t->dst);
    wire_put16(p + IP4_SUM, csum_of(p, IP4_LEN));
    return len;
}

static uint32_t put_ip6(const struct talk *t, uint8_t *p)
{
    const uint32_t len = put_upper(t, p + IP6_LEN);
    uint32_t src[4], dst[4];
    talk_addr(t, t->src, src);
    talk_addr(t, t->dst, dst);
    p[0] = 0x60;
    wire_put16(p + IP6_PAYLOAD, (uint16_t)len);
    p[IP6_NEXT] = t->proto;
    p[IP6_HOPS] = t->ttl;
    for (unsigned i = 0; i < 4; i++) {
        wire_put32(p + IP6_SRC + 4 * i, src[i]);
        wire_put32(p + IP6_DST + 4 * i, dst[i]);
    }
    return IP6_LEN + len;
}

static uint32_t put_ip(const struct talk *t, uint8_t *p) { return t->v6 ? put_ip6(t, p) : put_ip4(t, p); }

uint32_t talk_build(const struct talk *t, uint8_t out[TALK_FRAME_MAX])
{
    uint32_t at = ETHER_TYPE_AT;
    memset(out, 0, TALK_FRAME_MAX);
    out[0] = out[6] = 2;
    for (unsigned i = 0; i < t->tag_count; i++, at += VLAN_LEN) {
        wire_put16(out + at, t->tags[i].tpid);
        wire_put16(out + at + 2, t->tags[i].vid);
    }
    wire_put16(out + at, t->v6 ? ETHER_IP6 : ETHER_IP4);
    return at + 2 + put_ip(t, out + at + 2);
}

const char *talk_text(const struct talk *t, char *buf, unsigned len)
{
    snprintf(
        buf, len,
        "v%d proto %u %x:%u > %x:%u flags %02x seq %u ack %u len %u type %u id %u chunk %u tags %u frag %u ttl %u%s",
        t->v6 ? 6 : 4, t->proto, t->src, t->src_port, t->dst, t->dst_port, t->flags, t->seq, t->ack, t->payload,
        t->type, t->id, t->chunk, t->tag_count, t->fragment, t->ttl, t->quoted ? " quotes" : "");
    return buf;
}
