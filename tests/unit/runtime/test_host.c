/* The view of the kernel: changes made with `ip` in the test's namespace arrive. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <sys/socket.h>

#include "runtime/host/host.h"
#include "runtime/host/host_priv.h"
#include "runtime/host/view/resolve.h"
#include "tests/unit/runtime/netns.h"

static struct host *open_host(void)
{
    char err[200] = "";
    struct host *h = host_open(err, sizeof err);
    if (!h) print_error("%s\n", err);
    assert_non_null(h);
    return h;
}

static struct host_addr addr(const char *text)
{
    struct host_addr a = {.family = strchr(text, ':') ? 6 : 4};
    assert_int_equal(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.word), 1);
    for (unsigned i = 0; i < 4; i++) a.word[i] = ntohl(a.word[i]);
    return a;
}

static const char *text(struct host_addr a)
{
    static char buf[4][HOST_ADDR_TEXT];
    static unsigned i;
    return host_addr_text(&a, buf[i++ % 4]);
}

/* Wait at most some seconds until a change of that kind was read. */
static void await(struct host *h, int kind)
{
    struct pollfd p = {.fd = host_fd(h), .events = POLLIN};
    for (int i = 0; i < 100; i++) {
        const int changes = host_read(h);
        assert_true(changes >= 0);
        if (changes & kind) return;
        poll(&p, 1, 100);
    }
    fail_msg("no change of kind %d within ten seconds", kind);
}

static bool owns(struct host *h, const char *of)
{
    const struct host_self s = host_self(h);
    const struct host_addr a = addr(of);
    const uint64_t hi = (uint64_t)a.word[0] << 32 | a.word[1], lo = (uint64_t)a.word[2] << 32 | a.word[3];
    for (unsigned i = 0; i < s.v4_count && a.family == 4; i++)
        if (s.v4[i] == a.word[0]) return true;
    for (unsigned i = 0; i < s.v6_count && a.family == 6; i++) {
        const struct pbc_range6 *r = &s.v6[i];
        const bool above = hi > r->lo_hi || (hi == r->lo_hi && lo >= r->lo_lo);
        if (above && (hi < r->hi_hi || (hi == r->hi_hi && lo <= r->hi_lo))) return true;
    }
    return false;
}

static void sorted(struct host *h)
{
    const struct host_self s = host_self(h);
    for (unsigned i = 1; i < s.v4_count; i++) assert_true(s.v4[i - 1] < s.v4[i]);
    for (unsigned i = 1; i < s.v6_count; i++)
        assert_true(s.v6[i - 1].hi_hi < s.v6[i].lo_hi ||
                    (s.v6[i - 1].hi_hi == s.v6[i].lo_hi && s.v6[i - 1].hi_lo < s.v6[i].lo_lo));
}

static void links(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    struct host *h = open_host();
    const struct host_link *here = host_link_named(h, "here");
    assert_non_null(here);
    assert_true(here->mac == 0x020000000001 && here->mtu == 1500 && here->up && !here->loopback && !here->master);
    assert_string_equal(here->kind, "veth");
    assert_ptr_equal(host_link(h, here->ifindex), here);
    assert_true(host_link_named(h, "lo")->loopback);
    assert_null(host_link_named(h, "nowhere"));
    const unsigned ifindex = here->ifindex;

    sh("ip link set here mtu 1400");
    await(h, HOST_LINKS);
    assert_int_equal(host_link(h, ifindex)->mtu, 1400);
    sh("ip link set there down");
    while (host_link(h, ifindex)->running) await(h, HOST_LINKS);
    assert_true(host_link(h, ifindex)->up);
    sh("ip link add name bridge0 type bridge && ip link set here master bridge0");
    while (!host_link(h, ifindex)->master) await(h, HOST_LINKS);
    assert_int_equal(host_link(h, ifindex)->master, host_link_named(h, "bridge0")->ifindex);
    sh("ip link set here nomaster"); /* a bridge reports that its port is gone; the link isn't */
    while (host_link(h, ifindex)->master) await(h, HOST_LINKS);
    sh("ip link set bridge0 name bro && ip link del there");
    while (host_link_named(h, "here")) await(h, HOST_LINKS);
    assert_null(host_link(h, ifindex));
    assert_null(host_link_named(h, "there"));
    assert_non_null(host_link_named(h, "bro"));
    host_close(h);
}

