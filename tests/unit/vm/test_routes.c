/* The table of routes against a look at every route, at edges and at random, for both families: tables in front of
 * each other, equal prefixes, conditions of policy rules, shares of several routes, and damaged tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/judge/routes.h"

enum { PORTS = 2, WAYS = 40 };

static uint64_t rng(uint64_t *state) /* xorshift64, Marsaglia 2003 */
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static bool holds(const struct route *x, const uint32_t a[4])
{
    for (unsigned i = 0; i < x->bits; i++)
        if ((x->to[i / 32] ^ a[i / 32]) >> (31 - i % 32) & 1) return false;
    return true;
}

/* Return an address's route, or WAYS: none; by the text of routes.h. */
static uint32_t linear(const struct routes_said *said, uint8_t family, const uint32_t a[4])
{
    const struct route *best = NULL;
    bool twice = false;
    for (uint32_t i = 0; i < said->count; i++) {
        const struct route *x = &said->routes[i];
        if (x->family != family || !holds(x, a)) continue;
        const bool same = best && x->table == best->table && x->bits == best->bits;
        const bool better = !best || x->table < best->table || (x->table == best->table && x->bits > best->bits) ||
                            (same && x->metric < best->metric);
        if (better)
            best = x, twice = false;
        else if (same && x->metric == best->metric && !x->way != !best->way)
            twice = true; /* two routes by the same interfaces are equivalent */
    }
    return !best ? WAYS : twice && family == 6 ? 0 : best->way;
}

static const struct route_way *ways(void)
{
    static struct route_way all[WAYS];
    all[0].why = WAY_OTHER;
    for (unsigned i = 1; i < WAYS; i++) all[i] = (struct route_way){.first = i, .kind = ROUTE_OWN};
    return all;
}

static struct route_leg legs[WAYS];

static void check(const struct routes *r, const struct routes_said *said, uint8_t family, const uint32_t a[4])
{
    const uint32_t nobody[4] = {0}, expected = linear(said, family, a);
    const struct route_query q = {.to = a, .from = nobody, .family = family, .in = ROUTE_IN_NONE};
    const struct route_way *way = routes_find(r, &q);
    if (expected == WAYS)
        assert_int_equal(way->kind, ROUTE_REFUSED);
    else
        assert_ptr_equal(way, &r->ways[expected]);
}

/* Check both edges of the prefix, and their neighbours. */
static void check_edges(const struct routes *r, const struct routes_said *said, const struct route *x)
{
    const unsigned all = x->family == 4 ? 32 : 128, words = all / 32;
    for (unsigned edge = 0; edge < 4; edge++) {
        uint32_t a[4];
        memcpy(a, x->to, sizeof a);
        for (unsigned i = x->bits; i < all; i++) {
            a[i / 32] &= ~(1u << (31 - i % 32));
            if (edge & 1) a[i / 32] |= 1u << (31 - i % 32);
        }
        if (edge & 2) a[words - 1] += edge & 1 ? 1u : UINT32_MAX;
        check(r, said, x->family, a);
    }
}

static struct route draw(uint64_t *seed, unsigned ranks)
{
    struct route x = {.family = rng(seed) & 1 ? 4 : 6, .table = (uint32_t)(rng(seed) % ranks)};
    x.metric = (uint32_t)(rng(seed) % 3);
    x.way = (uint32_t)(rng(seed) % WAYS);
    x.bits = (uint8_t)(rng(seed) % (x.family == 4 ? 33 : 129));
    for (unsigned i = 0; i < (x.family == 4 ? 1 : 4); i++)
        x.to[i] = (uint32_t)rng(seed) & (i ? UINT32_MAX : 0xe0f00003);
    return x;
}

