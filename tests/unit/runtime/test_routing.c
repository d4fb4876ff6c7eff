/* The table of all routes against the kernel: nested prefixes, metrics, tables one before the other, routes that
 * reject; and cases that only the kernel can decide. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/host/view/ipsec.h"
#include "runtime/host/view/routing.h"
#include "tests/unit/runtime/netns.h"

enum { MOST = 1000 };

static struct host *h;
static unsigned ifindex[2]; /* here, there */

static void open_all(void)
{
    char err[200] = "";
    h = host_open(err, sizeof err);
    if (!h) print_error("%s\n", err);
    assert_non_null(h);
    ifindex[0] = host_link_named(h, "here")->ifindex;
    ifindex[1] = host_link_named(h, "there")->ifindex;
}

static struct routes *table(uint32_t most, uint32_t *count)
{
    const struct served_ports ports = {ifindex, 2};
    struct routes *r = NULL;
    uint32_t seen;
    assert_int_equal(host_routes(h, &ports, most, &r, count ? count : &seen), 0);
    assert_non_null(r);
    return r;
}

static struct host_addr addr(const char *text)
{
    struct host_addr a = {.family = strchr(text, ':') ? 6 : 4};
    assert_int_equal(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.word), 1);
    for (unsigned i = 0; i < 4; i++) a.word[i] = ntohl(a.word[i]);
    return a;
}

static const struct route_way *way_in(const struct routes *r, const char *to, const char *from, uint16_t in)
{
    const struct host_addr a = addr(to), b = from ? addr(from) : (struct host_addr){.family = a.family};
    return routes_find(r, &(struct route_query){.to = a.word, .from = b.word, .in = in, .family = a.family});
}
static const struct route_way *way(const struct routes *r, const char *to)
{
    return way_in(r, to, NULL, ROUTE_IN_NONE);
}

/* Check that the table agrees with the kernel. */
static void check(const struct routes *r, const struct host_addr *to)
{
    const uint32_t nobody[4] = {0};
    struct host_route k;
    char text[HOST_ADDR_TEXT];
    const int failed = host_route(h, &(struct host_query){.to = *to}, &k);
    const struct route_way *w = routes_find(
        r, &(struct route_query){.to = to->word, .from = nobody, .in = ROUTE_IN_NONE, .family = to->family});
    const struct route_leg *leg = w->kind == ROUTE_VIA ? routes_leg(r, w, 0, ROUTE_NO_PORT) : NULL;
    bool same = failed ? w->kind == ROUTE_REFUSED : k.local ? w->kind == ROUTE_OWN : w->kind == ROUTE_VIA;
    if (same && leg)
        same = leg->port < 2 && ifindex[leg->port] == k.ifindex && leg->mtu == k.mtu &&
               leg->family == k.gateway.family && !memcmp(leg->gateway, k.gateway.word, sizeof leg->gateway);
    if (!same) print_error("# %s: the kernel says %d, the table kind %u\n", host_addr_text(to, text), failed, w->kind);
    assert_true(same);
}

/* Draw lines for `ip`, some of which the kernel may reject, with nested prefixes. */
static void draw_routes(void)
{
    FILE *out = popen("ip -force -batch - 2>/dev/null", "w"), *out6 = popen("ip -6 -force -batch - 2>/dev/null", "w");
    assert_true(out && out6);
    static const char *const ways[] = {"via 192.0.2.9", "via 192.0.2.10 mtu 1300",    "via 192.0.7.9",
                                       "dev there",     "via inet6 fe80::9 dev here", "nhid 5"};
    static const char *const six[] = {"via 2001:db8::9", "via 2001:db8:7::9 mtu 1400", "dev here", "via 2001:db8::7"};
    static const unsigned six_lengths[] = {48, 56, 80, 64};
    for (unsigned i = 0; i < 400; i++) {
        const char *kind = i % 17 == 5 ? "unreachable " : i % 17 == 7 ? "prohibit " : i % 17 == 9 ? "blackhole " : "";
        const unsigned a = i * 2654435761u, bits = 9 + i % 20, six_bits = six_lengths[i % 4];
        const unsigned net = 0x0a000000 | (a & 0x00ffffff & ~(UINT32_MAX >> bits));
        fprintf(out, "route add %s%u.%u.%u.%u/%u %s metric %u table %s\n", kind, net >> 24, net >> 16 & 255,
                net >> 8 & 255, net & 255, bits, *kind ? "" : ways[i % 6], 1 + i % 3, i % 5 ? "main" : "77");
        fprintf(out6, "route add %s2001:db8:%x:%x00:%x::/%u %s metric %u\n", kind, a >> 28, a >> 20 & 255, a >> 8 & 0xf,
                six_bits, *kind ? "" : six[i % 4], 20 + i);
    }
    pclose(out);
    pclose(out6);
}

