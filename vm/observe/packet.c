/* Packets as they are observed: read before they are judged, and given other ends if they leave rewritten. */
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/observe/observers_priv.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/read.h"

/* Find the captured bytes of the payload: in the head, then in segments. */
static void find_bytes(const struct pkt *pkt, struct observe_packet *s)
{
    const uint32_t at = pkt->payload, head = pkt->head_len < pkt->cap_len ? pkt->head_len : pkt->cap_len;
    s->have = at < head ? head - at : 0;
    s->bytes = pkt->data + (at < head ? at : 0);
    s->segs = pkt->segs;
    s->seg_count = pkt->seg_count;
    s->skip = at < head ? 0 : at - head;
}

bool observers_read(struct observers *o, const struct key *key, const struct pkt *pkt, struct observe_packet *s)
{
    const uint32_t asked = KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS;
    if ((key->kind & asked) != asked || !(key->kind & KIND_IP) || key->kind & KIND_FRAG_LATER) return false;
    struct tcp_header tcp;
    tcp_header_read(pkt, key, &tcp);
    s->key = *key;
    s->seq = tcp.seq;
    s->ack = tcp.ack;
    s->len = tcp.payload_len;
    s->window = tcp.window;
    s->flags = (uint8_t)key->marks;
    s->scale = SCALE_UNKNOWN;
    find_bytes(pkt, s);
    struct fragment first;
    if (key->kind & KIND_FRAG_FIRST && fragment_read(pkt, key, &first)) {
        s->fragment = first.id;
        s->zero = s->seq + !!(s->flags & TCP_SYN) - (first.bytes - s->len);
    }
    s->has_stamps = false;
    if (s->flags & TCP_SYN || o->cutting) {
        struct tcp_syn_options options = {.has_scale = false};
        tcp_syn_options_read(pkt, &options);
        s->has_stamps = options.has_stamps;
        s->sack = options.sack;
        s->has_scale = options.has_scale;
        s->mss = options.mss;
        s->stamp = options.stamp;
        if (s->flags & TCP_SYN)
            s->scale = !options.has_scale ? 0 : options.scale < SCALE_MOST ? options.scale : SCALE_MOST;
    }
    s->stack = stack_take(o->conns.stacks, pkt);
    if (s->stack != STACK_UNKNOWN) return true;
    o->counters.stack_full++;
    return false;
}

bool observe_packet_as(struct observe_packet *s, const struct pkt *left, const struct facts *facts)
{
    struct pkt view = *left;
    struct key key;
    struct tcp_header tcp;
    if (pkt_parse(&view, facts, &key) != REASON_NONE || !(key.kind & KIND_TCP) || !(key.kind & KIND_PORTS))
        return false;
    tcp_header_read(&view, &key, &tcp);
    memcpy(s->key.src, key.src, sizeof s->key.src);
    memcpy(s->key.dst, key.dst, sizeof s->key.dst);
    const uint32_t changed = KIND_IP | KIND_SRC_SELF | KIND_DST_SELF;
    s->key.kind = (s->key.kind & ~changed) | (key.kind & changed);
    s->key.src_port = key.src_port;
    s->key.dst_port = key.dst_port;
    s->zero += tcp.seq - s->seq;
    s->seq = tcp.seq;
    s->ack = tcp.ack;
    return true;
}

/* ---- later IP fragments: their bytes are not put into the stream, but are known to exist, so they are a hole, even
 * if they are not acknowledged. The newest first fragments of a worker are remembered ---- */

void later_expect(struct observers *o, const struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    struct first_fragment *f = &o->fragments[o->fragments_at++ % FRAGMENTS_MOST];
    *f = (struct first_fragment){.number = c->number,
                                 .place = conn_place(o, c),
                                 .id = s->fragment,
                                 .zero = s->zero,
                                 .side = (uint8_t)side,
                                 .v6 = (s->key.kind & KIND_IP6) != 0};
    memcpy(f->src, s->key.src, sizeof f->src);
    memcpy(f->dst, s->key.dst, sizeof f->dst);
}

/* Return the first fragment of a later one's datagram; NULL: it is not remembered. */
static const struct first_fragment *first_of(const struct observers *o, const struct key *key, uint32_t id)
{
    const bool v6 = (key->kind & KIND_IP6) != 0;
    for (unsigned i = 1; i <= FRAGMENTS_MOST; i++) {
        const struct first_fragment *f = &o->fragments[(o->fragments_at - i) % FRAGMENTS_MOST];
        if (f->number && f->id == id && f->v6 == v6 && memcmp(f->src, key->src, sizeof f->src) == 0 &&
            memcmp(f->dst, key->dst, sizeof f->dst) == 0)
            return f;
    }
    return NULL;
}

void observers_see_later(struct observers *o, const struct key *key, const struct fragment *later)
{
    const struct first_fragment *f = first_of(o, key, later->id);
    struct conn *c = f && f->place < o->conns.numbers.high ? &o->conns.at[f->place] : NULL;
    if (!c || !conn_lives(c) || c->number != f->number || c->flags & CONN_OVER) return;
    COUNT(o, c, fragments, 1);
    half_lies_ahead(&c->half[f->side], f->zero + later->offset + later->bytes);
}
