/* Writing a drawn router's links, addresses, routes and policy rules as commands of ip(8), for `ip -4 -batch -` and
 * `ip -6 -batch -` */
#include "tests/diff/routers/world.h"

static void neighbour(unsigned iface, unsigned host, bool v6, FILE *out)
{
    uint8_t mac[6];
    char text[48];
    world_mac(iface, host, mac);
    fprintf(out, "neigh replace %s lladdr %02x:%02x:%02x:%02x:%02x:%02x dev e%u nud permanent\n",
            world_host_text(v6, iface, host, text), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], iface);
}

void world_as_ip_links(const struct world *w, bool v6, FILE *out)
{
    if (v6) return;
    fputs("link set lo up\n", out);
    for (unsigned i = 0; i < w->ifs; i++) {
        uint8_t mac[6];
        world_mac(i, HOST_ROUTER, mac);
        if (w->iface[i].bare) {
            fprintf(out, "link set e%u addrgenmode none up\n", i);
            continue;
        }
        fprintf(out, "link set e%u address %02x:%02x:%02x:%02x:%02x:%02x addrgenmode none up\n", i, mac[0], mac[1],
                mac[2], mac[3], mac[4], mac[5]);
    }
}

/* Write the neighbours again, which the kernel forgets with an interface's last address. */
static void neighbours(const struct world *w, bool v6, FILE *out)
{
    for (unsigned i = 0; i < w->ifs; i++) {
        if (w->iface[i].bare) continue;
        if (!(v6 ? w->iface[i].has6 : w->iface[i].has4)) neighbour(i, HOST_ROUTER, v6, out);
        for (unsigned h = 0; h < HOSTS; h++) neighbour(i, HOST_FIRST + h, v6, out);
        for (unsigned h = 0; h < 1u << MAPPED_BITS; h++) neighbour(i, HOST_MAPPED + h, v6, out);
        neighbour(i, HOST_SECOND, v6, out);
        neighbour(i, HOST_PROBE, v6, out);
        neighbour(i, HOST_POOL, v6, out);
        neighbour(i, HOST_GATEWAY, v6, out);
    }
}

void world_as_ip_forget(const struct world *w, bool v6, FILE *out)
{
    for (unsigned i = 0; i < w->ifs; i++) fprintf(out, "addr flush dev e%u\n", i);
    fputs("nexthop flush\nroute flush table main\n", out);
    for (unsigned t = 1; t <= POLICIES_MOST; t++) fprintf(out, "route flush table %u\n", 100 + t);
    fputs("rule del pref 900\n", out);
    for (unsigned i = 0; i < POLICIES_MOST * 2; i++) fprintf(out, "rule del pref %u\n", 1000 + i);
    (void)v6;
}

static void route_words(const struct route *r, FILE *out)
{
    char text[48];
    fprintf(out, "route %s ", r->all && !r->table ? "replace" : "add");
    if (r->kind >= ROUTE_BLACKHOLE && r->kind <= ROUTE_THROW)
        fputs((const char *[]){"blackhole ", "unreachable ", "prohibit ", "throw "}[r->kind - ROUTE_BLACKHOLE], out);
    fputs(r->all ? "default" : world_net_text(r->v6, r->net, text), out);
    if (r->kind == ROUTE_VIA)
        fprintf(out, " via %s dev e%u onlink", world_host_text(r->v6, r->by, HOST_GATEWAY, text), r->by);
    if (r->kind == ROUTE_OBJECT) fprintf(out, " nhid %u", r->v6 ? 6 : 4);
    if (r->kind == ROUTE_BOTH) {
        fprintf(out, " nexthop via %s dev e%u onlink", world_host_text(r->v6, r->by, HOST_GATEWAY, text), r->by);
        fprintf(out, " nexthop via %s dev e%u onlink", world_host_text(r->v6, r->or_by, HOST_GATEWAY, text), r->or_by);
    }
    if (r->table) fprintf(out, " table %u", r->table);
    fputc('\n', out);
}

static void policy_words(const struct policy *p, unsigned number, FILE *out)
{
    char text[48];
    fprintf(out, "rule add pref %u ", 1000 + number);
    if (p->kind == POLICY_IIF)
        fprintf(out, "iif e%u", p->what);
    else if (p->kind == POLICY_MARK)
        fprintf(out, "fwmark %u", p->what + 1);
    else
        fprintf(out, "%s %s", p->kind == POLICY_FROM ? "from" : "to", world_net_text(p->v6, p->what, text));
    fprintf(out, " lookup %u\n", p->table);
}

void world_as_ip_routes(const struct world *w, bool v6, FILE *out)
{
    char text[48];
    for (unsigned i = 0; i < w->ifs; i++) {
        fprintf(out, "link set e%u up\n", i);
        if (v6 ? w->iface[i].has6 : w->iface[i].has4) {
            fprintf(out, "addr add %s/%u dev e%u%s\n", world_host_text(v6, i, HOST_ROUTER, text), v6 ? 64 : 24, i,
                    v6 ? " nodad" : "");
            if (!v6) fprintf(out, "addr add %s/32 dev e%u\n", world_host_text(false, i, HOST_SECOND, text), i);
        } else
            fprintf(out, "route add %s dev e%u\n", world_net_text(v6, i, text), i);
    }
    neighbours(w, v6, out);
    for (unsigned i = 0; i < w->route_count; i++) {
        const struct route *r = &w->routes[i];
        if (r->v6 != v6) continue;
        if (r->kind == ROUTE_OBJECT)
            fprintf(out, "nexthop replace id %u via %s dev e%u onlink\n", v6 ? 6 : 4,
                    world_host_text(v6, r->by, HOST_GATEWAY, text), r->by);
        route_words(r, out);
    }
    for (unsigned i = 0; i < w->policy_count; i++)
        if (w->policies[i].v6 == v6) policy_words(&w->policies[i], i, out);
    if (!v6 && w->policy_count)
        fprintf(out, "rule add pref 900 to 172.%u.0.0/16 lookup main\n", PROBE_INSIDE + w->number);
    /* The last fact of a router: a program that knows this one knows all. */
    if (!v6)
        fprintf(out, "route replace 172.%u.0.0/16 via %s dev e%u onlink\n", PROBE_INSIDE + w->number,
                world_host_text(false, w->probe_out, HOST_GATEWAY, text), w->probe_out);
}

void world_as_ip_change(const struct world *w, const struct change *c, bool v6, FILE *out)
{
    char text[48];
    const bool route = v6 == c->v6;
    if (route && c->kind == CHANGE_DEFAULT)
        fprintf(out, "route replace default via %s dev e%u onlink\n", world_host_text(v6, c->iface, HOST_GATEWAY, text),
                c->iface);
    if (route && c->kind == CHANGE_NO_DEFAULT) fputs("route del default\n", out);
    if (!v6 && c->kind == CHANGE_ADDRESS) {
        fprintf(out, "addr flush dev e%u\n", c->iface);
        fprintf(out, "route add %s dev e%u\n", world_net_text(false, c->iface, text), c->iface);
    }
    if (!v6 && c->kind == CHANGE_DOWN) fprintf(out, "link set e%u down\n", c->iface);
    if (c->kind == CHANGE_ADDRESS) neighbours(w, v6, out);
    if (!v6)
        fprintf(out, "route replace 172.%u.0.0/16 via %s dev e%u onlink\n", PROBE_INSIDE + w->number,
                world_host_text(false, w->probe_out, HOST_GATEWAY, text), w->probe_out);
}
