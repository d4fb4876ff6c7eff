/* The RST to a segment for which there is no connection. */
#include <errno.h>

#include "vm/build_priv.h"

/* Sequence space that the segment takes: its data, SYN and FIN (RFC 9293, 3.4). */
static uint32_t segment_len(const struct pkt *pkt, const struct key *key)
{
    uint32_t headers = (uint32_t)pkt->payload - pkt->l3;
    return key->length - headers + (key->marks & TCP_SYN ? 1 : 0) + (key->marks & TCP_FIN ? 1 : 0);
}

int build_rst(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out)
{
    uint32_t needs = KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS;
    if (request->reason || (key->kind & needs) != needs || key->marks & TCP_RST) return -EINVAL;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ether_type_of(key), 0);
    if (err) return err;
    reply_ip(&r, &(struct reply_ip){.proto = IPPROTO_NR_TCP, .ttl = BUILD_TTL, .frag = IP4_DF});

    bool has_ack = key->marks & TCP_ACK;
    uint32_t seq = has_ack ? bytes_get32(request, request->l4 + TCP_ACKNO) : 0;
    uint32_t ack = has_ack ? 0 : bytes_get32(request, request->l4 + TCP_SEQ) + segment_len(request, key);
    write16(&r.w, key->dst_port);
    write16(&r.w, key->src_port);
    write32(&r.w, seq);
    write32(&r.w, ack);
    write8(&r.w, TCP_LEN / 4 << 4);
    write8(&r.w, has_ack ? TCP_RST : TCP_RST | TCP_ACK);
    write16(&r.w, 0); /* window */
    write16(&r.w, 0); /* checksum, later */
    write16(&r.w, 0); /* urgent pointer */
    return reply_finish(&r, TCP_SUM, out);
}