static void compare_all(uint32_t count, unsigned ranks, uint64_t seed)
{
    struct route *all = calloc(count + 1, sizeof *all);
    for (uint32_t i = 0; i < count; i++) all[i] = draw(&seed, ranks);
    struct route_policy rules[2 * 4];
    for (unsigned i = 0; i < 2 * ranks; i++)
        rules[i] = (struct route_policy){.rule = {.family = i % 2 ? 4 : 6}, .table = i / 2, .suppressed = -1};
    const struct routes_said said = {.routes = all,
                                     .ways = ways(),
                                     .legs = legs,
                                     .rules = rules,
                                     .count = count,
                                     .ways_count = WAYS,
                                     .legs_count = WAYS,
                                     .rules_count = 2 * ranks};
    struct routes *r = routes_new(&said, PORTS);
    assert_non_null(r);
    assert_int_equal(r->size.views, 1);
    for (uint32_t i = 0; i < count && i < 300; i++) check_edges(r, &said, &all[i]);
    for (unsigned i = 0; i < 500; i++) {
        const struct route x = draw(&seed, 1);
        check(r, &said, x.family, x.to);
    }
    routes_put(r);
    free(all);
}

static void prefixes_are_found(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 40; count++) compare_all(count, 1 + count % 4, count + 1);
    compare_all(300, 3, 77);
    compare_all(9000, 2, 78); /* with a table over the ranges */
}

/* Numbers of the routes that a rule's table may have. */
enum { MAIN = 1, OTHER_TABLE, SPECIFIC };

static const struct route_way *ask(const struct routes *r, uint32_t to, uint32_t from, const struct key *key,
                                   uint16_t in)
{
    const uint32_t dst[4] = {to}, src[4] = {from};
    return routes_find(r, &(struct route_query){.to = dst, .from = src, .key = key, .in = in, .family = 4});
}

/* Make a table of one rule before that of table 254: 0/0 MAIN; and in table 9, 192/4 OTHER_TABLE and 192.1/16 SPECIFIC,
 * which 192.2/16 passes. */
static struct routes *with_rules(const struct route_policy *rules, uint32_t count)
{
    static struct route_way all_ways[WAYS];
    static const struct route routes[] = {{.family = 4, .table = 254, .way = MAIN},
                                          {.to = {0xc0000000}, .family = 4, .bits = 4, .table = 9, .way = OTHER_TABLE},
                                          {.to = {0xc0010000}, .family = 4, .bits = 16, .table = 9, .way = SPECIFIC},
                                          {.to = {0xc0020000}, .family = 4, .bits = 16, .table = 9, .way = 4}};
    struct route_policy all[8];
    memcpy(all_ways, ways(), sizeof all_ways);
    all_ways[4].kind = ROUTE_THROW;
    memcpy(all, rules, count * sizeof *all);
    all[count] = (struct route_policy){.rule = {.family = 4}, .table = 254, .suppressed = -1, .priority = 32766};
    const struct routes_said said = {.routes = routes,
                                     .ways = all_ways,
                                     .legs = legs,
                                     .rules = all,
                                     .count = 4,
                                     .ways_count = WAYS,
                                     .legs_count = WAYS,
                                     .rules_count = count + 1};
    struct routes *r = routes_new(&said, PORTS);
    assert_non_null(r);
    return r;
}