static void the_kernel_says_the_same(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip addr add 192.0.7.1/24 dev there && ip link set there mtu 1450 && "
       "ip addr add 2001:db8::1/64 dev here nodad && ip addr add 2001:db8:7::1/64 dev there nodad && "
       "ip nexthop add id 5 via 192.0.2.11 dev here && ip rule add pref 100 lookup 77 && "
       "ip rule add pref 200 lookup 78 suppress_prefixlength 8 && ip route add 10.0.0.0/8 via 192.0.7.44 table 78 && "
       "ip route add 10.200.0.0/16 via 192.0.7.45 table 78 && ip rule add pref 300 fwmark 9 lookup 79 && "
       "ip route add default via 192.0.7.99 table 79 && ip rule add pref 301 not fwmark 9 lookup 80 && "
       "ip route add 10.201.0.0/16 via 192.0.7.46 table 80");
    draw_routes();
    open_all();
    uint32_t count;
    struct routes *r = table(MOST, &count);
    assert_true(count > 300);
    assert_int_equal(r->size.rules4, 2); /* those that test a mark */
    assert_int_equal(r->size.rules6, 0);
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t a = i * 2246822519u;
        struct host_addr four = {.word = {0x0a000000 | (a & 0x00ffffff)}, .family = 4};
        struct host_addr six = {.word = {0x20010db8, (a & 15) << 16 | (a >> 20 & 255) << 8, (a >> 8 & 15) << 16, i},
                                .family = 6};
        check(r, &four);
        check(r, &six);
    }
    static const char *const some[] = {"192.0.2.1",   "192.0.2.77",    "10.200.3.4",  "10.201.3.4",  "2001:db8::1",
                                       "2001:db8::5", "2001:db8:7::5", "203.0.113.1", "2001:db9::1", "127.0.0.1",
                                       "::1"};
    for (unsigned i = 0; i < sizeof some / sizeof *some; i++) {
        const struct host_addr a = addr(some[i]);
        check(r, &a);
    }
    assert_int_equal(way(r, "192.0.2.255")->kind, ROUTE_REFUSED); /* a broadcast isn't forwarded */
    assert_int_equal(way(r, "fe80::5")->kind, ROUTE_ASK);
    routes_put(r);
    host_close(h);
}

static void rules_that_ask(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip route add default via 192.0.2.9 && "
       "ip route add unreachable default table 9 && ip rule add from 192.0.7.0/24 lookup 9 && "
       "ip rule add iif there to 198.51.100.0/24 lookup 9 && ip rule add iif elsewhere lookup 9");
    open_all();
    struct routes *r = table(MOST, NULL);
    assert_int_equal(way_in(r, "203.0.113.1", "192.0.7.3", 0)->kind, ROUTE_REFUSED);
    assert_int_equal(way_in(r, "203.0.113.1", "192.0.8.3", 0)->kind, ROUTE_VIA);
    assert_int_equal(way_in(r, "198.51.100.1", "192.0.8.3", 1)->kind, ROUTE_REFUSED);
    assert_int_equal(way_in(r, "198.51.100.1", "192.0.8.3", 0)->kind, ROUTE_VIA);
    assert_int_equal(way_in(r, "198.51.100.1", "192.0.8.3", ROUTE_IN_UNKNOWN)->why, WAY_ARRIVAL);
    routes_put(r);
    /* If no table can decide, the kernel is asked. */
    sh("ip rule add pref 5 tun_id 7 lookup 9 && ip rule add pref 4 to 203.0.113.0/24 lookup main");
    r = table(MOST, NULL);
    assert_int_equal(way_in(r, "203.0.113.1", "192.0.8.3", 0)->kind, ROUTE_VIA);
    assert_int_equal(way_in(r, "203.0.114.1", "192.0.8.3", 0)->why, WAY_OTHER);
    assert_int_equal(way(r, "2001:db8::1")->kind, ROUTE_REFUSED);
    routes_put(r);
    host_close(h);
}

