/* The table of routes against a look at every route, at edges and at random, for both families: tables one in front of
 * the other, equal prefixes, what policy rules ask, shares of several ways, and tables that are damaged. */
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

/* Its way, or WAYS: none; by the words of routes.h. */
static uint32_t linear(const struct routes_said *said, uint8_t family, const uint32_t a[4])
{
    const struct route *best = NULL;
    bool twice = false;
    for (uint32_t i = 0; i < said->count; i++) {
        const struct route *x = &said->routes[i];
        if (x->family != family || !holds(x, a)) continue;
        const bool same = best && x->rank == best->rank && x->bits == best->bits;
        const bool better = !best || x->rank > best->rank || (x->rank == best->rank && x->bits > best->bits) ||
                            (same && x->metric < best->metric);
        if (better)
            best = x, twice = false;
        else if (same && x->metric == best->metric)
            twice = true;
    }
    return !best ? WAYS : twice && family == 6 ? 0 : best->way;
}

static const struct route_way *ways(void)
{
    static struct route_way all[WAYS];
    for (unsigned i = 1; i < WAYS; i++) all[i] = (struct route_way){.first = i, .kind = ROUTE_OWN};
    return all;
}

static struct route_leg legs[WAYS];

static void check(const struct routes *r, const struct routes_said *said, uint8_t family, const uint32_t a[4])
{
    const uint32_t nobody[4] = {0}, expected = linear(said, family, a);
    const struct route_query q = {.to = a, .from = nobody, .family = family, .in = ROUTE_NO_PORT};
    const struct route_way *way = routes_find(r, &q);
    if (expected == WAYS)
        assert_int_equal(way->kind, ROUTE_REFUSED);
    else
        assert_ptr_equal(way, &r->ways[expected]);
}

/* Both edges of the prefix, and what lies beside them. */
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
    struct route x = {.family = rng(seed) & 1 ? 4 : 6, .rank = (uint32_t)(rng(seed) % ranks)};
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
    const struct routes_said said = {
        .routes = all, .ways = ways(), .legs = legs, .count = count, .ways_count = WAYS, .legs_count = WAYS};
    struct routes *r = routes_new(&said, PORTS);
    assert_non_null(r);
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

static void rules_are_asked(void **state)
{
    (void)state;
    const struct route all = {.family = 4, .way = 1};
    const struct route_rule rule = {
        .from = {0x0a010000}, .to = {0xc0000000}, .family = 4, .from_bits = 16, .to_bits = 8, .in = 1};
    const struct routes_said said = {.routes = &all,
                                     .ways = ways(),
                                     .legs = legs,
                                     .rules = &rule,
                                     .count = 1,
                                     .ways_count = WAYS,
                                     .legs_count = WAYS,
                                     .rules_count = 1};
    struct routes *r = routes_new(&said, PORTS);
    const uint32_t from[][4] = {{0x0a01ffff}, {0x0a020000}}, to[][4] = {{0xc0ffffff}, {0xc1000000}};
    for (unsigned i = 0; i < 8; i++) {
        const struct route_query q = {to[i & 1], from[i >> 1 & 1], 4, i >> 2 & 1};
        assert_int_equal(routes_find(r, &q)->kind, i == 4 ? ROUTE_ASK : ROUTE_OWN);
    }
    const struct route_query six = {to[0], from[0], 6, 1};
    assert_int_equal(routes_find(r, &six)->kind, ROUTE_REFUSED);
    routes_put(r);
}

static void legs_have_shares(void **state)
{
    (void)state;
    const struct route_leg three[] = {
        {.up_to = 0x3fffffff, .port = 0}, {.up_to = 0x7fffffff, .port = 1}, {.up_to = UINT32_MAX, .port = 0, .mtu = 1}};
    const struct route_way via = {.kind = ROUTE_VIA, .legs = 3};
    const struct route all = {.family = 6};
    const struct routes_said said = {
        .routes = &all, .ways = &via, .legs = three, .count = 1, .ways_count = 1, .legs_count = 3};
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

/* What a file says of a table is looked at before it is searched. */
static void damaged_tables_are_refused(void **state)
{
    (void)state;
    const struct routes_size size = {.ranges4 = 2, .ranges6 = 2, .ways = 1, .legs = 1, .rules = 1};
    for (unsigned damage = 0; damage < 10; damage++) {
        struct routes *r = routes_alloc(&size);
        r->range4[0] = (struct pbc_range){1, 5}, r->range4[1] = (struct pbc_range){damage == 1 ? 5 : 6, 9};
        r->range6[0] = (struct pbc_range6){0, 1, 0, 5};
        r->range6[1] = (struct pbc_range6){1, 0, damage == 2 ? 0 : 2, 0};
        r->way4[1] = damage == 3, r->way6[0] = damage == 4;
        r->ways[0] = (struct route_way){.kind = ROUTE_VIA, .legs = damage == 5 ? 2 : 1};
        if (damage == 6) r->ways[0].kind = ROUTE_KINDS;
        r->legs[0] = (struct route_leg){.up_to = damage == 7 ? 5 : UINT32_MAX, .port = damage == 8 ? PORTS : 0};
        r->rules[0] = (struct route_rule){.family = 4, .from_bits = damage == 9 ? 33 : 32};
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

/* The route of a list that holds the address, by its device; "": none. */
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
        cmocka_unit_test(rules_are_asked),
        cmocka_unit_test(legs_have_shares),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(a_route_replaces_those_of_its_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