/* Each of many links is found by its name and its number, while links come, go and are renamed. */
static void many_links(void **state)
{
    (void)state;
    unsigned count;
    sh(NETNS_PAIR);
    struct host *h = open_host();
    uint64_t number = host_number(h);
    sh("for i in $(seq 60); do echo link add d$i type bridge; done | ip -b -");
    while (!host_link_named(h, "d60")) await(h, HOST_LINKS);
    assert_true(host_number(h) > number);
    sh("for i in $(seq 20); do echo link del d$i; done | ip -b -");
    while (host_link_named(h, "d20")) await(h, HOST_LINKS);
    sh("for i in $(seq 40 60); do echo link set d$i name e$i; done | ip -b -");
    while (!host_link_named(h, "e60")) await(h, HOST_LINKS);
    const struct host_link *all = host_links(h, &count);
    assert_int_equal(count, 3 + 40); /* with the loopback and the pair */
    for (unsigned i = 0; i < count; i++) {
        assert_ptr_equal(host_link(h, all[i].ifindex), &all[i]);
        assert_ptr_equal(host_link_named(h, all[i].name), &all[i]);
    }
    assert_null(host_link_named(h, "d1"));
    assert_null(host_link_named(h, "d60"));
    assert_null(host_link(h, 0));
    number = host_number(h);
    sh("ip neigh replace 192.0.2.77 lladdr 02:00:00:00:00:77 dev here");
    await(h, HOST_NEIGHBOURS);
    assert_int_equal(host_number(h), number);
    sh("ip address add 192.0.2.99/32 dev here");
    await(h, HOST_ADDRESSES);
    assert_true(host_number(h) > number);
    host_close(h);
}

static void own_addresses(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.9/24 dev here && ip addr add 192.0.2.1/24 dev here && ip addr add 2001:db8::1/64 dev here");
    struct host *h = open_host();
    assert_true(owns(h, "192.0.2.1") && owns(h, "192.0.2.9") && owns(h, "127.0.0.1") && owns(h, "::1"));
    while (!owns(h, "2001:db8::1")) await(h, HOST_ADDRESSES);     /* once it is not tentative any more */
    while (!owns(h, "fe80::ff:fe00:1")) await(h, HOST_ADDRESSES); /* it comes with the carrier */
    assert_true(owns(h, "192.0.2.255"));                          /* the stack takes packets to it */
    assert_false(owns(h, "192.0.2.2") || owns(h, "2001:db8::2") || owns(h, "127.0.0.2") || owns(h, "127.255.255.255"));
    sorted(h);

    sh("ip addr add 198.51.100.7/32 dev lo");
    while (!owns(h, "198.51.100.7")) await(h, HOST_ADDRESSES);
    sh("ip addr del 192.0.2.9/24 dev here && ip -6 addr add 2001:db8:7::7 dev there");
    while (owns(h, "192.0.2.9") || !owns(h, "2001:db8:7::7")) await(h, HOST_ADDRESSES);
    sh("ip route add local 203.0.113.0/29 dev lo && ip -6 route add local 2001:db8:f::/48 dev lo");
    while (!owns(h, "203.0.113.7") || !owns(h, "2001:db8:f:9::1")) await(h, HOST_ADDRESSES);
    assert_false(owns(h, "203.0.113.8"));
    sorted(h);
    /* A transparent proxy's table doesn't make addresses our own; routes for a /8 aren't in an array. */
    sh("ip route add local 0.0.0.0/0 dev lo table 100 && ip route add local 10.0.0.0/8 dev lo && "
       "ip addr add 192.0.2.77/24 dev here");
    while (!owns(h, "192.0.2.77")) await(h, HOST_ADDRESSES);
    assert_false(owns(h, "8.8.8.8") || owns(h, "10.1.2.3"));
    assert_true(host_self(h).left_out);
    assert_true(owns(h, "fe80::ff:fe00:1"));
    sh("ip link set here down"); /* a v4 address stays the host's, its v6 addresses go */
    while (owns(h, "2001:db8::1") || owns(h, "fe80::ff:fe00:1")) await(h, HOST_ADDRESSES);
    assert_true(owns(h, "192.0.2.77"));
    sh("ip link del here");
    while (owns(h, "192.0.2.77")) await(h, HOST_ADDRESSES | HOST_LINKS);
    sorted(h);
    host_close(h);
}