static void rules_choose_tables(void **state)
{
    (void)state;
    const struct route_policy rule = {
        .rule = {.from = {0x0a010000}, .family = 4, .from_bits = 16, .asks = ROUTE_ASKS_ARRIVAL, .port = 1},
        .table = 9,
        .suppressed = -1};
    struct routes *r = with_rules(&rule, 1);
    assert_ptr_equal(ask(r, 0xc0ffffff, 0x0a01ffff, NULL, 1), &r->ways[OTHER_TABLE]);
    assert_ptr_equal(ask(r, 0xc001ffff, 0x0a01ffff, NULL, 1), &r->ways[SPECIFIC]);
    assert_ptr_equal(ask(r, 0xc002ffff, 0x0a01ffff, NULL, 1), &r->ways[MAIN]); /* passed on */
    assert_ptr_equal(ask(r, 0x01000000, 0x0a01ffff, NULL, 1), &r->ways[MAIN]); /* no route there */
    assert_ptr_equal(ask(r, 0xc0ffffff, 0x0a02ffff, NULL, 1), &r->ways[MAIN]);
    assert_ptr_equal(ask(r, 0xc0ffffff, 0x0a01ffff, NULL, 0), &r->ways[MAIN]);
    assert_ptr_equal(ask(r, 0xc0ffffff, 0x0a01ffff, NULL, ROUTE_IN_NONE), &r->ways[MAIN]);
    assert_int_equal(ask(r, 0xc0ffffff, 0x0a01ffff, NULL, ROUTE_IN_UNKNOWN)->why, WAY_ARRIVAL);
    assert_ptr_equal(ask(r, 0x01000000, 0x0a01ffff, NULL, ROUTE_IN_UNKNOWN), &r->ways[MAIN]);
    const uint32_t nobody[4] = {0};
    const struct route_query six = {.to = nobody, .from = nobody, .family = 6, .in = 1};
    assert_int_equal(routes_find(r, &six)->kind, ROUTE_REFUSED);
    routes_put(r);
}

static void rules_ask_for_fields(void **state)
{
    (void)state;
    const struct key tcp = {.kind = KIND_IP4 | KIND_TCP | KIND_PROTO | KIND_PORTS | KIND_FRAG_NO,
                            .src_port = 7,
                            .dst_port = 80,
                            .proto = 6,
                            .dscp = 0x2e},
                     later = {.kind = KIND_IP4 | KIND_TCP | KIND_PROTO | KIND_FRAG_LATER, .proto = 6};
    struct route_policy rule = {.rule = {.family = 4, .proto = 6, .dst_ports = {80, 81}}, .table = 9, .suppressed = -1};
    for (unsigned i = 0; i < 8; i++) {
        struct route_policy x = rule;
        if (i == 1) x.rule.dst_ports[0] = x.rule.dst_ports[1] = 81;
        if (i == 2) x.rule.src_ports[0] = x.rule.src_ports[1] = 7;
        if (i == 3) x.rule.proto = 17;
        if (i == 4) x.rule.asks = ROUTE_ASKS_NOT;
        if (i == 5) x.rule.tos = 0xb8;
        if (i == 6) x.rule.tos = 0x18; /* some kernels use only a part of the field */
        if (i == 7) x.rule.asks = ROUTE_ASKS_MARK | ROUTE_ASKS_NO_MARK;
        struct routes *r = with_rules(&x, 1);
        const struct route_way *way = ask(r, 0xc0ffffff, 1, &tcp, 0);
        if (i == 6)
            assert_int_equal(way->why, WAY_OTHER);
        else
            assert_ptr_equal(way, &r->ways[i == 1 || i == 3 || i == 4 ? MAIN : OTHER_TABLE]);
        if (i == 0) assert_ptr_equal(ask(r, 0xc0ffffff, 1, &later, 0), &r->ways[MAIN]);
        routes_put(r);
    }
}

static void rules_go_on(void **state)
{
    (void)state;
    const struct route_policy rules[] = {
        {.rule = {.family = 4, .to = {0xc0010000}, .to_bits = 16, .does = ROUTE_GOES_TO}, .priority = 1, .target = 3},
        {.rule = {.family = 4, .to = {0xc0000000}, .to_bits = 4, .does = ROUTE_REFUSES}, .priority = 2},
        {.rule = {.family = 4, .does = ROUTE_GOES_TO}, .priority = 2, .target = 99}, /* it doesn't exist */
        {.rule = {.family = 4}, .priority = 3, .table = 9, .suppressed = 8},
    };
    struct routes *r = with_rules(rules, 4);
    assert_ptr_equal(ask(r, 0xc0010001, 1, NULL, 0), &r->ways[SPECIFIC]);
    assert_int_equal(ask(r, 0xc0030001, 1, NULL, 0)->kind, ROUTE_REFUSED);
    assert_ptr_equal(ask(r, 0xd0000001, 1, NULL, 0), &r->ways[MAIN]);
    routes_put(r);
    r = with_rules(rules + 3, 1); /* 4 bits don't exceed 8 */
    assert_ptr_equal(ask(r, 0xc0030001, 1, NULL, 0), &r->ways[MAIN]);
    assert_ptr_equal(ask(r, 0xc0010001, 1, NULL, 0), &r->ways[SPECIFIC]);
    assert_int_equal(r->size.rules4, 0);
    routes_put(r);
}

