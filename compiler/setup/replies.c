/* dsr rewrite, keep source and passthrough: requests come to the server's own address. The modes differ in the way of
 * the replies: rewritten by the server and straight to the client; unchanged through the balancer; or to the
 * balancer. */
#include "compiler/setup/setup_priv.h"

/* An endpoint of the server's family whose replies the server rewrites, and the ports that they come from. */
struct reply {
    const struct pbc_endpoint *e;
    uint16_t lo, hi;
};

static bool reply_of(const struct setup *s, const struct pbc_endpoint *e, struct reply *r)
{
    const bool echo = e->proto >= PBC_EP_ECHO4;
    if (e->family && e->family != s->server->family) return false;
    if (echo && (e->proto == PBC_EP_ECHO6) != (s->server->family == 6)) return false;
    *r = (struct reply){e, e->port_lo, e->port_hi};
    if (s->server->port && !echo) r->lo = r->hi = s->server->port;
    return true;
}

static bool same_protocol(uint8_t a, uint8_t b)
{
    return a == b || (a == PBC_EP_PORTS && b < PBC_EP_PORTS) || (b == PBC_EP_PORTS && a < PBC_EP_PORTS);
}

/* True if replies of both leave the server alike, though clients expect them from different addresses or ports. */
static bool collide(const struct setup *s, const struct reply *a, const struct reply *b)
{
    const bool same_address = a->e->to == b->e->to && a->e->addr[0] == b->e->addr[0] &&
                              a->e->addr[1] == b->e->addr[1] && a->e->addr[2] == b->e->addr[2] &&
                              a->e->addr[3] == b->e->addr[3];
    if (!same_protocol(a->e->proto, b->e->proto) || a->hi < b->lo || b->hi < a->lo) return false;
    return !same_address || (s->server->port && a->e->proto < PBC_EP_ECHO4);
}

static void print_match(const struct setup *s, const struct reply *r, const char *proto)
{
    const char *ip = s->server->family == 6 ? "ip6" : "ip";
    fprintf(s->out, "    %s saddr ", ip);
    setup_address(s, s->server->addr, s->server->family);
    if (r->e->proto >= PBC_EP_ECHO4) {
        fprintf(s->out, " %s type echo-reply", r->e->proto == PBC_EP_ECHO6 ? "icmpv6" : "icmp");
    } else {
        fprintf(s->out, " %s sport ", proto);
        setup_ports(s, r->lo, r->hi);
    }
    fprintf(s->out, " notrack %s saddr set ", ip);
    setup_endpoint_address(s, r->e);
    if (r->e->proto < PBC_EP_ECHO4 && s->server->port && s->server->port != r->e->port_lo)
        fprintf(s->out, " %s sport set %u", proto, r->e->port_lo);
    fputc('\n', s->out);
}

static void print_reply(const struct setup *s, const struct reply *r)
{
    if (s->server->port && r->e->proto < PBC_EP_ECHO4 && r->e->port_lo != r->e->port_hi) {
        fprintf(s->out,
                "    # '%s' takes ports %u-%u and sends all of them to port %u, so replies can't have the client's "
                "port.\n    # Remove this server's port in the rules, or use mode passthrough keep source.\n",
                image_str(s->img, s->img->services[r->e->service].name), r->e->port_lo, r->e->port_hi, s->server->port);
        return;
    }
    if (r->e->proto != PBC_EP_PORTS) {
        print_match(s, r, r->e->proto < PBC_EP_PORTS ? endpoint_info[r->e->proto].name : "");
        return;
    }
    for (unsigned i = 0; i < 3; i++) print_match(s, r, endpoint_info[i].name);
}

/* Find replies that must pass unchanged to the balancer, but can't be distinguished from those of `r`. */
static bool kept_source(const struct setup *s, const struct reply *r, struct reply *kept)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_service *service = &s->img->services[s->services[i]];
        if (!setup_in_mode(s, i, PBC_MODE_KEEP_SOURCE)) continue;
        for (uint32_t n = service->endpoints; n < service->endpoints + service->endpoint_count; n++)
            if (reply_of(s, &s->img->endpoints[n], kept) && collide(s, kept, r)) return true;
    }
    return false;
}

static void print_clash(const struct setup *s, const struct reply *r, const struct reply *other)
{
    fputs("    # ", s->out);
    setup_endpoint_address(s, r->e);
    fprintf(s->out, " of '%s' and ", image_str(s->img, s->img->services[r->e->service].name));
    setup_endpoint_address(s, other->e);
    fputs(" have the same port on this server, so their replies can't be distinguished:\n    # give one of these "
          "services its own server address or port.\n",
          s->out);
}

