/* TCP segments that prey makes: RSTs to a segment without a connection, and segments to one side of a flow in the name
 * of the other. */
#include <errno.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/reply/build_priv.h"

/* Write options in the order, and with the no-ops, that hosts use, so that numbers are at multiples of 4. */
static void write_options(struct writer *w, const struct tcp_options *o)
{
    if (o->mss) {
        write8(w, TCP_OPT_MSS);
        write8(w, TCP_OPT_MSS_LEN);
        write16(w, o->mss);
    }
    if (o->sack_ok || o->has_stamps) {
        write8(w, o->sack_ok ? TCP_OPT_SACK_OK : TCP_OPT_NOP);
        write8(w, o->sack_ok ? TCP_OPT_SACK_OK_LEN : TCP_OPT_NOP);
    }
    if (o->has_stamps) {
        write8(w, TCP_OPT_STAMPS);
        write8(w, TCP_OPT_STAMPS_LEN);
        write32(w, o->stamp);
        write32(w, o->echo);
    } else if (o->sack_ok) {
        write8(w, TCP_OPT_NOP);
        write8(w, TCP_OPT_NOP);
    }
    if (o->has_scale) {
        write8(w, TCP_OPT_NOP);
        write8(w, TCP_OPT_SCALE);
        write8(w, TCP_OPT_SCALE_LEN);
        write8(w, o->scale);
    }
}

static uint32_t options_len(const struct tcp_options *o)
{
    return (o->mss ? TCP_OPT_MSS_LEN : 0u) + (o->has_stamps ? 12u : o->sack_ok ? 4u : 0u) + (o->has_scale ? 4u : 0u);
}

static void write_tcp(struct writer *w, const struct flow_segment *s)
{
    write16(w, s->src_port);
    write16(w, s->dst_port);
    write32(w, s->seq);
    write32(w, s->flags & TCP_ACK ? s->ack : 0);
    write8(w, (uint8_t)((TCP_LEN + options_len(&s->options)) / 4 << 4));
    write8(w, s->flags);
    write16(w, s->window);
    write16(w, 0); /* checksum, written later */
    write16(w, 0); /* urgent pointer */
    write_options(w, &s->options);
}

static bool is_tcp(const struct pkt *pkt, const struct key *key)
{
    const uint32_t needs = KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS;
    return !pkt->reason && (key->kind & needs) == needs;
}

int build_tcp_instead(const struct pkt *request, const struct key *key, const struct flow_segment *s, struct pool *pool,
                      struct pkt **out)
{
    if (!is_tcp(request, key)) return -EINVAL;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ether_type_of(key), 0);
    if (err) return err;
    struct flow_segment instead = *s;
    instead.src_port = key->src_port;
    instead.dst_port = key->dst_port;
    if (request->link == LINK_ETHER) edit_macs(r.w.pkt, pkt_mac(request, true), pkt_mac(request, false));
    memcpy(r.to.src, key->src, sizeof(r.to.src));
    memcpy(r.to.dst, key->dst, sizeof(r.to.dst));
    reply_ip(&r, &(struct reply_ip){.proto = IPPROTO_NR_TCP, .ttl = (uint8_t)key->ttl, .frag = IP4_DF});
    write_tcp(&r.w, &instead);
    return reply_finish(&r, TCP_SUM, out);
}

int build_tcp_reply(const struct pkt *request, const struct key *key, const struct flow_segment *s, struct pool *pool,
                    struct pkt **out)
{
    if (!is_tcp(request, key)) return -EINVAL;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ether_type_of(key), 0);
    if (err) return err;
    struct flow_segment answer = *s;
    answer.src_port = key->dst_port;
    answer.dst_port = key->src_port;
    reply_ip(&r, &(struct reply_ip){.proto = IPPROTO_NR_TCP, .ttl = BUILD_TTL, .frag = IP4_DF});
    write_tcp(&r.w, &answer);
    return reply_finish(&r, TCP_SUM, out);
}

int build_rst(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out)
{
    if (request->reason || !(key->kind & KIND_TCP_FLAGS) || key->marks & TCP_RST) return -EINVAL;
    if (key->marks & TCP_ACK) {
        const struct flow_segment s = {.flags = TCP_RST, .seq = bytes_get32(request, request->l4 + TCP_ACKNO)};
        return build_tcp_reply(request, key, &s, pool, out);
    }
    /* The segment's sequence space: its data, SYN and FIN (RFC 9293, 3.4). */
    const uint32_t headers = (uint32_t)request->payload - request->l3;
    const uint32_t len = key->length - headers + (key->marks & TCP_SYN ? 1 : 0) + (key->marks & TCP_FIN ? 1 : 0);
    const uint32_t end = bytes_get32(request, request->l4 + TCP_SEQ) + len;
    return build_tcp_reply(request, key, &(struct flow_segment){.flags = TCP_RST | TCP_ACK, .ack = end}, pool, out);
}

int build_flow_segment(const struct flow_segment *s, struct pool *pool, struct pkt **out)
{
    const struct pkt bare = {.link = LINK_RAW, .iface = IFACE_NONE};
    struct key key = {.kind = s->v6 ? KIND_IP6 : KIND_IP4}; /* key of a packet in the other direction */
    memcpy(key.src, s->dst, sizeof(key.src));
    memcpy(key.dst, s->src, sizeof(key.dst));
    struct reply r;
    int err = reply_begin(&r, &bare, &key, pool, ether_type_of(&key), 0);
    if (err) return err;
    reply_ip(&r, &(struct reply_ip){.proto = IPPROTO_NR_TCP, .ttl = BUILD_TTL, .frag = IP4_DF});
    write_tcp(&r.w, s);
    return reply_finish(&r, TCP_SUM, out);
}
