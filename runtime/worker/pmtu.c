/* The quoted outer header must be one that a service of the program makes, to a server of its pool */
#include "runtime/worker/pmtu.h"

#include <string.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/pbc.h"

enum { ICMP_NEXT_MTU = 6, ICMP6_MTU = 4, QUOTE_AT = 8, PROTO_IP4 = 4, PROTO_IP6 = 41, UDP_TO = 2 };

/* The quoted outer header. */
struct quote {
    uint32_t dst[4];
    uint8_t family, proto;
    uint16_t port; /* for UDP, the destination port; else 0 */
    uint32_t length;
};

static bool read_quote4(const struct pkt *pkt, const struct key *key, uint32_t at, struct quote *q)
{
    const uint32_t header = (edit_get8(pkt, at) & 15u) * 4;
    q->dst[0] = edit_get32(pkt, at + IP4_DST);
    q->proto = edit_get8(pkt, at + IP4_PROTO);
    q->length = edit_get16(pkt, at + IP4_TOTAL);
    if (q->proto == IPPROTO_NR_UDP) q->port = edit_get16(pkt, at + header + UDP_TO);
    return edit_get8(pkt, at) >> 4 == 4 && edit_get32(pkt, at + IP4_SRC) == key->dst[0];
}

static bool read_quote6(const struct pkt *pkt, const struct key *key, uint32_t at, struct quote *q)
{
    uint32_t src[4];
    edit_get_addr6(pkt, at + IP6_SRC, src);
    edit_get_addr6(pkt, at + IP6_DST, q->dst);
    q->proto = edit_get8(pkt, at + IP6_NEXT);
    q->length = edit_get16(pkt, at + IP6_PAYLOAD) + (uint32_t)IP6_LEN;
    if (q->proto == IPPROTO_NR_UDP) q->port = edit_get16(pkt, at + IP6_LEN + UDP_TO);
    return edit_get8(pkt, at) >> 4 == 6 && !memcmp(src, key->dst, sizeof src);
}

/* True if the service makes tunnel packets such as the quoted one. */
static bool is_of_service(const struct pbc_service *s, const struct quote *q)
{
    if (!mode_is(s->mode, MODE_TUNNELS)) return false;
    if (mode_is(s->mode, MODE_TAKES_PORT)) return q->proto == IPPROTO_NR_UDP && q->port == s->gue_port;
    return q->proto == PROTO_IP4 || q->proto == PROTO_IP6;
}

static bool has_server(const struct program *p, const struct pbc_pool *pool, const struct quote *q)
{
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        if (p->servers[i].family == q->family && !memcmp(p->servers[i].addr, q->dst, sizeof q->dst)) return true;
    return false;
}

static bool is_ours(const struct program *p, const struct quote *q)
{
    for (uint32_t i = 0; i < p->services_count; i++) {
        const struct pbc_service *s = &p->services[i];
        for (uint32_t b = s->branches; is_of_service(s, q) && b < s->branches + s->branch_count; b++)
            for (uint32_t k = 0; k < branch_shares(&p->branches[b]); k++)
                if (has_server(p, &p->pools[p->shares[p->branches[b].shares + k].pool], q)) return true;
    }
    return false;
}

bool pmtu_told(const struct program *p, const struct facts *f, struct pkt *pkt, struct pmtu_note *note)
{
    struct key key;
    struct quote q = {0};
    if (pkt_parse(pkt, f, &key) != REASON_NONE || !(key.kind & KIND_ICMP_HEADER) || key.kind & KIND_FRAGMENT)
        return false;
    const bool v4 = key.kind & KIND_ICMP && key.icmp_type == 3 && key.icmp_code == 4;
    if (!v4 && !(key.kind & KIND_ICMP6 && key.icmp_type == 2)) return false;
    q.family = v4 ? 4 : 6;
    const uint32_t l4 = pkt->l4, at = l4 + QUOTE_AT, least = v4 ? (uint32_t)TUNNEL_MTU_LEAST : (uint32_t)IP6_LEAST_MTU;
    uint32_t mtu = v4 ? edit_get16(pkt, l4 + ICMP_NEXT_MTU) : edit_get32(pkt, l4 + ICMP6_MTU);
    if (mtu < least) mtu = least; /* routers older than RFC 1191 send 0 */
    if (!(v4 ? read_quote4(pkt, &key, at, &q) : read_quote6(pkt, &key, at, &q)) || mtu >= q.length) return false;
    if (!is_ours(p, &q)) return false;
    *note = (struct pmtu_note){.family = q.family, .mtu = mtu};
    memcpy(note->addr, q.dst, sizeof note->addr);
    return true;
}