static void several_ways(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip addr add 192.0.7.1/24 dev there && "
       "ip addr add 2001:db8::1/64 dev here nodad && "
       "ip route add 10.0.0.0/8 nexthop via 192.0.2.9 weight 3 nexthop via 192.0.7.9 weight 1 && "
       "ip -6 route add 2001:db8:5::/48 nexthop via 2001:db8::9 nexthop via 2001:db8::8");
    open_all();
    struct routes *r = table(MOST, NULL);
    const struct route_way *w = way(r, "10.1.2.3");
    assert_true(w->kind == ROUTE_VIA && w->legs == 2);
    assert_int_equal(routes_leg(r, w, 0xbfffffff, ROUTE_NO_PORT)->port, 0);
    assert_int_equal(routes_leg(r, w, 0xc0000000, ROUTE_NO_PORT)->port, 1);
    assert_int_equal(way(r, "2001:db8:5::1")->legs, 2);
    routes_put(r);
    /* One of the interfaces is gone. */
    sh("ip link set there down");
    r = table(MOST, NULL);
    w = way(r, "10.1.2.3");
    assert_true(w->kind == ROUTE_VIA && w->legs == 1);
    assert_int_equal(routes_leg(r, w, UINT32_MAX, ROUTE_NO_PORT)->port, 0);
    routes_put(r);
    host_close(h);
}

/* With more routes than a table keeps, the kernel is asked. */
static void very_many_ways(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && "
       "ip route add 10.1.0.0/16 $(for i in $(seq 256); do echo nexthop dev here; done) && "
       "ip route add 10.2.0.0/16 $(for i in $(seq 257); do echo nexthop dev here; done)");
    open_all();
    struct routes *r = table(MOST, NULL);
    assert_int_equal(way(r, "10.1.0.1")->legs, 256);
    assert_int_equal(way(r, "10.2.0.1")->why, WAY_TOO_MANY);
    routes_put(r);
    host_close(h);
}

/* Packets that the kernel encapsulates leave by none of our ports: the kernel is asked, and reports it. */
static void wrapped(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip route add 10.1.0.0/16 encap ip id 5 dst 192.0.2.7 dev here && "
       "ip route add 10.2.0.0/16 via 192.0.2.7");
    open_all();
    struct routes *r = table(MOST, NULL);
    static const char *const to[] = {"10.1.0.1", "10.2.0.1"};
    for (unsigned i = 0; i < 2; i++) {
        const struct host_query q = {.to = addr(to[i])};
        struct host_route k;
        assert_int_equal(host_route(h, &q, &k), 0);
        assert_int_equal(k.ifindex, i ? ifindex[0] : 0);
        const struct route_way *w = way(r, to[i]);
        assert_int_equal(w->kind, i ? ROUTE_VIA : ROUTE_ASK);
        assert_int_equal(w->why, i ? WAY_KNOWN : WAY_ENCAPSULATED);
    }
    routes_put(r);
    host_close(h);
}

static void too_many(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && for i in 1 2 3 4 5; do ip route add 10.$i.0.0/16 via 192.0.2.9; done");
    open_all();
    uint32_t count;
    struct routes *r = table(MOST, &count);
    const uint32_t all = count;
    assert_int_equal(way(r, "10.1.0.1")->kind, ROUTE_VIA);
    routes_put(r);
    r = table(all, &count);
    assert_int_equal(way(r, "10.1.0.1")->kind, ROUTE_VIA);
    routes_put(r);
    r = table(all - 1, &count);
    assert_int_equal(count, all);
    assert_int_equal(way(r, "10.1.0.1")->why, WAY_TOO_MANY);
    assert_int_equal(way(r, "2001:db8::1")->why, WAY_TOO_MANY);
    routes_put(r);
    host_close(h);
}

/* Read IPsec's policies like a service, from the file that its parent gives it. */
static void read_policies(void)
{
    const int fd = ipsec_told();
    assert_true(fd >= 0);
    assert_int_equal(ipsec_read(h, fd), 0);
    close(fd);
}

