/* Which statement translates a packet, and to what; and the mappings that its binding holds. The rules are compiled;
 * packets are notation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/known_routes.h"
#include "tests/unit/vm/world.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/bind/nat_priv.h"
#include "vm/packet/parse/read.h"

#define WORLD                                                                                                          \
    "interface wan = \"eth0\"\n"                                                                                       \
    "interface lan = \"eth1\"\n"                                                                                       \
    "set inside = 10.0.0.0/24, 2001:db8:1::/64\n"
#define HOME                                                                                                           \
    WORLD "nat home {\n"                                                                                               \
          "  masquerade from inside out on wan ports 1024-65535\n"                                                     \
          "  source from 10.9.0.0/24 out on wan to 198.51.100.77 ports 2000-2001\n"                                    \
          "  forward 203.0.113.1 tcp/8080-8089 -> 10.0.0.80:80\n"                                                      \
          "  forward 203.0.113.1 udp/53, sctp/9, icmp -> 10.0.0.53\n"                                                  \
          "  forward self tcp/2222 -> 10.0.0.22:22\n"                                                                  \
          "}\n"

struct router {
    struct program *program;
    struct nat *nat;
    struct facts facts;
    struct known_routes routes;
    struct flow_bind bind;
    struct key key; /* of the last packet */
    char says[160];
};

static const uint32_t own4 = 0xcb007101;

static void start(struct router *r, const char *rules)
{
    memset(r, 0, sizeof *r);
    r->program = world_compile(rules);
    r->nat = nat_new(r->program, &(struct vm_cfg){.seed = 3});
    assert_non_null(r->nat);
    r->facts = (struct facts){
        .generation = 1, .self4 = &own4, .self4_count = 1, .addr4 = own4, .addr6 = {0x20010db8, 0xffff, 0, 1}};
    static const char ways[] = "default=eth0, 198.18.0.0/15=eth2, 10.0.0.0/8=eth1, 2001:db8:1::/48=eth1";
    assert_true(know_routes(&r->routes, ways, r->program, &r->facts, r->says, sizeof r->says));
    nat_facts(r->nat, &r->facts);
}

static void stop(struct router *r)
{
    nat_free(r->nat);
    known_routes_fini(&r->routes);
    program_put(r->program);
    packet_free(NULL);
}

static const char *addr_of(const uint32_t a[4], bool v6)
{
    static char text[2][48];
    static unsigned turn;
    char *to = text[turn++ % 2];
    if (v6)
        snprintf(to, sizeof text[0], "%x:%x:%x:%x", a[0], a[1], a[2], a[3]);
    else
        snprintf(to, sizeof text[0], "%u.%u.%u.%u", a[0] >> 24, a[0] >> 16 & 255, a[0] >> 8 & 255, a[0] & 255);
    return to;
}

/* Return "A:p > B:q" of the packet as it would leave, or the reason why it wouldn't. */
static const char *say(struct router *r, const char *iface, const char *notation)
{
    static const char *const fates[] = {"nothing", "bound", "no port", "unknown"};
    struct packet *p = packet_facts(notation, &r->facts);
    assert_int_equal(p->reason, REASON_NONE);
    p->key.iface = IFACE_NONE;
    for (uint32_t i = 0; iface && i < r->program->ifaces_count; i++)
        if (strcmp(program_str(r->program, r->program->ifaces[i].device), iface) == 0) p->key.iface = (uint16_t)i;
    p->pkt.iface = p->key.iface;
    r->key = p->key;
    const uint16_t query = p->key.kind & KIND_ICMP_HEADER ? icmp_query_read(&p->pkt) : 0;
    struct nat_asker of = {.key = &p->key, .pkt = &p->pkt, .query = query};
    const enum nat_fate fate = nat_choose(r->nat, &of, false, &r->bind);
    const bool v6 = p->key.kind & KIND_IP6;
    if (fate != NAT_BOUND) return fates[fate];
    snprintf(r->says, sizeof r->says, "%s:%u > %s:%u", addr_of(r->bind.to_src, v6), r->bind.to_src_port,
             addr_of(r->bind.to_dst, v6), r->bind.to_dst_port);
    return r->says;
}

#define SAYS_OUT(r, iface, notation, what) assert_string_equal(say(r, iface, notation), what)