/* A route is known if it is the same with and without a mark: rules for one mark match together. */
static void marks_may_change_nothing(void **state)
{
    (void)state;
    enum { MARK = 0x80000, MASK = 0xff0000 };
    struct route_policy rules[] = {
        {.rule = {.family = 4, .asks = ROUTE_ASKS_MARK}, .mark = MARK, .mask = MASK, .table = 254, .suppressed = -1},
        {.rule = {.family = 4, .asks = ROUTE_ASKS_MARK, .does = ROUTE_REFUSES}, .mark = MARK | 1, .mask = MASK},
        {.rule = {.family = 4}, .table = 9, .suppressed = -1}};
    const uint32_t src[4] = {1};
    for (unsigned i = 0; i < 4; i++) {
        if (i == 1) rules[1].mark = 1 << 16; /* another mark */
        if (i == 2) rules[1].rule.asks |= ROUTE_ASKS_NOT, rules[1].mark = MARK;
        if (i == 3) rules[1] = rules[0], rules[1].mark = 1 << 16;
        struct routes *r = with_rules(rules, 3);
        const uint32_t past[4] = {0x01000000}, there[4] = {0xc0ffffff};
        const struct route_query q = {.to = past, .from = src, .family = 4, .marked = true};
        const struct route_query in_table = {.to = there, .from = src, .family = 4, .marked = true};
        const bool known = i == 0 || i == 3;
        if (known)
            assert_ptr_equal(routes_find(r, &q), &r->ways[MAIN]);
        else
            assert_int_equal(routes_find(r, &q)->why, WAY_MARK);
        assert_int_equal(routes_find(r, &in_table)->why, WAY_MARK); /* table 9, or the main one */
        routes_put(r);
    }
}

/* Only the interface counts for rules: a mark that may choose another next hop on it changes nothing. */
static void next_hops_may_differ(void **state)
{
    (void)state;
    const struct route_leg by[] = {{.up_to = UINT32_MAX, .device = 1, .family = 4, .gateway = {1}},
                                   {.up_to = UINT32_MAX, .device = 1, .family = 4, .gateway = {2}},
                                   {.up_to = UINT32_MAX, .device = 2, .family = 4, .gateway = {3}}};
    const struct route_way each[] = {{.first = 0, .legs = 1, .kind = ROUTE_VIA},
                                     {.first = 1, .legs = 1, .kind = ROUTE_VIA},
                                     {.first = 2, .legs = 1, .kind = ROUTE_VIA}};
    const struct route_device devices[] = {{.name = "one"}, {.name = "two"}};
    const uint32_t to[4] = {7}, from[4] = {8};
    for (uint32_t other = 1; other < 3; other++) {
        const struct route routes[] = {{.family = 4, .table = 254, .way = 0}, {.family = 4, .table = 9, .way = other}};
        const struct route_policy rules[] = {
            {.rule = {.family = 4, .asks = ROUTE_ASKS_MARK}, .mark = 1, .mask = 1, .table = 9, .suppressed = -1},
            {.rule = {.family = 4}, .table = 254, .suppressed = -1, .priority = 32766}};
        const struct routes_said said = {.routes = routes,
                                         .ways = each,
                                         .legs = by,
                                         .rules = rules,
                                         .devices = devices,
                                         .count = 2,
                                         .ways_count = 3,
                                         .legs_count = 3,
                                         .rules_count = 2,
                                         .devices_count = 2};
        struct routes *r = routes_new(&said, PORTS);
        struct route_query q = {.to = to, .from = from, .family = 4, .marked = true};
        assert_int_equal(routes_find(r, &q)->why, WAY_MARK);
        q.iface = true;
        assert_int_equal(routes_find(r, &q)->kind, other == 1 ? ROUTE_VIA : ROUTE_ASK);
        routes_put(r);
    }
}