/* True if only IPsec knows the route between these addresses. */
static bool is_ipsecs(const char *from, const char *to)
{
    struct routes *r = table(MOST, NULL);
    const struct route_way *w = way_in(r, to, from, 0);
    const bool is = w->kind == ROUTE_ASK && w->why == WAY_IPSEC;
    assert_true(is || w->kind == ROUTE_VIA);
    routes_put(r);
    return is;
}

static void policies_of_ipsec(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip route add default via 192.0.2.9");
    sh("ip -6 addr add 2001:db8::1/64 dev here nodad && ip -6 route add default via 2001:db8::9");
    if (system("ip xfrm policy add src 10.1.0.0/24 dst 10.9.0.0/16 dir out priority 20 tmpl src 192.0.2.1 "
               "dst 192.0.2.9 proto esp mode tunnel 2>/dev/null"))
        skip();
    open_all();
    assert_true(ipsec_is_stale(h));
    read_policies();
    assert_true(!ipsec_is_stale(h) && ipsec_is_used(h));
    assert_true(is_ipsecs("10.1.0.7", "10.9.1.1"));
    assert_true(!is_ipsecs("10.1.1.7", "10.9.1.1") && !is_ipsecs("10.1.0.7", "10.8.1.1"));
    /* A policy with a better priority lets a host out unchanged; one for arriving packets has no effect, nor has one
     * of an interface. */
    sh("ip xfrm policy add src 10.1.0.7 dst 10.9.1.1 dir out priority 10");
    sh("ip xfrm policy add src 10.1.1.0/24 dst 10.9.0.0/16 dir in priority 5 action block");
    sh("ip xfrm policy add src 10.1.1.0/24 dst 10.9.0.0/16 dir out priority 5 if_id 7 action block");
    assert_int_equal(host_read(h) & HOST_ROUTES, HOST_ROUTES);
    assert_true(ipsec_is_stale(h));
    read_policies();
    assert_true(!is_ipsecs("10.1.0.7", "10.9.1.1") && is_ipsecs("10.1.0.7", "10.9.1.2") &&
                is_ipsecs("10.1.0.8", "10.9.1.1"));
    assert_true(!is_ipsecs("10.1.1.7", "10.9.1.1"));
    /* A policy that drops isn't a route either. */
    sh("ip xfrm policy add src 2001:db8:1::/48 dst ::/0 dir out action block");
    read_policies();
    assert_true(is_ipsecs("2001:db8:1::7", "2001:db8:2::1") && !is_ipsecs("2001:db8:3::7", "2001:db8:2::1"));
    /* A policy with a mark may match a packet, unless the mark is the key of a vti device. */
    sh("ip xfrm policy add src 10.4.0.0/16 dst 10.9.0.0/16 dir out mark 5 mask 0xffffffff action block");
    sh("ip xfrm policy add src 10.5.0.0/16 dst 10.9.0.0/16 dir out mark 6 mask 0xffffffff action block");
    read_policies();
    assert_true(is_ipsecs("10.4.0.7", "10.9.1.1") && is_ipsecs("10.5.0.7", "10.9.1.1"));
    if (!system("ip link add v type vti local 192.0.2.1 remote 192.0.2.9 key 5 2>/dev/null")) {
        host_read(h);
        assert_true(!is_ipsecs("10.4.0.7", "10.9.1.1") && is_ipsecs("10.5.0.7", "10.9.1.1"));
    }
    /* More policies than are walked count as one for all of their family. */
    sh("for i in $(seq 1 40); do ip xfrm policy add src 10.2.$i.0/24 dst 10.9.0.0/16 dir out action block; done");
    read_policies();
    assert_true(is_ipsecs("192.168.1.1", "203.0.113.1") && !is_ipsecs("2001:db8:3::7", "2001:db8:2::1"));
    sh("ip xfrm policy flush");
    read_policies();
    assert_true(!ipsec_is_used(h) && !is_ipsecs("10.1.0.7", "10.9.1.2"));
    ipsec_unknown(h);
    assert_true(ipsec_is_stale(h) && is_ipsecs("192.168.1.1", "203.0.113.1") &&
                is_ipsecs("2001:db8:3::7", "2001:db8:2::1"));
    host_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(the_kernel_says_the_same), netns_test(rules_that_ask), netns_test(several_ways),
        netns_test(very_many_ways),           netns_test(wrapped),        netns_test(too_many),
        netns_test(policies_of_ipsec),
    };
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
