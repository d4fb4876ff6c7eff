/* RSTs: to a segment for which there is no connection, and to a side of a flow that ends. */
#include <errno.h>

#include "vm/build_priv.h"

/* Sequence space that the segment takes: its data, SYN and FIN (RFC 9293, 3.4). */
static uint32_t segment_len(const struct pkt *pkt, const struct key *key)
{
    uint32_t headers = (uint32_t)pkt->payload - pkt->l3;
    return key->length - headers + (key->marks & TCP_SYN ? 1 : 0) + (key->marks & TCP_FIN ? 1 : 0);
}

/* The 20 bytes of a RST. */
static void write_tcp(struct writer *w, const struct flow_rst *rst)
{
    write16(w, rst->src_port);
    write16(w, rst->dst_port);
    write32(w, rst->seq);
    write32(w, rst->has_ack ? rst->ack : 0);
    write8(w, TCP_LEN / 4 << 4);
    write8(w, rst->has_ack ? TCP_RST | TCP_ACK : TCP_RST);
    write16(w, 0); /* window */
    write16(w, 0); /* checksum, later */
    write16(w, 0); /* urgent pointer */
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
    write_tcp(&r.w,
              &(struct flow_rst){
                  .src_port = key->dst_port, .dst_port = key->src_port, .seq = seq, .ack = ack, .has_ack = !has_ack});
    return reply_finish(&r, TCP_SUM, out);
}

int build_flow_rst(const struct flow_rst *rst, struct pool *pool, struct pkt **out)
{
    const struct pkt bare = {.link = LINK_RAW, .iface = IFACE_NONE};
    struct key key = {.kind = rst->v6 ? KIND_IP6 : KIND_IP4}; /* of a packet that came the other way */
    memcpy(key.src, rst->dst, sizeof(key.src));
    memcpy(key.dst, rst->src, sizeof(key.dst));
    struct reply r;
    int err = reply_begin(&r, &bare, &key, pool, ether_type_of(&key), 0);
    if (err) return err;
    reply_ip(&r, &(struct reply_ip){.proto = IPPROTO_NR_TCP, .ttl = BUILD_TTL, .frag = IP4_DF});
    write_tcp(&r.w, rst);
    return reply_finish(&r, TCP_SUM, out);
}
