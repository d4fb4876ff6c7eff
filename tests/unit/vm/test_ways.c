/* Routes' facts about a packet: the interface by which it leaves, and whether its source is reached by its arrival
 * interface; unknown facts, and facts that no rule tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"

/* Ids in the rules: eth0 and eth1 by name, all of wg* by a pattern, which has 2; frames of wg1 have 3, of wg2 4. No
 * rule names afar, or bond0, whose frames come by several. */
enum { ETH0, ETH1, WG, WG1, WG2 };
static const char *const names[] = {"eth0", "eth1", "wg1", "wg2", "afar", "bond0"};
static const struct facts_device ids[] = {{ETH0, ETH0, 0, 0},
                                          {ETH1, ETH1, 0, 0},
                                          {WG1, WG, 0, 0},
                                          {WG2, WG, 0, 0},
                                          {IFACE_OTHER, IFACE_OTHER, 0, 0},
                                          {IFACE_SEVERAL, IFACE_OTHER, 0, 0}};
/* A program that tests both, and one that tests nothing; neither has rules. */
static const struct pbc_meta both = {.flags = PBC_ASKS_WAY | PBC_ASKS_SOURCE}, none;
static const struct program asks = {.meta = &both}, idle = {.meta = &none};

struct world {
    struct route_list list;
    struct routes *table;
    struct facts_device devices[8];
    struct facts facts;
};

static void add(struct world *w, uint32_t to, uint8_t bits, uint8_t kind, const char *const devices[], unsigned count)
{
    struct route_hop hops[2] = {{.weight = 1}, {.weight = 1}};
    for (unsigned i = 0; i < count; i++) strcpy(hops[i].device, devices[i]);
    const struct route_entry e = {.route = {.to = {to}, .family = 4, .bits = bits},
                                  .kind = kind,
                                  .why = kind == ROUTE_ASK ? WAY_OTHER : WAY_KNOWN,
                                  .hops = count,
                                  .hop = hops};
    assert_int_equal(route_list_add(&w->list, &e), 0);
}

static void finish(struct world *w)
{
    w->table = route_list_table(&w->list);
    assert_non_null(w->table);
    for (uint32_t i = 0; i < w->table->size.devices; i++)
        for (unsigned k = 0; k < sizeof names / sizeof names[0]; k++)
            if (!strcmp(w->table->devices[i].name, names[k])) w->devices[i] = ids[k];
    w->facts = (struct facts){.routes = w->table, .devices = w->devices};
}

/* Make routes: 10/8 by eth0, 10.1/16 by wg1 and wg2, 10.2/16 rejected, 10.3/16 unknown, 10.4/16 this machine,
 * 10.6/16 by afar, 10.7/16 by bond0. */
static void open_world(struct world *w)
{
    *w = (struct world){0};
    add(w, 0x0a000000, 8, ROUTE_VIA, &names[0], 1);
    add(w, 0x0a010000, 16, ROUTE_VIA, &names[2], 2);
    add(w, 0x0a020000, 16, ROUTE_REFUSED, NULL, 0);
    add(w, 0x0a030000, 16, ROUTE_ASK, NULL, 0);
    add(w, 0x0a040000, 16, ROUTE_OWN, NULL, 0);
    add(w, 0x0a060000, 16, ROUTE_VIA, &names[4], 1);
    add(w, 0x0a070000, 16, ROUTE_VIA, &names[5], 1);
    finish(w);
}

static void close_world(struct world *w)
{
    routes_put(w->table);
    route_list_fini(&w->list);
}

static struct pkt settle(const struct world *w, uint32_t kind, uint32_t src, uint32_t dst, uint16_t iface, bool known)
{
    const struct key key = {.src = {src}, .dst = {dst}, .kind = kind | KIND_IP4, .iface = iface};
    struct pkt pkt = {.iface = iface};
    assert_int_equal(ways_settle(&asks, &w->facts, &key, &pkt), known);
    return pkt;
}

static void ways(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    assert_int_equal(settle(&w, KIND_FORWARD, 0x0a090001, 0x0a050001, ETH0, true).way, 1 + ETH0);
    assert_int_equal(settle(&w, KIND_FORWARD, 0x0a090001, 0x0a010001, ETH0, true).way, 1 + WG); /* either one is wg */
    assert_int_equal(settle(&w, KIND_FORWARD, 0x0a090001, 0x0a020001, ETH0, false).way, 0);
    assert_int_equal(settle(&w, KIND_FORWARD, 0x0a090001, 0x0a030001, ETH0, false).way, 0);
    assert_int_equal(settle(&w, KIND_FORWARD, 0x0a090001, 0x0b000001, ETH0, false).way, 0);
    assert_int_equal(settle(&w, KIND_IN, 0x0a090001, 0x0b000001, ETH0, true).way, 0); /* it leaves nowhere */
    w.facts.routes = NULL;
    assert_int_equal(settle(&w, KIND_FORWARD, 0x0a090001, 0x0a050001, ETH0, false).way, 0);
    close_world(&w);
}

