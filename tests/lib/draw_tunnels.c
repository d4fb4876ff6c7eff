/* Random rules that open tunnels, and random nats: addresses and ports from the stock, so that frames match them. */
#include "tests/lib/draw_priv.h"

static unsigned some_port(struct draw *d)
{
    const unsigned port = d->s->ports[below(d, STOCK_PORTS)];

    return port ? port : 1;
}

void put_decap(struct draw *d)
{
    if (one_in(d, 2))
        put(d, "decap ipip");
    else
        put(d, "decap gue %u", some_port(d));
    begin(d, "from ");
    put_set_atom(d);
    for (unsigned n = below(d, 3); n; n--) put(d, ", "), put_set_atom(d);
    if (one_in(d, 4)) begin(d, one_in(d, 2) ? "ip" : "ip6");
    if (one_in(d, 3)) begin(d, "to self");
    put_link_fields(d);
}

/* Put a host's address of the stock, or one that only nats use. */
static void put_host(struct draw *d, bool six)
{
    const uint32_t a = d->s->v4[below(d, STOCK_V4)].addr;

    if (six)
        put(d, "2001:db5::%u", 1 + below(d, 3));
    else if (one_in(d, 3))
        put(d, "198.17.0.%u", 1 + below(d, 3));
    else
        put_v4(d, a | 1);
}

static void put_outbound(struct draw *d)
{
    const bool source = one_in(d, 2), six = source && one_in(d, 4);

    put(d, "%c %s from ", DRAW_LINE, source ? "source" : "masquerade");
    if (six)
        put(d, "2001:db8::/32");
    else
        put(d, one_in(d, 4) ? "any" : "10.0.0.0/8");
    put(d, " out on i%u", below(d, 2));
    if (source) put(d, " to "), put_host(d, six);
    if (source && one_in(d, 3)) put(d, six ? ", 2001:db5:1::/%u" : ", 198.17.1.0/%u", six ? 125 : 28 + below(d, 3));
    if (one_in(d, 2)) put(d, " ports %u-%u", 2000, 2000 + below(d, 20));
    put(d, "\n");
}

static void put_forward(struct draw *d)
{
    static const char *const protocols[] = {"tcp", "udp", "sctp", "any"};
    const bool six = one_in(d, 4), echo = one_in(d, 6);
    const unsigned port = some_port(d), more = port < 65000 ? below(d, 5) : 0;

    put(d, "%c forward ", DRAW_LINE);
    if (one_in(d, 3))
        put(d, "self");
    else
        put_host(d, six);
    if (one_in(d, 4)) put(d, " on i%u", below(d, 2));
    if (one_in(d, 4)) put(d, six ? " from 2001:db8::/33" : " from 10.0.0.0/9");
    if (one_in(d, 4))
        put(d, " gre");
    else if (echo)
        put(d, six ? " icmp6" : " icmp");
    else
        put(d, " %s/%u-%u", protocols[below(d, 4)], port, port + more);
    put(d, six ? " -> 2001:db4::%u" : " -> 198.16.0.%u", 1 + below(d, 3));
    put(d, "\n");
}

/* Put a map with prefixes that no other has. */
static void put_map(struct draw *d, unsigned n)
{
    if (one_in(d, 4))
        put(d, "%c map 2001:db6:%x::/64 <-> 2001:db8:%x::/64", DRAW_LINE, n, n);
    else
        put(d, "%c map 198.19.%u.0/28 <-> 10.77.%u.16/28", DRAW_LINE, n, n);
    if (one_in(d, 2)) put(d, " on i%u", below(d, 2));
    put(d, "\n");
}

void put_nats(struct draw *d)
{
    put(d, "nat home {\n");
    if (one_in(d, 3)) put(d, one_in(d, 2) ? "%c mss clamp auto\n" : "%c mss clamp 1200\n", DRAW_LINE);
    for (unsigned n = 1 + below(d, 6); n; n--)
        if (one_in(d, 4))
            put_map(d, n);
        else if (one_in(d, 2))
            put_outbound(d);
        else
            put_forward(d);
    put(d, "}\n");
}