/* More rules than a table holds: no route is known. */
static void too_many_rules(void **state)
{
    (void)state;
    struct route_policy rules[ROUTE_RULES_MOST + 1];
    for (unsigned i = 0; i < ROUTE_RULES_MOST + 1; i++)
        rules[i] = (struct route_policy){.rule = {.family = 4, .from = {i}, .from_bits = 32, .does = ROUTE_REFUSES},
                                         .suppressed = -1};
    struct routes_said said = {.rules = rules, .rules_count = ROUTE_RULES_MOST};
    struct routes *r = routes_new(&said, PORTS);
    assert_int_equal(ask(r, 1, 3, NULL, 0)->kind, ROUTE_REFUSED);
    routes_put(r);
    said.rules_count++;
    r = routes_new(&said, PORTS);
    assert_int_equal(ask(r, 1, 3, NULL, 0)->why, WAY_TOO_MANY);
    routes_put(r);
}

/* All packets of both families look up table 0. */
static const struct route_policy of_all[] = {{.rule = {.family = 4}, .suppressed = -1},
                                             {.rule = {.family = 6}, .suppressed = -1}};

/* As in Linux, rules of the other family don't apply: without a rule of its own a packet goes nowhere. */
static void no_rules(void **state)
{
    (void)state;
    const struct route_leg leg = {.up_to = UINT32_MAX};
    const struct route_way via = {.kind = ROUTE_VIA, .legs = 1};
    const struct route all[] = {{.family = 4}, {.family = 6}};
    for (unsigned i = 0; i < 3; i++) {
        struct routes *r = routes_new(&(struct routes_said){.routes = all,
                                                            .ways = &via,
                                                            .legs = &leg,
                                                            .rules = &of_all[i == 2],
                                                            .count = 2,
                                                            .ways_count = 1,
                                                            .legs_count = 1,
                                                            .rules_count = i > 0},
                                      PORTS);
        assert_non_null(r);
        assert_int_equal(ask(r, 0x0a000001, 3, NULL, 0)->kind, i == 1 ? ROUTE_VIA : ROUTE_REFUSED);
        routes_put(r);
    }
}

static void legs_have_shares(void **state)
{
    (void)state;
    const struct route_leg three[] = {
        {.up_to = 0x3fffffff, .port = 0}, {.up_to = 0x7fffffff, .port = 1}, {.up_to = UINT32_MAX, .port = 0, .mtu = 1}};
    const struct route_way via = {.kind = ROUTE_VIA, .legs = 3};
    const struct route all = {.family = 6};
    const struct routes_said said = {.routes = &all,
                                     .ways = &via,
                                     .legs = three,
                                     .rules = of_all,
                                     .count = 1,
                                     .ways_count = 1,
                                     .legs_count = 3,
                                     .rules_count = 2};
    struct routes *r = routes_new(&said, PORTS);
    assert_ptr_equal(routes_leg(r, r->ways, 0, ROUTE_NO_PORT), &r->legs[0]);
    assert_ptr_equal(routes_leg(r, r->ways, 0x3fffffff, ROUTE_NO_PORT), &r->legs[0]);
    assert_ptr_equal(routes_leg(r, r->ways, 0x40000000, ROUTE_NO_PORT), &r->legs[1]);
    assert_ptr_equal(routes_leg(r, r->ways, UINT32_MAX, ROUTE_NO_PORT), &r->legs[2]);
    assert_ptr_equal(routes_leg(r, r->ways, 0x40000000, 0), &r->legs[2]);
    assert_ptr_equal(routes_leg(r, r->ways, UINT32_MAX, 1), &r->legs[1]);
    assert_null(routes_leg(r, r->ways, 0, 5));
    routes_put(r);
}

