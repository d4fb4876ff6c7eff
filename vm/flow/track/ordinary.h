/* What makes a packet of a flow an ordinary one, inline: of a TCP segment or UDP datagram with nothing unusual in its
 * headers, does the flow stay as it is but for its time and numbers? For track_ordinary, and the kernel's stages. */
#pragma once

#include "vm/flow/tcp/window.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* A segment with nothing but data and ACK. tcp: where its header begins. */
static inline void ordinary_segment(const uint8_t *tcp, const struct key *key, const struct pkt *pkt,
                                    struct tcp_segment *s)
{
    s->seq = wire_get32(tcp + TCP_SEQ);
    s->ack = wire_get32(tcp + TCP_ACKNO);
    s->len = (uint32_t)pkt->l3 + key->length - pkt->payload;
    s->window = wire_get16(tcp + TCP_WINDOW);
    s->flags = TCP_ACK;
    s->scale = SCALE_ABSENT;
    s->mss = 0;
    s->first_fragment = false;
}

/* Open on both sides: a segment within window leaves it so. */
static inline bool ordinary_is_open(const struct flow *f)
{
    return f->state == FLOW_STATE_OPEN && !(f->tcp.flags & (TCP_TRACK_FIN_ORIGINAL | TCP_TRACK_FIN_REPLY));
}

/* The state of a UDP flow stays as it is: the other side's first packet is not ordinary. A flow that is open has heard
 * it, or never will. */
static inline bool ordinary_udp(const struct flow *f, enum flow_dir dir)
{
    if (f->state == FLOW_STATE_UDP) return true;
    return f->state == FLOW_STATE_UDP_ONE_WAY && dir == FLOW_ORIGINAL && !(f->flags & FLOW_ONE_SIDED);
}
