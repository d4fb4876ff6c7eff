/* Would the program let a session's first packet in? Asked at a reload, of services that say `on reload close`. */
#include "runtime/exchange/first_frame.h"
#include "runtime/proxy/core.h"

/* The interface that the client is at, by its id in the program. */
static uint16_t iface_of(const struct proxy *p, const struct flow_record *f)
{
    if (p->iface_count == 1) return p->iface[0];
    const uint8_t port = p->world->routes ? first_frame_port(p->world->routes, f, false) : ROUTE_NO_PORT;
    return port < p->iface_count ? p->iface[port] : IFACE_NONE;
}

bool session_rejudge(struct session *s)
{
    const struct proxy *p = s->proxy;
    struct flow_record f;
    session_flow(s, &f);
    const struct frame_spec spec = first_frame(&f);
    const struct decision d = first_frame_judge(p->program, &p->world->facts, &spec, iface_of(p, &f), MARK_NEW);
    if (d.action == ACTION_DROP || d.action == ACTION_REJECT) return false;
    s->rule = d.rule;
    s->firewall = d.firewall;
    return true;
}