/* True if the table may hide routes. It has one route, and if `twice`, another with the same prefix and metric, which
 * IPv6 can't distinguish. */
static bool may_hide(struct route route, bool twice, const struct route_leg leg[2])
{
    const struct route_way vias[] = {{.kind = ROUTE_ASK, .why = WAY_OTHER},
                                     {.kind = ROUTE_VIA, .legs = 2},
                                     {.kind = ROUTE_VIA, .first = 1, .legs = 1}};
    struct route both[] = {route, route};
    both[0].way = 1, both[1].way = 2;
    static const struct route_device devices[] = {{.name = "one"}, {.name = "two"}};
    const struct routes_said said = {.routes = both,
                                     .ways = vias,
                                     .legs = leg,
                                     .devices = devices,
                                     .rules = of_all,
                                     .count = 1u + twice,
                                     .ways_count = 3,
                                     .legs_count = 2,
                                     .devices_count = 2,
                                     .rules_count = 2};
    struct routes *r = routes_new(&said, PORTS);
    assert_non_null(r);
    const bool may = routes_may_hide(r);
    routes_put(r);
    return may;
}

/* Routes that nobody takes, those of one device, and those between hosts of a link hide nothing. */
static void few_tables_hide_ways(void **state)
{
    (void)state;
    const struct route_leg same[] = {{.up_to = 1, .device = 1}, {.up_to = UINT32_MAX, .device = 1}};
    const struct route_leg differ[] = {{.up_to = 1, .device = 1}, {.up_to = UINT32_MAX, .device = 2}};
    const struct route_leg unknown[] = {{.up_to = 1}, {.up_to = UINT32_MAX}};
    const struct route four = {.family = 4}, link = {.family = 6, .to = {0xfe800000}, .bits = 64};
    const struct route six = {.family = 6, .to = {0x20010db8}, .bits = 32};
    const struct route group = {.family = 6, .to = {0xff000000}, .bits = 8};
    assert_true(routes_may_hide(NULL));
    assert_false(may_hide(four, false, same));
    assert_true(may_hide(four, false, differ));
    assert_true(may_hide(four, false, unknown));
    assert_true(may_hide(six, false, differ));
    assert_true(may_hide(six, true, same));
    assert_false(may_hide(link, true, same));
    assert_false(may_hide(group, true, differ));
    struct route_policy marked = {.rule = {.family = 4, .asks = ROUTE_ASKS_MARK}, .table = 9, .suppressed = -1};
    for (unsigned i = 0; i < 2; i++) {
        struct routes *r = with_rules(&marked, 1);
        assert_int_equal(routes_may_hide(r), !i);
        routes_put(r);
        marked.rule.asks = 0;
    }
}

