/* A parsed TCP packet as a segment: its sequence numbers and announcements */
#include "vm/flow/flow.h"
#include "vm/packet/parse/read.h"

void tcp_read(const struct pkt *pkt, const struct key *key, struct tcp_segment *s)
{
    struct tcp_header h;
    tcp_header_read(pkt, key, &h);
    const uint8_t flags = (uint8_t)key->marks;
    *s = (struct tcp_segment){
        .seq = h.seq,
        .ack = flags & TCP_ACK ? h.ack : 0,
        .len = h.payload_len + !!(flags & TCP_SYN) + !!(flags & TCP_FIN),
        .window = h.window,
        .flags = flags,
        .scale = SCALE_ABSENT,
        .first_fragment = key->kind & KIND_FRAG_FIRST,
    };
    if (flags & TCP_SYN) {
        /* two options that are valid in a SYN only (RFC 9293, 3.2; RFC 7323, 2.2) */
        struct tcp_syn_options o;
        tcp_syn_options_read(pkt, &o);
        s->mss = o.mss;
        if (o.has_scale) s->scale = o.scale < SCALE_MOST ? o.scale : SCALE_MOST;
    }
}