static void sources(void **state)
{
    static const uint32_t no_route[] = {0, 0xe0000001, 0xa9fe0101};
    struct world w;
    (void)state;
    open_world(&w);
    assert_int_equal(settle(&w, KIND_IN, 0x0a050001, 1, ETH0, true).source, SOURCE_REACHED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a050001, 1, ETH1, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a010001, 1, WG2, true).source, SOURCE_REACHED); /* each route counts */
    assert_int_equal(settle(&w, KIND_IN, 0x0a010001, 1, ETH0, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a020001, 1, ETH0, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a040001, 1, ETH0, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0b000001, 1, ETH0, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a030001, 1, ETH0, false).source, SOURCE_UNKNOWN);
    assert_int_equal(settle(&w, KIND_IN, 0x0a050001, 1, IFACE_NONE, false).source, SOURCE_UNKNOWN);
    /* Two interfaces that no rule names can't be distinguished. */
    assert_int_equal(settle(&w, KIND_IN, 0x0a060001, 1, IFACE_OTHER, false).source, SOURCE_UNKNOWN);
    assert_int_equal(settle(&w, KIND_IN, 0x0a060001, 1, ETH0, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a050001, 1, IFACE_OTHER, true).source, SOURCE_FAILED);
    assert_int_equal(settle(&w, KIND_IN, 0x0a070001, 1, ETH0, false).source, SOURCE_UNKNOWN);
    assert_int_equal(settle(&w, KIND_OUT, 0x0b000001, 1, ETH1, true).source, SOURCE_REACHED);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(settle(&w, KIND_IN, no_route[i], 1, ETH1, true).source, SOURCE_REACHED);
    close_world(&w);
}

/* Across a bridge the packet leaves by the other port, and routes don't decide on sources. */
static void bridges(void **state)
{
    const struct facts_iface ifaces[] = {{.peer = ETH1}, {.peer = ETH0}};
    struct world w;
    (void)state;
    open_world(&w);
    w.facts.ifaces = ifaces, w.facts.ifaces_count = 2, w.facts.bridges = true;
    const struct pkt pkt = settle(&w, KIND_FORWARD, 0x0a050001, 0x0a050002, ETH0, false);
    assert_int_equal(pkt.way, 1 + ETH1);
    assert_int_equal(pkt.source, SOURCE_UNKNOWN);
    close_world(&w);
}

/* Make routes: everything by eth0, and by a rule something else by eth1. */
static struct world with_rule(struct route_rule rule, const struct route_way ways[3], const struct route_leg legs[2])
{
    static const struct route routes[] = {{.family = 4, .table = 254, .way = 1}, {.family = 4, .table = 9, .way = 2}};
    static const struct route_device devices[] = {{.name = "eth0"}, {.name = "eth1"}};
    const struct route_policy rules[] = {{.rule = rule, .table = 9, .suppressed = -1},
                                         {.rule = {.family = 4}, .table = 254, .suppressed = -1}};
    const struct routes_said said = {.routes = routes,
                                     .ways = ways,
                                     .legs = legs,
                                     .rules = rules,
                                     .devices = devices,
                                     .count = 2,
                                     .ways_count = 3,
                                     .legs_count = 2,
                                     .rules_count = 2,
                                     .devices_count = 2};
    struct world w = {.table = routes_new(&said, 1)};
    assert_non_null(w.table);
    w.facts = (struct facts){.routes = w.table, .devices = ids};
    return w;
}

static void is_way(const struct world *w, const struct key *key, uint16_t iface, uint16_t out, enum way_why why)
{
    static const uint32_t to[4] = {0x0a000001};
    const struct pkt pkt = {.iface = iface};
    const struct way_found way = way_find(&w->facts, key, &pkt, to);
    assert_int_equal(way.out, out);
    assert_int_equal(way.kind, out ? ROUTE_VIA : ROUTE_ASK);
    assert_int_equal(way.why, why);
}