/* A file's table is checked before it is searched. */
static void damaged_tables_are_refused(void **state)
{
    (void)state;
    const struct routes_size size = {.ranges4 = 2, .ranges6 = 2, .ways = 1, .legs = 1, .rules4 = 1, .views = 2};
    for (unsigned damage = 0; damage < 14; damage++) {
        struct routes *r = routes_alloc(&size);
        r->range4[0] = (struct pbc_range){1, 5}, r->range4[1] = (struct pbc_range){damage == 1 ? 5 : 6, 9};
        r->range6[0] = (struct pbc_range6){0, 1, 0, 5};
        r->range6[1] = (struct pbc_range6){1, 0, damage == 2 ? 0 : 2, 0};
        r->way4[1] = damage == 3, r->way6[0] = damage == 4;
        r->ways[0] = (struct route_way){.kind = ROUTE_VIA, .legs = damage == 5 ? 2 : 1};
        if (damage == 6) r->ways[0].kind = ROUTE_KINDS;
        r->legs[0] = (struct route_leg){.up_to = damage == 7 ? 5 : UINT32_MAX, .port = damage == 8 ? PORTS : 0};
        r->rules[0] = (struct route_rule){.family = 4, .from_bits = damage == 9 ? 33 : 32, .view = damage != 10};
        r->rules[0].device = damage == 11;
        r->views[0] = (struct route_view){0, damage == 12 ? 1 : 2, 0, 2};
        r->views[1] = (struct route_view){damage == 13 ? 1 : 2, 0, 2, 0};
        assert_int_equal(routes_close(r, PORTS), damage ? -EINVAL : 0);
        routes_put(r);
    }
    assert_null(routes_alloc(&(struct routes_size){.ranges6 = UINT32_MAX}));
}

static int put(struct route_list *l, uint32_t to, const char *device, bool set)
{
    struct route_hop hop = {.weight = 1};
    snprintf(hop.device, sizeof hop.device, "%s", device);
    const struct route_entry e = {
        .route = {.to = {to}, .family = 4, .bits = 32}, .kind = ROUTE_VIA, .hops = 1, .hop = &hop};
    return set ? route_list_set(l, &e) : route_list_add(l, &e);
}

/* Return the device of the list's route for the address; "": none. */
static const char *device_to(const struct route_list *l, uint32_t to)
{
    const char *device = "";
    for (uint32_t i = 0; i < l->count; i++)
        if (l->routes[i].to[0] == to) device = l->devices[l->legs[l->ways[l->routes[i].way].first].device - 1].name;
    return device;
}

static void a_route_replaces_those_of_its_prefix(void **state)
{
    (void)state;
    struct route_list l = {0};
    char name[16];
    assert_int_equal(put(&l, 1, "eth0", false), 0);
    assert_int_equal(put(&l, 1, "eth1", false), 0);
    assert_int_equal(put(&l, 2, "eth0", false), 0);
    assert_int_equal(put(&l, 1, "eth2", true), 0);
    assert_int_equal(l.count, 2);
    assert_string_equal(device_to(&l, 1), "eth2");
    assert_string_equal(device_to(&l, 2), "eth0");
    while (l.devices_count < ROUTE_DEVICES_MOST) {
        snprintf(name, sizeof name, "d%u", l.devices_count);
        assert_int_equal(put(&l, 3, name, true), 0);
    }
    assert_int_equal(l.count, 3);
    assert_int_equal(put(&l, 1, "another", true), -ENOSPC); /* and the old one stays */
    assert_int_equal(l.count, 3);
    assert_string_equal(device_to(&l, 1), "eth2");
    while (l.count < ROUTE_LIST_MOST) assert_int_equal(put(&l, l.count + 1, "eth0", false), 0);
    assert_int_equal(put(&l, 0, "eth0", false), -ENOSPC);
    assert_int_equal(put(&l, 0, "eth0", true), -ENOSPC);
    assert_int_equal(put(&l, 1, "eth1", true), 0);
    assert_int_equal(l.count, ROUTE_LIST_MOST);
    assert_string_equal(device_to(&l, 1), "eth1");
    assert_string_equal(device_to(&l, ROUTE_LIST_MOST), "eth0");
    route_list_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_found),
        cmocka_unit_test(rules_choose_tables),
        cmocka_unit_test(rules_ask_for_fields),
        cmocka_unit_test(rules_go_on),
        cmocka_unit_test(marks_may_change_nothing),
        cmocka_unit_test(next_hops_may_differ),
        cmocka_unit_test(too_many_rules),
        cmocka_unit_test(no_rules),
        cmocka_unit_test(legs_have_shares),
        cmocka_unit_test(few_tables_hide_ways),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(a_route_replaces_those_of_its_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