/* End the last flow. */
static void end(struct router *r)
{
    struct flow_id id = {.low_port = r->key.src_port,
                         .high_port = r->key.dst_port,
                         .proto = (uint8_t)r->key.proto,
                         .kind = r->key.kind & KIND_IP6 ? FLOW_ID_IP6 : 0};
    memcpy(id.low, r->key.src, sizeof id.low);
    memcpy(id.high, r->key.dst, sizeof id.high);
    nat_begun(r->nat, &r->bind);
    nat_leave(r->nat, &r->bind, &id, false, 0, 0);
}

static void out_of_the_house(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53", "203.0.113.1:5000 > 192.0.2.1:53");
    assert_int_equal(r.bind.nat, 0);
    assert_int_equal(r.bind.kind, BIND_NAT_SOURCE);
    assert_int_equal(r.bind.server, PBC_NONE);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.9 / udp 5000 > 99", "203.0.113.1:5000 > 192.0.2.9:99");
    SAYS_OUT(&r, NULL, "ip4 10.0.0.5 > 192.0.2.9 / tcp 5000 > 99 syn", "203.0.113.1:5000 > 192.0.2.9:99");
    SAYS_OUT(&r, NULL, "ip4 10.0.0.5 > 192.0.2.9 / icmp type echo-request id 7777",
             "203.0.113.1:7777 > 192.0.2.9:7777");
    SAYS_OUT(&r, NULL, "ip6 2001:db8:1::5 > 2001:db8:2::9 / tcp 5000 > 99 syn",
             "20010db8:ffff:0:1:5000 > 20010db8:20000:0:9:99");
    assert_int_equal(nat_counters(r.nat)->mappings->live, 4);
    assert_int_equal(nat_counters(r.nat)->out, 5);
    stop(&r);
}

/* A client gets one of several addresses, each of which has some clients. It gets the same after a restart, another
 * with another key, and no other if its address has no ports left. */
static void one_of_several(void **state)
{
    (void)state;
    enum { CLIENTS = 400, ADDRESSES = 6 };
    static const char rules[] = WORLD "nat home { source from inside out on wan to 198.51.100.8/30, 198.51.100.77, "
                                      "198.51.100.70, 2001:db8:f::/126 ports 2000-2003 }\n";
    unsigned clients[256] = {0}, moved = 0, used = 0;
    struct router r, again, keyed;
    char text[80], first[160], with_key[400];
    start(&r, rules);
    start(&again, rules);
    snprintf(with_key, sizeof with_key, "hash key \"another\"\n%s", rules);
    start(&keyed, with_key);
    for (unsigned i = 0; i < CLIENTS; i++) {
        snprintf(text, sizeof text, "ip4 10.0.0.%u > 192.0.2.1 / udp 2000 > 53", i % 250 + 1);
        if (i >= 250) snprintf(text, sizeof text, "ip6 2001:db8:1::%x > 2001:db8:9::1 / udp 2000 > 53", i);
        snprintf(first, sizeof first, "%s", say(&r, "eth1", text));
        if (strcmp(first, "no port") == 0) continue;
        clients[i < 250 ? r.bind.to_src[0] & 255 : 200 + (r.bind.to_src[3] & 3)]++;
        const uint32_t address = r.bind.to_src[i < 250 ? 0 : 3];
        say(&again, "eth1", text);
        assert_int_equal(again.bind.to_src[i < 250 ? 0 : 3], address);
        say(&keyed, "eth1", text);
        moved += keyed.bind.to_src[i < 250 ? 0 : 3] != address;
    }
    for (unsigned i = 0; i < 256; i++) {
        used += clients[i] != 0;
        assert_true(clients[i] <= 4);
    }
    assert_int_equal(used, ADDRESSES + 4);
    assert_true(moved > 10);
    SAYS_OUT(&r, "eth1", "ip4 192.0.2.9 > 198.51.100.8 / udp 9 > 9", "nothing");
    stop(&keyed);
    stop(&again);
    stop(&r);
}

/* The packet came in where it would leave, is from or to elsewhere, or is for nobody beyond a router. */
static void nobody_asks(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth0", "ip4 10.0.0.5 > 10.1.0.6 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.1.0.5 > 192.0.2.1 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 10.0.0.6 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 54", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 203.0.113.1 > 192.0.2.1 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 224.0.0.5 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 255.255.255.255 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip6 2001:db8:1::5 > ff02::1 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "ip6 2001:db8:1::5 > fe80::1 / udp 5000 > 53", "nothing");
    SAYS_OUT(&r, "eth1", "arp who-has 10.0.0.5 tell 10.0.0.6", "nothing");
    assert_int_equal(nat_counters(r.nat)->mappings->added, 0);
    /* An outside address that this machine replies for but doesn't have: packets to it leave. */
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 198.51.100.77 / udp 5000 > 53", "203.0.113.1:5000 > 198.51.100.77:53");
    /* Linux routes link-local addresses of IPv4 as any others. */
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 169.254.1.1 / udp 5000 > 53", "203.0.113.1:5000 > 169.254.1.1:53");
    stop(&r);
}