static void print_rewrites(const struct setup *s)
{
    enum { TOLD_APART = 256 };
    struct reply known[TOLD_APART];
    unsigned count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_service *service = &s->img->services[s->services[i]];
        if (!setup_in_mode(s, i, PBC_MODE_DSR_REWRITE)) continue;
        for (uint32_t n = service->endpoints; n < service->endpoints + service->endpoint_count; n++) {
            struct reply r, kept;
            unsigned k = 0;
            if (!reply_of(s, &s->img->endpoints[n], &r)) continue;
            while (k < count && !collide(s, &known[k], &r)) k++;
            if (k < count) {
                print_clash(s, &r, &known[k]);
            } else if (kept_source(s, &r, &kept)) {
                print_clash(s, &r, &kept);
            } else {
                print_reply(s, &r);
                if (count < TOLD_APART) known[count++] = r;
            }
        }
    }
}

static void setup_rewrite(const struct setup *s)
{
    const char *ip = s->server->family == 6 ? "ip6" : "ip";
    fputs("\n# dsr rewrite (", s->out);
    setup_names(s, PBC_MODE_DSR_REWRITE);
    fprintf(s->out,
            "): this server sends replies directly to the client, with the service's address and port.\n# Its packets "
            "to the balancer, such as replies to checks, are unchanged.\nnft -f - <<END\ntable %s prey_replies\ndelete "
            "table %s prey_replies\ntable %s prey_replies {\n  chain replies {\n    type filter hook output priority "
            "raw; policy accept;\n    %s daddr $balancer accept\n",
            ip, ip, ip, ip);
    if (setup_has_mode(s, PBC_MODE_PASSTHROUGH) && setup_sources(s, NULL)) {
        fprintf(s->out, "    %s daddr { ", ip);
        setup_sources(s, s->out);
        fputs(" } accept\n", s->out);
    }
    print_rewrites(s);
    fputs("  }\n}\nEND\n", s->out);
}

/* Print the rule that leads one kind of reply back. */
static void print_rule(const struct setup *s, const struct reply *r)
{
    const char *family = s->server->family == 6 ? " -6" : "";
    const unsigned first = r->e->proto == PBC_EP_PORTS ? 0 : r->e->proto,
                   last = r->e->proto == PBC_EP_PORTS ? 2 : first;
    for (unsigned p = first; p <= last; p++) {
        fprintf(s->out, "ip%s rule add from ", family);
        setup_address(s, s->server->addr, s->server->family);
        if (p >= PBC_EP_ECHO4) {
            fprintf(s->out, " ipproto %s lookup 90\n", p == PBC_EP_ECHO6 ? "ipv6-icmp" : "icmp");
            continue;
        }
        fprintf(s->out, " ipproto %s sport ", endpoint_info[p].name);
        setup_ports(s, r->lo, r->hi);
        fputs(" lookup 90\n", s->out);
    }
}

static void setup_keep_source(const struct setup *s)
{
    fputs("\n# passthrough keep source (", s->out);
    setup_names(s, PBC_MODE_KEEP_SOURCE);
    fprintf(
        s->out,
        "): requests have the client's own address, and replies must go back through the balancer.\n# If the balancer "
        "is this server's default gateway, skip these commands.\nip%s route replace default via $balancer table 90\n",
        s->server->family == 6 ? " -6" : "");
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_service *service = &s->img->services[s->services[i]];
        if (!setup_in_mode(s, i, PBC_MODE_KEEP_SOURCE)) continue;
        for (uint32_t n = service->endpoints; n < service->endpoints + service->endpoint_count; n++) {
            struct reply r;
            if (reply_of(s, &s->img->endpoints[n], &r)) print_rule(s, &r);
        }
    }
}

static void setup_passthrough(const struct setup *s)
{
    fputs("\n# passthrough (", s->out);
    setup_names(s, PBC_MODE_PASSTHROUGH);
    if (!setup_sources(s, NULL)) {
        fputs("): requests come from the balancer's own address, and replies go there. There is nothing to prepare.\n",
              s->out);
        return;
    }
    fputs("): requests come from these addresses, for which the balancer answers on its links:\n#   ", s->out);
    setup_sources(s, s->out);
    fputc('\n', s->out);
    fprintf(s->out,
            "# A server behind a router needs routes to these addresses, on the server or the router: `ip%s route add "
            "ADDRESS via $balancer`.\n",
            s->server->family == 6 ? " -6" : "");
}

void setup_replies(const struct setup *s)
{
    if (setup_has_mode(s, PBC_MODE_DSR_REWRITE)) setup_rewrite(s);
    if (setup_has_mode(s, PBC_MODE_KEEP_SOURCE)) setup_keep_source(s);
    if (setup_has_mode(s, PBC_MODE_PASSTHROUGH)) setup_passthrough(s);
}