static void policies(void **state)
{
    const struct route_way ways[] = {{.kind = ROUTE_ASK, .why = WAY_OTHER},
                                     {.kind = ROUTE_VIA, .legs = 1},
                                     {.first = 1, .kind = ROUTE_VIA, .legs = 1}};
    const struct route_leg legs[] = {{.up_to = UINT32_MAX, .port = ROUTE_NO_PORT, .device = 1},
                                     {.up_to = UINT32_MAX, .port = ROUTE_NO_PORT, .device = 2}};
    const struct key key = {.kind = KIND_IP4};
    (void)state;
    struct world w = with_rule((struct route_rule){.family = 4, .asks = ROUTE_ASKS_ARRIVAL, .device = 2}, ways, legs);
    is_way(&w, &key, ETH0, 1 + ETH0, WAY_KNOWN);
    is_way(&w, &key, ETH1, 1 + ETH1, WAY_KNOWN);
    is_way(&w, &key, IFACE_NONE, 0, WAY_ARRIVAL);
    assert_int_equal(settle(&w, KIND_FORWARD, 1, 2, IFACE_NONE, false).way_why, WAY_ARRIVAL);
    /* Frames with a tag come by another device. */
    struct facts_device devices[2] = {ids[0], ids[1]};
    const struct key tagged = {.kind = KIND_IP4 | KIND_VLAN, .vlan_outer = 7};
    w.facts.devices = devices;
    is_way(&w, &tagged, ETH1, 1 + ETH1, WAY_KNOWN);
    devices[1].tag = FACTS_UNTAGGED;
    is_way(&w, &tagged, ETH1, 1 + ETH0, WAY_KNOWN);
    is_way(&w, &key, ETH1, 1 + ETH1, WAY_KNOWN);
    devices[1].tag = FACTS_TAGGED + 7;
    is_way(&w, &tagged, ETH1, 1 + ETH1, WAY_KNOWN);
    is_way(&w, &key, ETH1, 1 + ETH0, WAY_KNOWN);
    const struct key out = {.kind = KIND_IP4 | KIND_OUT, .iface = WG};
    is_way(&w, &out, IFACE_NONE, 1 + WG, WAY_KNOWN);
    close_world(&w);
    w = with_rule((struct route_rule){.family = 4, .asks = ROUTE_ASKS_MARK}, ways, legs);
    is_way(&w, &key, ETH0, 1 + ETH0, WAY_KNOWN); /* we forward it, and set no mark */
    w.facts.host_routes4 = true;
    is_way(&w, &key, ETH0, 0, WAY_MARK);
    close_world(&w);
}

/* This machine's stack chooses one of several interfaces, or we do. */
static void several(void **state)
{
    const struct route_way ways[] = {{.kind = ROUTE_ASK, .why = WAY_OTHER},
                                     {.kind = ROUTE_VIA, .legs = 2},
                                     {.kind = ROUTE_ASK, .why = WAY_ENCAPSULATED}};
    struct route_leg legs[] = {{.up_to = UINT32_MAX / 2, .port = ROUTE_NO_PORT, .device = 1},
                               {.up_to = UINT32_MAX, .port = ROUTE_NO_PORT, .device = 2}};
    struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PROTO, .proto = 6};
    unsigned met = 0;
    (void)state;
    struct world w = with_rule((struct route_rule){.family = 4, .proto = 17}, ways, legs);
    for (key.src[0] = 0; key.src[0] < 32; key.src[0]++) {
        static const uint32_t to[4] = {0x0a000001};
        const struct pkt pkt = {.iface = ETH0};
        met |= 1u << way_find(&w.facts, &key, &pkt, to).out;
    }
    assert_int_equal(met, 1u << (1 + ETH0) | 1u << (1 + ETH1));
    w.facts.host_routes4 = true;
    is_way(&w, &key, ETH0, 0, WAY_SEVERAL);
    key.proto = 17;
    is_way(&w, &key, ETH0, 0, WAY_ENCAPSULATED);
    close_world(&w);
    legs[1].device = 1;
    w = with_rule((struct route_rule){.family = 4, .proto = 17}, ways, legs);
    w.facts.host_routes4 = true;
    key.proto = 6;
    is_way(&w, &key, ETH0, 1 + ETH0, WAY_KNOWN);
    w.facts.routes = NULL;
    is_way(&w, &key, ETH0, 0, WAY_NO_ROUTES);
    close_world(&w);
}

/* Rules that name eth0 and eth1, with the ids of `ids`. */
static const char asked[] = "interface eth0 = \"eth0\"\n"
                            "interface eth1 = \"eth1\"\n"
                            "firewall f forward default drop {\n"
                            "  accept udp port 1 out on eth0, eth1\n"
                            "  accept udp port 2 out on eth0\n"
                            "  accept udp port 3 out on eth1\n"
                            "  reject udp port 4 out on eth0\n"
                            "  drop udp port 4 out on eth1\n"
                            "  drop udp port 5 out on eth1\n"
                            "  accept udp port 5 out on eth0, eth1\n"
                            "  accept udp port 6 state established out on eth0, eth1\n"
                            "}\n";

