/* dsr l2, ipip and gue: packets arrive with a service's address as their destination, bare or in a tunnel. The server
 * must take the address for its own without announcing it on the link, open only the tunnels of its balancer, and
 * announce segments that fit into them. */
#include <stdlib.h>
#include <string.h>

#include "compiler/setup/setup_priv.h"

enum { LINK = 1500, IP4 = 20, IP6 = 40, UDP = 8, GUE = 4, TCP = 20 };

static bool is_local(const struct setup *s, uint32_t i)
{
    const uint8_t mode = s->img->services[s->services[i]].mode;
    return mode_is(mode, MODE_ONE_SIDED) && !mode_is(mode, MODE_REWRITES);
}

static bool has_tunnel(const struct setup *s)
{
    return setup_has_mode(s, PBC_MODE_DSR_IPIP) || setup_has_mode(s, PBC_MODE_DSR_GUE);
}

/* Order by address, or by service for endpoints on `self` or any; then by place. */
static int by_address(const void *pa, const void *pb)
{
    const struct pbc_endpoint *a = *(const struct pbc_endpoint *const *)pa,
                              *b = *(const struct pbc_endpoint *const *)pb;
    const uint32_t sa = a->to == PBC_TO_ADDRESS ? 0 : a->service, sb = b->to == PBC_TO_ADDRESS ? 0 : b->service;
    if (a->to != b->to) return a->to < b->to ? -1 : 1;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    if (sa != sb) return sa < sb ? -1 : 1;
    const int order = memcmp(a->addr, b->addr, sizeof(a->addr));
    return order ? order : a < b ? -1 : a > b;
}

static int tunnel_order(const void *pa, const void *pb)
{
    const struct pbc_endpoint *a = *(const struct pbc_endpoint *const *)pa,
                              *b = *(const struct pbc_endpoint *const *)pb;
    return a < b ? -1 : a > b;
}

static bool same_address(const struct pbc_endpoint *a, const struct pbc_endpoint *b)
{
    return a->to == b->to && a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 &&
           (a->to == PBC_TO_ADDRESS || a->service == b->service);
}

/* Return one endpoint for each address, in the file's order: services share addresses. */
static size_t addresses(const struct setup *s, const struct pbc_endpoint ***out)
{
    size_t n = 0, kept = 0;
    for (uint32_t i = 0; i < s->count; i++) n += s->img->services[s->services[i]].endpoint_count;
    const struct pbc_endpoint **all = arena_alloc(s->arena, (n + 1) * sizeof(const struct pbc_endpoint *));
    n = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_service *service = &s->img->services[s->services[i]];
        for (uint32_t k = 0; is_local(s, i) && k < service->endpoint_count; k++)
            all[n++] = &s->img->endpoints[service->endpoints + k];
    }
    if (n > 1) qsort(all, n, sizeof(const struct pbc_endpoint *), by_address);
    for (size_t i = 0; i < n; i++)
        if (!kept || !same_address(all[kept - 1], all[i])) all[kept++] = all[i];
    if (kept > 1) qsort(all, kept, sizeof(const struct pbc_endpoint *), tunnel_order);
    *out = all;
    return kept;
}

static void print_addresses(const struct setup *s)
{
    const struct pbc_endpoint **all;
    const size_t n = addresses(s, &all);
    fputs("\n# The services' addresses: this server accepts packets to these addresses, but never announces them on "
          "the link.\nsysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n",
          s->out);
    for (size_t i = 0; i < n; i++) {
        fputs("ip address add ", s->out);
        setup_endpoint_address(s, all[i]);
        /* Neighbour discovery answers only for an interface's own addresses; the balancer has this address, too. */
        fputs(all[i]->family == 6 ? "/128 dev lo nodad\n" : all[i]->family == 4 ? "/32 dev lo\n" : " dev lo\n", s->out);
    }
}

/* Print the tunnel devices: Linux has one for IPv4 in IPv4, one for IPv6 in IPv4, one for both in IPv6. */
static void print_devices(const struct setup *s)
{
    static const char *const v4[] = {"prey-ipip type ipip", "prey-sit type sit"};
    static const char *const v6[] = {"prey-ip6 type ip6tnl mode any"};
    const bool six = s->server->family == 6;
    const char *const *devices = six ? v6 : v4;
    fputs("\n# This end of the tunnel: packets arrive through the tunnel, and replies leave directly.\n", s->out);
    for (unsigned i = 0; i < (six ? 1u : 2u); i++) {
        const int name = (int)strcspn(devices[i], " ");
        fprintf(s->out, "ip link add %s local ", devices[i]);
        setup_address(s, s->server->addr, s->server->family);
        fprintf(s->out, "\nip link set %.*s up\n", name, devices[i]);
        if (!six && i > 0) continue;
        fprintf(s->out, "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.%.*s.rp_filter=0\n", name, devices[i]);
    }
}