static void vrf(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    if (system("ip link add red type vrf table 77 2>/dev/null")) {
        print_message("this kernel has no VRF devices\n");
        skip();
    }
    struct host *h = open_host();
    sh("ip link set red up && ip link set here master red && ip addr add 192.0.2.1/24 dev here");
    while (!owns(h, "192.0.2.1")) await(h, HOST_ADDRESSES | HOST_LINKS);
    host_close(h);
}

static void sources(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    struct host *h = open_host();
    struct host_addr a;
    const unsigned here = host_link_named(h, "here")->ifindex, there = host_link_named(h, "there")->ifindex;
    assert_false(host_source(h, here, 4, &a) && a.word[0] >> 24 != 127);
    while (!host_source(h, here, 6, &a)) await(h, HOST_ADDRESSES); /* it comes with the carrier */
    assert_string_equal(text(a), "fe80::ff:fe00:1");
    sh("ip addr add 192.0.2.1/24 dev here && ip addr add 192.0.2.2/24 dev here && ip addr add 2001:db8::1/64 dev here "
       "&& "
       "ip addr add 2001:db8::2/64 dev here preferred_lft 0");
    for (unsigned n = 0; n < 8; host_addresses(h, &n)) await(h, HOST_ADDRESSES);
    assert_true(host_source(h, here, 4, &a));
    assert_string_equal(text(a), "192.0.2.1");
    while (!host_source(h, here, 6, &a) || strcmp(text(a), "2001:db8::1")) await(h, HOST_ADDRESSES);
    assert_true(host_source(h, there, 4, &a)); /* it has no address */
    assert_string_equal(text(a), "192.0.2.1");
    assert_true(host_source(h, there, 6, &a)); /* its address is link-local */
    assert_string_equal(text(a), "2001:db8::1");
    sh("ip addr add 169.254.7.7/16 scope link dev there");
    for (unsigned n = 0; n < 9; host_addresses(h, &n)) await(h, HOST_ADDRESSES);
    assert_true(host_source(h, there, 4, &a));
    assert_string_equal(text(a), "192.0.2.1");
    host_close(h);
}

static int route(struct host *h, const char *to, const char *from, unsigned mark, const char *in, struct host_route *r)
{
    struct host_query q = {.to = addr(to), .mark = mark, .iif = in ? host_link_named(h, in)->ifindex : 0};
    if (from) q.from = addr(from);
    return host_route(h, &q, r);
}