/* If this machine's stack chooses among interfaces, rules are tested against the first by which they reject the
 * packet. */
static void legs(void **state)
{
    static const struct {
        uint16_t port, way;
        uint8_t why;
        uint32_t marks;
    } of[] = {{1, 1 + ETH0, WAY_KNOWN, MARK_NEW},         {2, 1 + ETH1, WAY_SEVERAL, MARK_NEW},
              {3, 1 + ETH0, WAY_SEVERAL, MARK_NEW},       {4, 1 + ETH0, WAY_KNOWN, MARK_NEW},
              {5, 1 + ETH1, WAY_SEVERAL, MARK_NEW},       {6, 1 + ETH0, WAY_KNOWN, MARK_NEW},
              {6, 1 + ETH0, WAY_KNOWN, MARK_ESTABLISHED}, {7, 1 + ETH0, WAY_KNOWN, MARK_NEW}};
    const char *const two[] = {names[0], names[1]};
    struct program *p = compiled_text(asked);
    struct world w = {0};
    (void)state;
    assert_non_null(p);
    add(&w, 0x0a000000, 8, ROUTE_VIA, two, 2);
    finish(&w);
    w.facts.host_routes4 = true;
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        const struct key key = {.src = {0x0b000001},
                                .dst = {0x0a000001},
                                .kind = KIND_IP4 | KIND_FORWARD | KIND_UDP | KIND_PORTS | KIND_PROTO,
                                .proto = 17,
                                .dst_port = of[i].port,
                                .marks = of[i].marks};
        struct pkt pkt = {.iface = IFACE_NONE, .way_why = WAY_OTHER};
        assert_int_equal(ways_settle(p, &w.facts, &key, &pkt), of[i].why == WAY_KNOWN);
        assert_int_equal(pkt.way, of[i].way);
        assert_int_equal(pkt.way_why, of[i].why);
    }
    close_world(&w);
    program_put(p);
}

/* An interface that no rule names leaves the route unknown, even if the rules have the same result for all. */
static void legs_unnamed(void **state)
{
    const struct route_way ways[] = {{.kind = ROUTE_ASK, .why = WAY_OTHER},
                                     {.kind = ROUTE_VIA, .legs = 2},
                                     {.kind = ROUTE_ASK, .why = WAY_ENCAPSULATED}};
    const struct route_leg legs[] = {{.up_to = UINT32_MAX / 2, .port = ROUTE_NO_PORT, .device = 1},
                                     {.up_to = UINT32_MAX, .port = ROUTE_NO_PORT}};
    struct program *p = compiled_text(asked);
    const struct key key = {.dst = {0x0a000001}, .kind = KIND_IP4 | KIND_FORWARD | KIND_UDP, .proto = 17};
    struct pkt pkt = {.iface = IFACE_NONE};
    (void)state;
    assert_non_null(p);
    struct world w = with_rule((struct route_rule){.family = 4, .proto = 6}, ways, legs);
    w.facts.host_routes4 = true;
    assert_false(ways_settle(p, &w.facts, &key, &pkt));
    assert_int_equal(pkt.way, 1 + ETH0);
    assert_int_equal(pkt.way_why, WAY_SEVERAL);
    close_world(&w);
    program_put(p);
}

/* Facts that the view already has stay, and facts that no rule tests aren't set. */
static void said(void **state)
{
    const struct key key = {.src = {0x0a050001}, .dst = {0x0a050002}, .kind = KIND_IP4 | KIND_FORWARD};
    struct pkt pkt = {.flags = PKT_WAY_SAID | PKT_SOURCE_SAID, .way = 7, .source = SOURCE_FAILED}, bare = {0};
    struct world w;
    (void)state;
    open_world(&w);
    assert_true(ways_settle(&asks, &w.facts, &key, &pkt));
    assert_int_equal(pkt.way, 7);
    assert_int_equal(pkt.source, SOURCE_FAILED);
    assert_true(ways_settle(&idle, &w.facts, &key, &bare));
    assert_int_equal(bare.way + bare.source, 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ways),         cmocka_unit_test(sources),
                                       cmocka_unit_test(bridges),      cmocka_unit_test(policies),
                                       cmocka_unit_test(several),      cmocka_unit_test(legs),
                                       cmocka_unit_test(legs_unnamed), cmocka_unit_test(said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