/* True for the first of the services whose GUE comes to its port. */
static bool opens_port(const struct setup *s, uint32_t i)
{
    const uint16_t port = s->img->services[s->services[i]].gue_port;
    for (uint32_t k = 0; k < i && port; k++)
        if (s->img->services[s->services[k]].gue_port == port) return false;
    return port;
}

static void print_gue(const struct setup *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (opens_port(s, i))
            fprintf(s->out, "ip fou add port %u gue%s\n", s->img->services[s->services[i]].gue_port,
                    s->server->family == 6 ? " -6" : "");
}

/* Print the largest client segment that leaves room for the tunnel's headers. */
static void print_mss(const struct setup *s, uint32_t i)
{
    const struct pbc_service *service = &s->img->services[s->services[i]];
    const unsigned udp = !mode_is(service->mode, MODE_TAKES_PORT) ? 0 : service->gue_variant ? UDP : UDP + GUE;
    const unsigned before = (s->server->family == 6 ? IP6 : IP4) + udp;
    if (!mode_is(service->mode, MODE_TUNNELS)) return;
    for (uint32_t n = service->endpoints; n < service->endpoints + service->endpoint_count; n++) {
        const struct pbc_endpoint *e = &s->img->endpoints[n];
        const unsigned headers = (e->family == 6 ? IP6 : IP4) + TCP;
        if (e->proto != PBC_EP_TCP && e->proto != PBC_EP_PORTS) continue;
        fprintf(s->out, "    %s saddr ", e->family == 6 ? "ip6" : "ip");
        setup_endpoint_address(s, e);
        fputs(" tcp sport ", s->out);
        setup_ports(s, e->port_lo, e->port_hi);
        fprintf(s->out, " tcp flags & (syn | ack) == syn | ack tcp option maxseg size set %u\n",
                LINK - before - headers);
    }
}

/* Print the senders of the tunnels' packets. */
static void put_senders(const struct setup *s, const char *unknown)
{
    if (!setup_sources(s, NULL)) {
        fputs(unknown, s->out);
        return;
    }
    fputs("{ ", s->out);
    setup_sources(s, s->out);
    fputs(" }", s->out);
}

static void print_tunnel_table(const struct setup *s)
{
    const char *family = s->server->family == 6 ? "ip6" : "ip";
    fputs("\n# Accept tunnel packets only from the balancer, because the inner packets may have any source address.\n# "
          "Announce smaller segments in the SYN|ACK, so that full packets fit the tunnel on links of 1,500 bytes.\nnft "
          "-f - <<END\ntable inet prey_tunnels\ndelete table inet prey_tunnels\ntable inet prey_tunnels {\n  chain "
          "tunnels {\n    type filter hook input priority filter; policy accept;\n",
          s->out);
    /* meta, not the header's field: extension headers may be between. */
    fprintf(s->out, "    meta l4proto { 4, 41 } %s saddr != ", family);
    put_senders(s, "$balancer");
    fputs(" drop\n", s->out);
    for (uint32_t i = 0; i < s->count; i++)
        if (opens_port(s, i)) {
            fprintf(s->out, "    udp dport %u %s saddr != ", s->img->services[s->services[i]].gue_port, family);
            put_senders(s, "$balancer");
            fputs(" drop\n", s->out);
        }
    fputs("  }\n  chain segments {\n    type filter hook output priority mangle; policy accept;\n", s->out);
    for (uint32_t i = 0; i < s->count; i++) print_mss(s, i);
    fputs("  }\n}\nEND\n", s->out);
}

static void print_decap(const struct setup *s, const char *kind, unsigned port)
{
    fprintf(s->out, "#     decap %s", kind);
    if (port) fprintf(s->out, " %u", port);
    fputs(" from ", s->out);
    if (!setup_sources(s, s->out)) fputs("BALANCER", s->out);
    fputs(" to self\n", s->out);
}

/* Print the setup of a server that is a prey host, whose rules open tunnels themselves. */
static void print_prey(const struct setup *s)
{
    fputs("\n# A server that runs prey needs these rules in place of the devices and the chain `tunnels`:\n#   "
          "firewall tunnels in default accept {\n",
          s->out);
    if (setup_has_mode(s, PBC_MODE_DSR_IPIP)) print_decap(s, "ipip", 0);
    for (uint32_t i = 0; i < s->count; i++)
        if (opens_port(s, i)) print_decap(s, "gue", s->img->services[s->services[i]].gue_port);
    fputs("#   }\n", s->out);
}

void setup_local(const struct setup *s)
{
    if (!has_tunnel(s) && !setup_has_mode(s, PBC_MODE_DSR_L2)) return;
    print_addresses(s);
    if (!has_tunnel(s)) return;
    print_devices(s);
    print_gue(s);
    print_tunnel_table(s);
    print_prey(s);
}
