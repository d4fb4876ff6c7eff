/* Would the program let a session's first packet in? Asked at a reload, of services that say `on reload close`. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/proxy/core.h"
#include "runtime/worker/first_frame.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/judge/routes.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/sides.h"

/* The interface that the client is at, as routes know, by its id in the program. */
static uint16_t iface_of(const struct proxy *p, const struct flow_record *f)
{
    const struct route_query q = {.to = f->src, .from = f->dst, .family = f->family, .in = ROUTE_NO_PORT};
    if (p->iface_count == 1) return p->iface[0];
    if (!p->world->routes) return IFACE_NONE;
    const struct route_way *way = routes_find(p->world->routes, &q);
    const struct route_leg *leg = way->kind == ROUTE_VIA ? routes_leg(p->world->routes, way, 0, ROUTE_NO_PORT) : NULL;
    return leg && leg->port < p->iface_count ? p->iface[leg->port] : IFACE_NONE;
}

/* Its two addresses, whomever a PROXY header named. */
static void first_packet(const struct session *s, struct flow_record *f)
{
    *f = (struct flow_record){.proto = IPPROTO_TCP,
                              .family = s->key.kind & KIND_IP6 ? 6 : 4,
                              .src_port = s->peer.port,
                              .dst_port = s->key.dst_port,
                              .vlan = {VLAN_UNTAGGED, VLAN_UNTAGGED}};
    memcpy(f->src, s->peer.addr, sizeof f->src);
    memcpy(f->dst, s->key.dst, sizeof f->dst);
}

bool session_rejudge(struct session *s)
{
    const struct proxy *p = s->proxy;
    uint8_t frame[FRAME_MOST];
    struct flow_record f;
    struct pkt pkt;
    struct key key;
    first_packet(s, &f);
    const struct frame_spec spec = first_frame(&f);
    const uint32_t len = frame_write(&spec, frame);
    pkt_view(&pkt, frame, len, len, LINK_ETHER, iface_of(p, &f));
    pkt_parse(&pkt, &p->world->facts, &key);
    key.marks = (key.marks & ~(uint32_t)MARK_STATES) | MARK_NEW;
    if (facts_have_self(&p->world->facts)) key_settle(p->program, &key);
    const struct decision d = program_decide(p->program, &key, &pkt);
    if (d.action == ACTION_DROP || d.action == ACTION_REJECT) return false;
    s->rule = d.rule;
    s->firewall = d.firewall;
    return true;
}
