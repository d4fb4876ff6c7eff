/* A frame with the tuple's addresses and ports is made, parsed, and judged as a worker would */
#include "runtime/exchange/first_frame.h"

#include <netinet/in.h>
#include <string.h>

#include "vm/forward/service.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"

struct frame_spec first_frame(const struct flow_record *flow)
{
    struct frame_spec s = {.form = frame_form_of(flow->proto, flow->family == 6),
                           .family = flow->family,
                           .proto = flow->proto,
                           .src_port = flow->src_port,
                           .dst_port = flow->dst_port,
                           .flags = TCP_SYN,
                           .fragment = KIND_FRAG_NO,
                           .iface = IFACE_NONE,
                           .seq = 1};
    memcpy(s.src, flow->src, sizeof s.src);
    memcpy(s.dst, flow->dst, sizeof s.dst);
    for (unsigned i = 0; i < 2 && flow->vlan[i] != VLAN_UNTAGGED; i++) s.vid[s.tags++] = flow->vlan[i];
    if (s.form == FORM_ICMP) s.type = ICMP4_ECHO;
    if (s.form == FORM_ICMP6) s.type = ICMP6_ECHO;
    s.ttl = frame_ttl(&s);
    s.rest = (uint32_t)flow->src_port << 16 | 1;
    return s;
}

const struct route_leg *first_frame_leg(const struct routes *r, const struct flow_record *flow, bool ours)
{
    /* Policy rules ask for this property of a flow's packets, besides addresses. */
    const uint32_t kind = flow->proto == IPPROTO_TCP    ? KIND_TCP
                          : flow->proto == IPPROTO_UDP  ? KIND_UDP
                          : flow->proto == IPPROTO_SCTP ? KIND_SCTP
                                                        : 0;
    const struct key key = {.kind = kind | KIND_PROTO | KIND_PORTS | KIND_FRAG_NO,
                            .proto = flow->proto,
                            .src_port = flow->src_port,
                            .dst_port = flow->dst_port};
    const struct route_query q = {.to = ours ? flow->dst : flow->src,
                                  .from = ours ? flow->src : flow->dst,
                                  .key = &key,
                                  .in = ROUTE_IN_NONE,
                                  .family = flow->family,
                                  .returns = !ours};
    const struct route_way *way = routes_find(r, &q);
    return way->kind == ROUTE_VIA ? routes_leg(r, way, 0, ROUTE_NO_PORT) : NULL;
}

uint8_t first_frame_port(const struct routes *r, const struct flow_record *flow, bool ours)
{
    const struct route_leg *leg = first_frame_leg(r, flow, ours);
    return leg ? leg->port : ROUTE_NO_PORT;
}

struct parsed {
    struct pkt pkt;
    struct key key;
    uint8_t frame[FRAME_MOST];
};

static struct decision frame_judge(struct parsed *a, const struct program *p, const struct facts *facts,
                                   const struct frame_spec *s, uint16_t iface, uint32_t mark)
{
    const uint32_t len = frame_write(s, a->frame);
    pkt_view(&a->pkt, a->frame, len, len, LINK_ETHER, iface);
    pkt_parse(&a->pkt, facts, &a->key);
    a->key.marks = (a->key.marks & ~(uint32_t)MARK_STATES) | mark;
    if (p->services_count && facts_have_self(facts)) key_settle(p, &a->key);
    if (p->meta->flags & PBC_ASKS_ROUTES) ways_settle(p, facts, &a->key, &a->pkt);
    return program_decide(p, &a->key, &a->pkt);
}

struct decision first_frame_judge(const struct program *p, const struct facts *facts, const struct frame_spec *s,
                                  uint16_t iface, uint32_t mark)
{
    struct parsed a;
    return frame_judge(&a, p, facts, s, iface, mark);
}

uint32_t first_frame_service(const struct program *p, const struct facts *facts, const struct frame_spec *s,
                             uint16_t iface, struct decision *d)
{
    struct parsed a;
    *d = frame_judge(&a, p, facts, s, iface, MARK_NEW);
    if (d->action == ACTION_DROP || d->action == ACTION_REJECT) return PBC_NONE;
    const uint32_t branch = program_serve(p, &a.key, &a.pkt);
    return branch == PBC_NONE ? PBC_NONE : p->branches[branch].service;
}