static void forwarded(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 8083 syn", "192.0.2.1:40000 > 10.0.0.80:83");
    assert_int_equal(r.bind.kind, BIND_NAT_FORWARD);
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / udp 40000 > 53", "192.0.2.1:40000 > 10.0.0.53:53");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / sctp 7 > 9", "192.0.2.1:7 > 10.0.0.53:9");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 2222 syn", "192.0.2.1:40000 > 10.0.0.22:22");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / icmp type echo-request id 9", "192.0.2.1:9 > 10.0.0.53:9");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / icmp type timestamp-request", "nothing");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 8090 syn", "nothing");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.2 / tcp 40000 > 8080 syn", "nothing");
    assert_int_equal(nat_counters(r.nat)->in, 5);
    /* no inside host gets a port that is forwarded */
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 8080 > 1", "203.0.113.1:8080 > 192.0.2.1:1");
    say(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / tcp 8080 > 1 syn");
    assert_true(r.bind.to_src_port < 8080 || r.bind.to_src_port > 8089);
    say(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / tcp 2222 > 1 syn");
    assert_int_not_equal(r.bind.to_src_port, 2222);
    stop(&r);
}

/* RFC 4787, REQ-8 with endpoint-independent filtering, and REQ-9. */
static void strangers_and_hairpins(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.77 > 203.0.113.1 / udp 1 > 5000", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53", "203.0.113.1:5000 > 192.0.2.1:53");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.77 > 203.0.113.1 / udp 1 > 5000", "192.0.2.77:1 > 10.0.0.5:5000");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.77 > 203.0.113.1 / tcp 1 > 5000 syn", "nothing");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.6 > 203.0.113.1 / udp 6000 > 5000", "203.0.113.1:6000 > 10.0.0.5:5000");
    assert_int_equal(nat_counters(r.nat)->hairpins, 1);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.6 > 203.0.113.1 / tcp 6000 > 8080 syn", "203.0.113.1:6000 > 10.0.0.80:80");
    /* also from itself */
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 5000", "203.0.113.1:5000 > 10.0.0.5:5000");
    stop(&r);
}

/* Identifiers of queries have mappings; packets without ports or identifiers only change their address. */
static void without_ports(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / icmp type timestamp-request id 5005",
             "203.0.113.1:5005 > 192.0.2.1:5005");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / gre", "203.0.113.1:0 > 192.0.2.1:0");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / sctp 5 > 6", "203.0.113.1:5 > 192.0.2.1:6");
    SAYS_OUT(&r, "eth1", "ip6 2001:db8:1::5 > 2001:db8:2::1 / icmp6 type 139",
             "20010db8:ffff:0:1:0 > 20010db8:20000:0:1:0");
    assert_int_equal(nat_counters(r.nat)->mappings->live, 1);
    stop(&r);
}

static void ports_run_out(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.1 > 192.0.2.1 / udp 2001 > 1", "198.51.100.77:2001 > 192.0.2.1:1");
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.2 > 192.0.2.1 / udp 2001 > 1", "198.51.100.77:2000 > 192.0.2.1:1");
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.3 > 192.0.2.1 / udp 2001 > 1", "no port");
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.2 > 192.0.2.9 / udp 2001 > 1", "198.51.100.77:2000 > 192.0.2.9:1");
    assert_int_equal(nat_counters(r.nat)->mappings->exhausted, 1);
    end(&r);
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.3 > 192.0.2.1 / udp 2001 > 1", "no port"); /* one flow still has it */
    stop(&r);
}

