/* Test for ordinary packets, inline: a TCP segment or UDP datagram without anything unusual in its headers, after which
 * only the flow's time and numbers change. For track_ordinary, and the kernel's stages. */
#pragma once

#include "vm/flow/tcp/tcp_window.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* Read a segment with only data and ACK. tcp: start of its header. */
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

/* True if the flow is open on both sides: a segment within window leaves it open. */
static inline bool ordinary_is_open(const struct flow *f)
{
    return f->state == FLOW_STATE_OPEN && !(f->tcp.flags & (TCP_TRACK_FIN_ORIGINAL | TCP_TRACK_FIN_REPLY));
}

/* True if both sides of a UDP flow have spoken. */
static inline bool ordinary_two_way(const struct flow *f)
{
    return f->state == FLOW_STATE_UDP || f->state == FLOW_STATE_UDP_LASTING;
}

/* True if the flow has counted enough packets of that direction, so that another one changes only its time. */
static inline bool ordinary_counted(const struct flow *f, enum flow_dir dir)
{
    const struct plain_track *t = &f->tcp.plain;
    return t->packets[dir & 1] >= FLOW_LASTS || (dir == FLOW_REPLY && t->astray >= FLOW_LASTS);
}

/* True if the packet leaves the value of `state` of a UDP flow unchanged. The other side's first packet is not
 * ordinary; an open flow has had that packet, or will never have it. */
static inline bool ordinary_udp(const struct flow *f, enum flow_dir dir)
{
    if (ordinary_two_way(f)) return true;
    return f->state == FLOW_STATE_UDP_ONE_WAY && dir == FLOW_ORIGINAL && !(f->flags & FLOW_ONE_SIDED);
}