static void routes(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip addr add 2001:db8::1/64 dev here && "
       "ip route add 198.51.100.0/24 via 192.0.2.254 src 192.0.2.1 mtu 1300 && "
       "ip -6 route add 2001:db8:5::/48 via 2001:db8::fe && ip route add unreachable 203.0.113.0/24 && "
       "ip route add blackhole 203.0.112.0/24 && ip -6 route add blackhole 2001:db8:dead::/48 && "
       "ip route add 100.64.0.0/24 via inet6 fe80::9 dev here; "
       "while ip -6 addr show tentative | grep -q .; do sleep 0.01; done");
    struct host *h = open_host();
    const unsigned here = host_link_named(h, "here")->ifindex;
    struct host_route r;
    assert_int_equal(route(h, "192.0.2.77", NULL, 0, NULL, &r), 0);
    assert_true(r.ifindex == here && !r.gateway.family && r.mtu == 1500 && !r.local);
    assert_string_equal(text(r.source), "192.0.2.1");
    assert_int_equal(route(h, "198.51.100.9", NULL, 0, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.254");
    assert_int_equal(r.mtu, 1300);
    assert_int_equal(route(h, "2001:db8:5::9", NULL, 0, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "2001:db8::fe");
    assert_string_equal(text(r.source), "2001:db8::1");
    assert_int_equal(route(h, "100.64.0.1", NULL, 0, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "fe80::9");
    assert_int_equal(route(h, "192.0.2.1", NULL, 0, NULL, &r), 0);
    assert_true(r.local);
    assert_true(route(h, "8.8.8.8", NULL, 0, NULL, &r) < 0);
    assert_true(route(h, "203.0.113.1", NULL, 0, NULL, &r) < 0);
    assert_true(route(h, "203.0.112.1", NULL, 0, NULL, &r) < 0);
    assert_true(route(h, "2001:db8:dead::1", NULL, 0, NULL, &r) < 0);
    /* A packet of others that came in: this kernel doesn't forward, but the look-up ignores that. */
    assert_int_equal(route(h, "198.51.100.9", "10.9.9.9", 0, "there", &r), 0);
    assert_true(r.ifindex == here && r.mtu == 1300);
    assert_string_equal(text(r.source), "192.0.2.1");
    assert_int_equal(route(h, "2001:db8:5::9", "2001:db8:9::9", 0, "there", &r), 0);
    assert_string_equal(text(r.gateway), "2001:db8::fe");
    host_close(h);
}

static void routes_change(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip route add 198.51.100.0/24 via 192.0.2.254");
    struct host *h = open_host();
    struct host_route r;
    assert_int_equal(route(h, "198.51.100.9", NULL, 0, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.254");
    sh("ip route change 198.51.100.0/24 via 192.0.2.253");
    await(h, HOST_ROUTES);
    assert_int_equal(route(h, "198.51.100.9", NULL, 0, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.253");
    sh("ip route add 198.51.100.0/24 via 192.0.2.252 table 9 && ip rule add fwmark 5 lookup 9");
    await(h, HOST_ROUTES);
    assert_int_equal(route(h, "198.51.100.9", NULL, 5, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.252");
    assert_int_equal(route(h, "198.51.100.9", NULL, 4, NULL, &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.253");
    /* With forwarding on, rules on the source and the arrival interface count. */
    sh("echo 1 >/proc/sys/net/ipv4/ip_forward && ip addr add 192.0.7.1/24 dev there && "
       "ip rule add from 192.0.7.7 iif there lookup 9");
    await(h, HOST_ADDRESSES);
    host_read(h);
    assert_int_equal(route(h, "198.51.100.9", "192.0.7.7", 0, "there", &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.252");
    assert_string_equal(text(r.source), "192.0.2.1");
    assert_int_equal(route(h, "198.51.100.9", "192.0.7.8", 0, "there", &r), 0);
    assert_string_equal(text(r.gateway), "192.0.2.253");
    /* A link that goes down removes its routes without a notification. */
    sh("ip link set here down");
    await(h, HOST_LINKS);
    assert_true(route(h, "198.51.100.9", NULL, 0, NULL, &r) < 0);
    host_close(h);
}

static void neighbours(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip neigh add 192.0.2.50 lladdr 02:00:00:00:00:50 dev here nud permanent");
    struct host *h = open_host();
    const unsigned here = host_link_named(h, "here")->ifindex;
    const struct host_addr fifty = addr("192.0.2.50"), six = addr("2001:db8::50");
    const struct host_neighbour *n = host_neighbour(h, here, &fifty);
    assert_non_null(n);
    assert_true(n->mac == 0x020000000050 && n->usable && n->state == NUD_PERMANENT);
    assert_null(host_neighbour(h, here + 1, &fifty));
    sh("ip neigh replace 192.0.2.50 lladdr 02:00:00:00:00:51 dev here nud stale && "
       "ip neigh add 2001:db8::50 lladdr 02:00:00:00:00:52 dev here nud permanent");
    await(h, HOST_NEIGHBOURS);
    assert_true(host_neighbour(h, here, &fifty)->mac == 0x020000000051);
    while (!host_neighbour(h, here, &six)) await(h, HOST_NEIGHBOURS);
    sh("ip neigh del 2001:db8::50 dev here");
    while (host_neighbour(h, here, &six)) await(h, HOST_NEIGHBOURS);
    sh("ip link del there");
    while (host_link_named(h, "here")) await(h, HOST_NEIGHBOURS);
    assert_null(host_neighbour(h, here, &fifty));
    host_close(h);
}

/* The other end is in a separate namespace and replies; an address of no host fails. */
static void resolving(void **state)
{
    (void)state;
    int ready[2], done[2];
    assert_int_equal(pipe(ready) | pipe(done), 0);
    const pid_t pid = fork();
    if (!pid) {
        char c;
        close(done[1]);
        if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1) _exit(1);
        _exit(read(done[0], &c, 1) < 0);
    }
    char c, line[400];
    close(done[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    sh(NETNS_PAIR);
    snprintf(
        line, sizeof line,
        "ip link set there netns %d && ip addr add 192.0.2.1/24 dev here && ip addr add 2001:db8::1/64 dev here && "
        "nsenter -t %d -n sh -c 'echo 0 >/proc/sys/net/ipv6/conf/there/accept_dad; ip link set there up; "
        "ip addr add 192.0.2.2/24 dev there; ip addr add 2001:db8::2/64 dev there'",
        pid, pid);
    sh(line);
    struct host *h = open_host();
    struct resolver *r = resolver_new();
    assert_non_null(r);
    const unsigned here = host_link_named(h, "here")->ifindex;
    const char *answer[] = {"192.0.2.2", "2001:db8::2"};
    for (int i = 0; i < 2; i++) {
        const struct host_addr a = addr(answer[i]);
        const struct host_neighbour *n;
        assert_int_equal(resolver_ask(r, here, &a), 0);
        while (!(n = host_neighbour(h, here, &a)) || !n->usable) await(h, HOST_NEIGHBOURS);
        assert_true(n->mac == 0x020000000002);
    }
    const struct host_addr nobody = addr("192.0.2.3");
    assert_int_equal(resolver_ask(r, here, &nobody), 0);
    while (!host_neighbour(h, here, &nobody) || !(host_neighbour(h, here, &nobody)->state & NUD_FAILED))
        await(h, HOST_NEIGHBOURS);
    assert_false(host_neighbour(h, here, &nobody)->usable);
    assert_int_equal(resolver_ask(r, 4711, &nobody), -ENODEV);
    resolver_free(r);
    host_close(h);
    close(done[1]);
    waitpid(pid, NULL, 0);
}

/* With more notifications than the socket holds, everything is read again, including what went away meanwhile. */
static void burst(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    sh(NETNS_PAIR);
    sh("ip addr add 10.0.0.1/8 dev here");
    struct host *h = open_host();
    const int small = 4096;
    assert_int_equal(setsockopt(mnl_socket_get_fd(h->news), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    sh("i=0; while [ $i -lt 3000 ]; do "
       "echo neigh replace 10.1.$((i / 250)).$((i % 250)) lladdr 02:00:00:00:00:77 dev here nud permanent; i=$((i + "
       "1)); done "
       "| ip -force -batch -");
    for (int i = 0; i < 100 && h->neighbours.count < COUNT; i++) assert_true(host_read(h) >= 0);
    assert_true(h->neighbours.count >= COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct host_addr a = {.family = 4, .word = {0x0a010000 + (i / 250 << 8) + i % 250}};
        assert_non_null(host_neighbour(h, host_link_named(h, "here")->ifindex, &a));
    }
    sh("ip addr add 192.0.2.1/24 dev here && ip neigh flush dev here nud permanent");
    assert_true(host_read(h) == (HOST_LINKS | HOST_ADDRESSES | HOST_ROUTES | HOST_NEIGHBOURS));
    assert_true(h->neighbours.count < 10 && owns(h, "192.0.2.1"));
    host_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(links),     netns_test(many_links), netns_test(own_addresses), netns_test(vrf),
        netns_test(sources),   netns_test(routes),     netns_test(routes_change), netns_test(neighbours),
        netns_test(resolving), netns_test(burst),
    };
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