/* A rejection leaves nothing behind, and a flow's end releases everything that it held: both ends of a hairpin. */
static void what_is_held(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    say(&r, "eth1", "ip4 10.9.0.1 > 192.0.2.1 / udp 2001 > 1");
    const struct flow_bind one = r.bind;
    const struct key of_one = r.key;
    say(&r, "eth1", "ip4 10.9.0.2 > 198.51.100.77 / udp 2001 > 2001");
    const struct map_end ends[] = {{.addr = {0xc633644d}, .port = 2001, .class = MAP_UDP},
                                   {.addr = {0xc633644d}, .port = 2000, .class = MAP_UDP}};
    struct mappings *m = r.nat->mappings;
    assert_int_equal(mapping_at(m, mapping_by_outside(m, &ends[0]))->users, 2);
    assert_int_equal(mapping_at(m, mapping_by_outside(m, &ends[1]))->users, 1);
    const struct flow_bind two = r.bind;
    const struct key of_two = r.key;
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.3 > 198.51.100.77 / udp 2001 > 2001", "no port");
    assert_int_equal(mapping_at(m, mapping_by_outside(m, &ends[0]))->users, 2);
    r.bind = two;
    r.key = of_two;
    end(&r);
    assert_int_equal(mapping_by_outside(m, &ends[1]), MAPPING_NONE);
    assert_int_equal(mapping_at(m, mapping_by_outside(m, &ends[0]))->users, 1);
    r.bind = one;
    r.key = of_one;
    end(&r);
    assert_int_equal(mapping_by_outside(m, &ends[0]), MAPPING_NONE);
    assert_int_equal(nat_counters(r.nat)->mappings->live, 0);
    stop(&r);
}

