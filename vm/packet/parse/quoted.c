/* Quotes of ICMP and ICMPv6 errors (read.h). */
#include "vm/packet/loop.h"
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

/* The quote being read: `at` moves over its headers, `end` is one past the quoted and captured bytes. */
struct quote {
    const struct pkt *pkt;
    uint32_t at, end;
    struct quoted *q;
};

enum { L4_QUOTED = 8 };

bool icmp_is_error(const struct key *key)
{
    return key->kind & KIND_ICMP_HEADER && icmp_type_is_error(key->kind & KIND_ICMP6, key->icmp_type);
}

/* Return the next `len` bytes, or NULL. */
static const uint8_t *here(const struct quote *w, uint32_t len, uint8_t *scratch)
{
    return w->end >= w->at && len <= w->end - w->at ? bytes_at(w->pkt, w->at, len, scratch) : NULL;
}

/* Read the layer after the IP header. For protocols without ports the addresses are enough. */
static bool read_l4(struct quote *w, uint8_t proto)
{
    struct quoted *q = w->q;
    uint8_t scratch[L4_QUOTED];
    const uint8_t *l4 = here(w, L4_QUOTED, scratch);
    q->key.proto = proto;
    q->key.kind |= KIND_PROTO | parse_upper(q->key.kind, proto);
    if (!(q->key.kind & (KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6))) return true;
    if (!l4) return false;
    if (q->key.kind & KIND_WITH_PORTS) {
        q->key.kind |= KIND_PORTS;
        q->key.src_port = wire_get16(l4);
        q->key.dst_port = wire_get16(l4 + 2);
        q->seq = wire_get32(l4 + TCP_SEQ);
    } else {
        q->key.kind |= KIND_ICMP_HEADER;
        q->key.icmp_type = l4[0];
        q->key.icmp_code = l4[ICMP_CODE];
        q->query = wire_get16(l4 + ICMP_REST);
    }
    return true;
}

/* Limit the quote to the quoted packet's own length. */
static void end_at(struct quote *w, uint32_t len)
{
    if (len < w->end - w->at) w->end = w->at + len;
}

static bool read_ip4(struct quote *w)
{
    uint8_t scratch[IP4_LEN];
    struct key *key = &w->q->key;
    const uint8_t *ip = here(w, IP4_LEN, scratch);
    if (!ip || ip[0] >> 4 != 4) return false;
    const uint32_t header = (ip[0] & 15u) * 4, total = wire_get16(ip + IP4_TOTAL);
    const uint16_t frag = wire_get16(ip + IP4_FRAG);
    const uint8_t proto = ip[IP4_PROTO];
    if (header < IP4_LEN || total < header || frag & IP4_OFFSET) return false;
    key->kind = KIND_IP4 | (frag & IP4_MF ? KIND_FRAG_FIRST : KIND_FRAG_NO);
    key->src[0] = wire_get32(ip + IP4_SRC);
    key->dst[0] = wire_get32(ip + IP4_DST);
    end_at(w, total);
    if (header > w->end - w->at) return false;
    w->at += header;
    return read_l4(w, proto);
}

/* Skip one extension header, and set the next one's number. */
static bool skip_header(struct quote *w, uint8_t *next)
{
    uint8_t scratch[IP6_FRAG_LEN];
    const uint8_t *header = here(w, sizeof scratch, scratch);
    if (!header) return false;
    const uint32_t len = ip6_extension_len(*next, header[1]);
    if (*next == IPPROTO_NR_FRAGMENT) {
        const uint16_t field = wire_get16(header + IP6_FRAG_OFFSET);
        if (field & 0xfff8) return false;
        if (field & 1) w->q->key.kind = (w->q->key.kind & ~(uint32_t)KIND_FRAG_NO) | KIND_FRAG_FIRST;
    }
    *next = header[0];
    if (len > w->end - w->at) return false;
    w->at = LOOSE(w->at + len);
    return true;
}

static bool read_ip6(struct quote *w)
{
    uint8_t scratch[IP6_LEN];
    struct key *key = &w->q->key;
    const uint8_t *ip = here(w, IP6_LEN, scratch);
    if (!ip || ip[0] >> 4 != 6) return false;
    uint8_t next = ip[IP6_NEXT];
    key->kind = KIND_IP6 | KIND_FRAG_NO;
    for (unsigned i = 0; i < 4; i++) {
        key->src[i] = wire_get32(ip + IP6_SRC + 4 * i);
        key->dst[i] = wire_get32(ip + IP6_DST + 4 * i);
    }
    end_at(w, IP6_LEN + wire_get16(ip + IP6_PAYLOAD));
    w->at += IP6_LEN;
    TURNS(IP6_EXT_MOST + 1)
    for (unsigned n = 0; LOOP(ip6_is_extension(next)); n = LOOSE(n + 1))
        if (n >= IP6_EXT_MOST || !skip_header(w, &next)) return false;
    return read_l4(w, next);
}

bool quoted_read(const struct pkt *pkt, const struct key *key, struct quoted *q)
{
    struct quote w = {.pkt = pkt, .at = pkt->payload, .end = (uint32_t)pkt->l3 + key->length, .q = q};
    *q = (struct quoted){0};
    return key->kind & KIND_IP6 ? read_ip6(&w) : read_ip4(&w);
}
