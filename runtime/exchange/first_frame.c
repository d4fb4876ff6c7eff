#include "runtime/exchange/first_frame.h"

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

uint8_t first_frame_port(const struct routes *r, const struct flow_record *flow, bool ours)
{
    const struct route_query q = {.to = ours ? flow->dst : flow->src,
                                  .from = ours ? flow->src : flow->dst,
                                  .family = flow->family,
                                  .in = ROUTE_NO_PORT};
    const struct route_way *way = routes_find(r, &q);
    const struct route_leg *leg = way->kind == ROUTE_VIA ? routes_leg(r, way, 0, ROUTE_NO_PORT) : NULL;
    return leg ? leg->port : ROUTE_NO_PORT;
}

struct decision first_frame_judge(const struct program *p, const struct facts *facts, const struct frame_spec *s,
                                  uint16_t iface, uint32_t mark)
{
    uint8_t frame[FRAME_MOST];
    const uint32_t len = frame_write(s, frame);
    struct pkt pkt;
    struct key key;
    pkt_view(&pkt, frame, len, len, LINK_ETHER, iface);
    pkt_parse(&pkt, facts, &key);
    key.marks = (key.marks & ~(uint32_t)MARK_STATES) | mark;
    if (p->services_count && facts_have_self(facts)) key_settle(p, &key);
    if (p->meta->flags & PBC_ASKS_ROUTES) ways_settle(p->meta->flags, facts, &key, &pkt);
    return program_decide(p, &key, &pkt);
}