/* Another address: old mappings stay, new flows get the new one. None: rejected. */
static void the_address_changes(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53", "203.0.113.1:5000 > 192.0.2.1:53");
    r.facts.addr4 = 0xcb0071ff;
    nat_facts(r.nat, &r.facts);
    say(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 54");
    assert_int_equal(r.bind.to_src[0], 0xcb0071ff);
    assert_int_not_equal(r.bind.to_src_port, 5000); /* that port is in use, at the old address */
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.77 > 203.0.113.1 / udp 1 > 5000", "192.0.2.77:1 > 10.0.0.5:5000");
    r.facts.addr4 = 0xc633644d; /* an address in the rules, too: they share its ports */
    nat_facts(r.nat, &r.facts);
    SAYS_OUT(&r, "eth1", "ip4 10.9.0.1 > 192.0.2.1 / udp 2000 > 1", "198.51.100.77:2000 > 192.0.2.1:1");
    say(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 2000 > 1");
    assert_int_equal(r.bind.to_src[0], 0xc633644d);
    assert_int_not_equal(r.bind.to_src_port, 2000);
    r.facts.addr4 = 0;
    nat_facts(r.nat, &r.facts);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 5001 > 53", "no port");
    assert_int_equal(nat_counters(r.nat)->no_address, 1);
    stop(&r);
}

/* Return the port that an inside host gets for one of its own. */
static unsigned port_for(struct router *r, unsigned host, unsigned port)
{
    char notation[100];
    snprintf(notation, sizeof notation, "ip4 10.0.0.%u > 192.0.2.1 / udp %u > 53", host, port);
    say(r, "eth1", notation);
    return r->bind.to_src_port;
}

/* The host's own ports go to nobody; ports that it draws from are drawn last. */
static void the_hosts_ports(void **state)
{
    static const struct facts_port bound[] = {{2010, 0}, {2020, 1}};
    unsigned outside = 0;
    (void)state;
    struct router r;
    start(&r, WORLD "nat home { masquerade from 10.0.0.0/8 out on wan ports 2000-2999 }\n");
    r.facts.ports = (struct facts_ports){.number = 1,
                                         .kept_lo = 2400,
                                         .kept_hi = 2499,
                                         .chosen_lo = 2100,
                                         .chosen_hi = 2899,
                                         .bound = bound,
                                         .bound_count = 2};
    nat_facts(r.nat, &r.facts);
    assert_int_equal(port_for(&r, 1, 2500), 2500); /* the same, wherever it is */
    assert_int_equal(port_for(&r, 1, 2010), 2010); /* for TCP that port is this machine's */
    assert_int_not_equal(port_for(&r, 1, 2020), 2020);
    assert_int_not_equal(port_for(&r, 1, 2450), 2450);
    for (unsigned i = 0; i < 190; i++) {
        const unsigned port = port_for(&r, 2 + i % 4, 5000 + i);
        assert_false(port == 2020 || (port >= 2400 && port <= 2499));
        outside += port < 2100 || port > 2899;
    }
    assert_int_equal(outside, 190); /* below and above there are 200, less those above */
    for (unsigned i = 0; i < 720; i++) {
        const unsigned port = port_for(&r, 10 + i % 20, 10000 + i);
        if (r.bind.flags & BIND_HOLDS_SRC) assert_false(port == 2020 || (port >= 2400 && port <= 2499));
    }
    assert_int_equal(nat_counters(r.nat)->mappings->live, 1000 - 100 - 1); /* none is left, and none was spared */
    r.facts.ports.number = 2;
    r.facts.ports.bound_count = 0;
    nat_facts(r.nat, &r.facts);
    assert_int_equal(port_for(&r, 200, 4000), 2020); /* its socket is closed */
    stop(&r);
}

/* A statement without `ports` continues below its own ports once they are taken. There a mapping only accepts peers
 * that were sent to, because a socket of this machine may begin to listen there. */
static void further_ports(void **state)
{
    enum { OWN = 65536 - PBC_OWN_PORT_LO };
    unsigned below = 0, lowest = 0;
    (void)state;
    struct router r;
    start(&r, WORLD "nat home { masquerade from 10.0.0.0/8 out on wan }\n");
    r.facts.ports = (struct facts_ports){.number = 1, .more = {{2000, 2049}, {3000, 3149}}, .more_count = 2};
    nat_facts(r.nat, &r.facts);
    for (unsigned i = 0; i < OWN; i++) assert_in_range(port_for(&r, 1 + i % 7, 5000 + i), PBC_OWN_PORT_LO, UINT16_MAX);
    for (unsigned i = 0; i < 200; i++) {
        const unsigned port = port_for(&r, 8 + i % 7, 15000 + i);
        assert_true((port >= 2000 && port <= 2049) || (port >= 3000 && port <= 3149));
        below += port < 2050;
        if (i == 0) lowest = port;
    }
    assert_int_equal(below, 50);
    say(&r, "eth1", "ip4 10.0.0.8 > 192.0.2.1 / udp 40000 > 53");
    assert_false(r.bind.flags & BIND_HOLDS_SRC);
    assert_int_equal(nat_counters(r.nat)->mappings->exhausted, 1);
    char stranger[100];
    snprintf(stranger, sizeof stranger, "ip4 192.0.2.77 > 203.0.113.1 / udp 1 > %u", lowest);
    say(&r, "eth0", stranger);
    assert_false(r.bind.flags & BIND_HOLDS_DST);
    stop(&r);
}

/* Each outgoing interface has a separate address; two that have the same address share its ports. */
static void ways_out(void **state)
{
    (void)state;
    struct router r;
    struct facts_iface ifaces[3] = {{0}};
    start(&r, WORLD "interface dsl = \"eth2\"\nnat home {\n"
                    "  masquerade from 10.0.0.0/25 out on wan ports 1024-65535\n  masquerade from 10.0.0.128/25 out on "
                    "dsl ports 1024-65535\n}\n");
    for (unsigned i = 0; i < r.program->ifaces_count; i++) {
        const char *device = program_str(r.program, r.program->ifaces[i].device);
        if (strcmp(device, "eth0") == 0) ifaces[i].addr4 = 0xcb007102;
        if (strcmp(device, "eth2") == 0) ifaces[i].addr4 = 0xc6336403;
    }
    r.facts.ifaces = ifaces;
    r.facts.ifaces_count = 3;
    nat_facts(r.nat, &r.facts);
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53", "203.0.113.2:5000 > 192.0.2.1:53");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.200 > 198.18.0.1 / udp 5000 > 53", "198.51.100.3:5000 > 198.18.0.1:53");
    for (unsigned i = 0; i < 3; i++) ifaces[i].addr4 = 0xc6336403;
    nat_facts(r.nat, &r.facts);
    say(&r, "eth1", "ip4 10.0.0.6 > 192.0.2.1 / udp 5000 > 53");
    assert_int_equal(r.bind.to_src[0], 0xc6336403);
    assert_int_not_equal(r.bind.to_src_port, 5000); /* the other interface's mapping owns that port */
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.201 > 198.18.0.1 / udp 5001 > 53", "198.51.100.3:5001 > 198.18.0.1:53");
    say(&r, "eth1", "ip4 10.0.0.7 > 192.0.2.1 / udp 5001 > 53");
    assert_int_not_equal(r.bind.to_src_port, 5001);
    stop(&r);
}

/* Without `from` only the outgoing interface decides. */
static void from_anywhere(void **state)
{
    (void)state;
    struct router r;
    start(&r, WORLD "nat all { source from any out on wan to 203.0.113.9; forward 203.0.113.9 tcp/80 -> 10.0.0.80 }");
    SAYS_OUT(&r, "eth1", "ip4 172.16.0.1 > 192.0.2.1 / udp 5000 > 1", "203.0.113.9:5000 > 192.0.2.1:1");
    SAYS_OUT(&r, "eth0", "ip4 172.16.0.1 > 10.0.0.1 / udp 5000 > 1", "nothing");
    SAYS_OUT(&r, "eth0", "ip4 172.16.0.1 > 203.0.113.9 / tcp 5000 > 80 syn", "172.16.0.1:5000 > 10.0.0.80:80");
    SAYS_OUT(&r, NULL, "ip4 172.16.0.1 > 203.0.113.9 / tcp 5000 > 80 syn", "172.16.0.1:5000 > 10.0.0.80:80");
    SAYS_OUT(&r, "eth1", "ip4 172.16.0.1 > 203.0.113.9 / tcp 5000 > 80 syn", "203.0.113.9:5000 > 10.0.0.80:80");
    stop(&r);
}

static void first_statement_wins(void **state)
{
    (void)state;
    struct router r;
    start(&r, WORLD "nat n {\n"
                    "  source from 10.0.0.1 out on wan to 203.0.113.8\n"
                    "  source from inside out on lan to 203.0.113.7\n"
                    "  source from inside out on wan to 203.0.113.9\n"
                    "  forward 203.0.113.9 tcp/80 -> 10.0.0.1\n"
                    "  forward 203.0.113.9 tcp/70-90 -> 10.0.0.2\n"
                    "}\n");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.1 > 192.0.2.1 / udp 5000 > 1", "203.0.113.8:5000 > 192.0.2.1:1");
    SAYS_OUT(&r, "eth1", "ip4 10.0.0.2 > 192.0.2.1 / udp 5000 > 1", "203.0.113.9:5000 > 192.0.2.1:1");
    SAYS_OUT(&r, "eth0", "ip4 10.0.0.2 > 10.0.0.9 / udp 5000 > 1", "203.0.113.7:5000 > 10.0.0.9:1");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.9 / tcp 5000 > 80 syn", "192.0.2.1:5000 > 10.0.0.1:80");
    SAYS_OUT(&r, "eth0", "ip4 192.0.2.1 > 203.0.113.9 / tcp 5000 > 81 syn", "192.0.2.1:5000 > 10.0.0.2:81");
    stop(&r);
}

/* A look-up takes nothing. */
static void looking(void **state)
{
    (void)state;
    struct router r;
    start(&r, HOME);
    const struct packet *p = packet_facts("ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53", &r.facts);
    struct nat_asker of = {.key = &p->key, .pkt = &p->pkt};
    assert_int_equal(nat_choose(r.nat, &of, true, &r.bind), NAT_BOUND);
    assert_int_equal(r.bind.to_src_port, 0);
    assert_int_equal(nat_counters(r.nat)->mappings->added, 0);
    assert_int_equal(nat_choose(r.nat, &of, false, &r.bind), NAT_BOUND);
    assert_int_equal(nat_choose(r.nat, &of, true, &r.bind), NAT_BOUND);
    assert_int_equal(r.bind.to_src_port, 5000);
    assert_int_equal(nat_counters(r.nat)->out, 1);
    stop(&r);
}

static void how_long_udp_may_be_silent(void **state)
{
    (void)state;
    struct program *p = world_compile(HOME);
    assert_int_equal(program_udp_idle_ns(p), 240 * S);
    program_put(p);
    p = world_compile("timeouts { udp 30s }\n" HOME);
    assert_int_equal(program_udp_idle_ns(p), 0);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_the_house),
        cmocka_unit_test(one_of_several),
        cmocka_unit_test(nobody_asks),
        cmocka_unit_test(forwarded),
        cmocka_unit_test(strangers_and_hairpins),
        cmocka_unit_test(without_ports),
        cmocka_unit_test(ports_run_out),
        cmocka_unit_test(what_is_held),
        cmocka_unit_test(the_address_changes),
        cmocka_unit_test(from_anywhere),
        cmocka_unit_test(first_statement_wins),
        cmocka_unit_test(the_hosts_ports),
        cmocka_unit_test(further_ports),
        cmocka_unit_test(ways_out),
        cmocka_unit_test(looking),
        cmocka_unit_test(how_long_udp_may_be_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
