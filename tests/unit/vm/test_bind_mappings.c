/* Mappings, against a plain list of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/forward/bind/mappings.h"

static const struct vm_cfg alone;

static struct map_end inside(uint32_t addr, uint16_t port, enum map_class class, bool v6)
{
    return (struct map_end){.addr = {addr, 0, 0, v6 ? addr : 0}, .port = port, .class = (uint8_t) class, .v6 = v6};
}

static const uint32_t out_a[4] = {0xcb007101}, out_b[4] = {0xcb007102};

static struct map_end outside(const struct map_end *in, const uint32_t addr[4], uint16_t port)
{
    struct map_end e = *in;
    memcpy(e.addr, addr, sizeof e.addr);
    e.port = port;
    return e;
}

static void kept_where_it_is_free(void **state)
{
    (void)state;
    struct mappings *m = mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 10, .spaces = 2, .seed = 1});
    const struct map_room wide = {.outside = out_a, .space = 0, .lo = 1024, .hi = 65535};
    const struct map_end a = inside(0x0a000001, 5000, MAP_UDP, false), b = inside(0x0a000002, 5000, MAP_UDP, false),
                         low = inside(0x0a000001, 53, MAP_UDP, false), tcp = inside(0x0a000002, 5000, MAP_TCP, false);
    const int32_t i = mapping_add(m, &a, 0, &wide), k = mapping_add(m, &b, 0, &wide),
                  l = mapping_add(m, &low, 0, &wide), t = mapping_add(m, &tcp, 0, &wide);
    assert_int_equal(mapping_at(m, i)->outside.port, 5000);
    assert_int_not_equal(mapping_at(m, k)->outside.port, 5000);
    assert_in_range(mapping_at(m, k)->outside.port, 1024, 65535);
    assert_in_range(mapping_at(m, l)->outside.port, 1024, 65535);
    assert_int_equal(mapping_at(m, t)->outside.port, 5000); /* another protocol's port */
    assert_int_equal(mapping_by_inside(m, &a, 0, out_a), i);
    assert_int_equal(mapping_by_inside(m, &a, 0, out_b), MAPPING_NONE);
    assert_int_equal(mapping_by_inside(m, &a, 1, out_a), MAPPING_NONE); /* another VLAN's host */
    const struct map_end o = outside(&a, out_a, 5000), other = outside(&tcp, out_a, 5000);
    assert_int_equal(mapping_by_outside(m, &o), i);
    assert_int_equal(mapping_by_outside(m, &other), t);
    assert_int_equal(mappings_counters(m)->kept, 2);
    mappings_free(m);
    mappings_free(NULL);
}

/* RFC 4787, REQ-3 a: system ports stay among system ports, others above, as long as there are any. */
static void halves_of_the_range(void **state)
{
    (void)state;
    struct mappings *m = mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 70000, .spaces = 1, .seed = 2});
    const struct map_room all = {.outside = out_a, .space = 0, .lo = 1, .hi = 65535};
    for (uint32_t i = 0; i < 1023; i++) {
        const struct map_end e = inside(i, 53, MAP_UDP, false);
        assert_in_range(mapping_at(m, mapping_add(m, &e, 0, &all))->outside.port, 1, 1023);
    }
    const struct map_end more = inside(5000, 53, MAP_UDP, false);
    assert_in_range(mapping_at(m, mapping_add(m, &more, 0, &all))->outside.port, 1024, 65535);
    for (uint32_t i = 0; i < 64511; i++) {
        const struct map_end e = inside(i, 5353, MAP_TCP, false);
        assert_in_range(mapping_at(m, mapping_add(m, &e, 0, &all))->outside.port, 1024, 65535);
    }
    mappings_free(m);
}

/* A single host can't take all ports, except of a narrow range. */
static void share_of_one_host(void **state)
{
    (void)state;
    struct mappings *m = mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 70000, .spaces = 1, .seed = 4});
    const struct map_room room = {.outside = out_a, .space = 0, .lo = 61000, .hi = 65535};
    const struct map_room narrow = {.outside = out_a, .space = 0, .lo = 2000, .hi = 2009};
    for (uint16_t i = 0; i < 3969; i++) {
        const struct map_end e = inside(1, (uint16_t)(1024 + i), MAP_TCP, false);
        assert_int_not_equal(mapping_add(m, &e, 0, &room), MAPPING_NONE);
    }
    const struct map_end more = inside(1, 9, MAP_TCP, false), other = inside(2, 9, MAP_TCP, false),
                         udp = inside(1, 9, MAP_UDP, false);
    assert_int_equal(mapping_add(m, &more, 0, &room), MAPPING_NONE);
    assert_int_equal(mappings_counters(m)->greedy, 1);
    assert_int_not_equal(mapping_add(m, &other, 0, &room), MAPPING_NONE);
    assert_int_not_equal(mapping_add(m, &udp, 0, &room), MAPPING_NONE);
    mapping_drop(m, 0);
    assert_int_not_equal(mapping_add(m, &more, 0, &room), MAPPING_NONE);
    for (uint16_t i = 0; i < 10; i++) {
        const struct map_end e = inside(3, (uint16_t)(1024 + i), MAP_TCP, false);
        assert_int_not_equal(mapping_add(m, &e, 0, &narrow), MAPPING_NONE);
    }
    mappings_free(m);
}

static void the_last_user_frees_it(void **state)
{
    (void)state;
    struct mappings *m = mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 4, .spaces = 1, .seed = 3});
    const struct map_room one = {.outside = out_a, .space = 0, .lo = 7, .hi = 7};
    const struct map_end a = inside(1, 9, MAP_TCP, true), b = inside(2, 9, MAP_TCP, true);
    const int32_t i = mapping_add(m, &a, 5, &one);
    const struct map_end o = mapping_at(m, i)->outside;
    assert_int_equal(o.port, 7);
    assert_int_equal(mapping_add(m, &b, 5, &one), MAPPING_NONE);
    assert_int_equal(mappings_counters(m)->exhausted, 1);
    mapping_hold(m, i);
    mapping_drop(m, i);
    assert_int_equal(mapping_by_outside(m, &o), i);
    mapping_drop(m, i);
    assert_int_equal(mapping_by_outside(m, &o), MAPPING_NONE);
    assert_int_equal(mapping_by_inside(m, &a, 5, out_a), MAPPING_NONE);
    assert_true(mapping_add(m, &b, 5, &one) != MAPPING_NONE);
    assert_int_equal(mappings_counters(m)->live, 1);
    assert_int_equal(mappings_counters(m)->most, 1);
    assert_int_equal(mappings_counters(m)->added, 2);
    mappings_free(m);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct mappings *m = mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 3, .spaces = 1, .seed = 4});
    const struct map_room wide = {.outside = out_a, .space = 0, .lo = 1, .hi = 65535};
    int32_t i = MAPPING_NONE;
    for (uint32_t n = 0; n < 5; n++) {
        const struct map_end e = inside(n, 77, MAP_ICMP, false);
        const int32_t got = mapping_add(m, &e, 0, &wide);
        assert_int_equal(got == MAPPING_NONE, n >= 3);
        if (got != MAPPING_NONE) i = got;
    }
    assert_int_equal(mappings_counters(m)->full, 2);
    mapping_drop(m, i);
    const struct map_end e = inside(9, 77, MAP_ICMP, false);
    assert_int_equal(mapping_add(m, &e, 0, &wide), i);
    mappings_free(m);
}

/* A peer that knows some of a host's ports can't predict the next: of many draws no two seeds agree, and they
 * spread. */
static void ports_are_drawn(void **state)
{
    (void)state;
    unsigned equal = 0, upper = 0, followers = 0, last = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint16_t port[2];
        for (unsigned twin = 0; twin < 2; twin++) {
            struct mappings *m =
                mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 2, .spaces = 1, .seed = 2 * seed + twin});
            const struct map_room room = {.outside = out_a, .space = 0, .lo = 32768, .hi = 65535};
            const struct map_end e = inside(1, 1024, MAP_UDP, false);
            port[twin] = mapping_at(m, mapping_add(m, &e, 0, &room))->outside.port;
            mappings_free(m);
        }
        equal += port[0] == port[1];
        upper += port[0] >= 49152;
        followers += port[0] == last + 1;
        last = port[0];
    }
    assert_true(equal <= 2 && followers <= 2);
    assert_in_range(upper, 70, 130);
}

/* ---- against a list ---- */

enum { MODEL = 300, SPACES = 2 };
struct model {
    struct map_end in, out;
    uint16_t stack;
    unsigned users, space;
};

static unsigned find(const struct model *all, const struct map_end *in, uint16_t stack, unsigned space)
{
    for (unsigned i = 0; i < MODEL; i++)
        if (all[i].users && all[i].stack == stack && all[i].space == space && memcmp(&all[i].in, in, sizeof *in) == 0)
            return i;
    return MODEL;
}

/* Check that exactly the model's mappings exist, and that none overlap. */
static void compare_all(struct mappings *m, const struct model *all)
{
    unsigned live = 0;
    for (unsigned i = 0; i < MODEL; i++) {
        if (!all[i].users) continue;
        live++;
        const int32_t at = mapping_by_outside(m, &all[i].out);
        assert_int_not_equal(at, MAPPING_NONE);
        assert_memory_equal(&mapping_at(m, at)->inside, &all[i].in, sizeof all[i].in);
        assert_int_equal(mapping_at(m, at)->users, all[i].users);
        assert_int_equal(mapping_by_inside(m, &all[i].in, all[i].stack, all[i].out.addr), at);
        for (unsigned k = 0; k < i; k++)
            assert_true(!all[k].users || memcmp(&all[k].out, &all[i].out, sizeof all[i].out) != 0);
    }
    assert_int_equal(mappings_counters(m)->live, live);
}

static void step_add(struct mappings *m, struct model *all, struct rng *r)
{
    const struct map_end in =
        inside(rng_below(r, 30), (uint16_t)(100 + rng_below(r, 20)), (enum map_class)rng_below(r, MAP_CLASSES), false);
    const uint16_t stack = (uint16_t)rng_below(r, 2);
    const unsigned space = rng_below(r, SPACES), found = find(all, &in, stack, space);
    const uint32_t *addr = space ? out_b : out_a;
    const int32_t at = mapping_by_inside(m, &in, stack, addr);
    assert_int_equal(at == MAPPING_NONE, found == MODEL);
    if (at != MAPPING_NONE) {
        mapping_hold(m, at);
        all[found].users++;
        return;
    }
    unsigned used = 0, rows = 0, taken = 0, slot = MODEL;
    const struct map_room room = {.outside = addr, .space = (uint16_t)space, .lo = 100, .hi = 139};
    for (unsigned i = 0; i < MODEL; i++) {
        rows += all[i].users > 0;
        used += all[i].users && all[i].space == space && all[i].in.class == in.class;
        taken += all[i].users && all[i].space == space && all[i].in.class == in.class && all[i].out.port == in.port;
        if (!all[i].users) slot = i;
    }
    const int32_t got = mapping_add(m, &in, stack, &room);
    assert_int_equal(got != MAPPING_NONE, rows < MODEL - 100 && used < 40);
    if (got == MAPPING_NONE) return;
    const struct mapping *one = mapping_at(m, got);
    assert_in_range(one->outside.port, room.lo, room.hi);
    if (!taken) assert_int_equal(one->outside.port, in.port);
    all[slot] = (struct model){
        .in = in, .out = outside(&in, addr, one->outside.port), .stack = stack, .users = 1, .space = space};
}

static void like_a_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        static struct model all[MODEL];
        memset(all, 0, sizeof all);
        struct rng r = {seed};
        struct mappings *m =
            mappings_new(&(struct mappings_cfg){.vm = &alone, .most = MODEL - 100, .spaces = SPACES, .seed = seed});
        for (unsigned step = 0; step < 4000; step++) {
            const unsigned i = rng_below(&r, MODEL);
            const unsigned up = step / 500 % 2 ? 4 : 2; /* grows, then shrinks */
            if (!rng_one_in(&r, up)) {
                step_add(m, all, &r);
            } else if (all[i].users) {
                mapping_drop(m, mapping_by_outside(m, &all[i].out));
                all[i].users--;
            }
            if (step % 100 == 0) compare_all(m, all);
        }
        compare_all(m, all);
        const struct mapping_counters *c = mappings_counters(m);
        assert_true(c->exhausted > 0 && c->kept > 0 && c->kept < c->added);
        mappings_free(m);
    }
}

/* Ports of an evicted flow go to nobody else while others are left, until its time has passed; its own inside end
 * finds them. */
static void evicted_rests(void **state)
{
    (void)state;
    struct mappings *m = mappings_new(&(struct mappings_cfg){.vm = &alone, .most = 4, .spaces = 1, .seed = 3});
    const struct map_room two = {.outside = out_a, .space = 0, .lo = 7, .hi = 8};
    const struct map_end a = inside(1, 7, MAP_TCP, false), b = inside(2, 7, MAP_TCP, false),
                         c = inside(3, 7, MAP_TCP, false), d = inside(4, 7, MAP_TCP, false);
    const int32_t i = mapping_add(m, &a, 0, &two);
    mapping_leave(m, i, 10, 100);
    assert_int_equal(mapping_by_inside(m, &a, 0, out_a), i);
    assert_int_equal(mapping_at(m, mapping_add(m, &b, 0, &two))->outside.port, 8);
    mappings_at(m, 99);
    assert_int_equal(mapping_by_inside(m, &a, 0, out_a), i);
    mapping_hold(m, i); /* a late packet: its new flow ends before the evicted one would have */
    mapping_leave(m, i, 20, 0);
    assert_int_equal(mapping_by_inside(m, &a, 0, out_a), i);
    mappings_at(m, 100);
    assert_int_equal(mapping_by_inside(m, &a, 0, out_a), MAPPING_NONE);
    const int32_t k = mapping_add(m, &c, 0, &two);
    mapping_leave(m, k, 100, 200);
    assert_int_not_equal(mapping_add(m, &d, 0, &two), MAPPING_NONE); /* no other port is left, so it no longer rests */
    assert_int_equal(mapping_by_inside(m, &c, 0, out_a), MAPPING_NONE);
    assert_int_equal(mapping_add(m, &a, 0, &two), MAPPING_NONE);
    assert_int_equal(mappings_counters(m)->exhausted, 1);
    mappings_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_where_it_is_free),  cmocka_unit_test(halves_of_the_range),
        cmocka_unit_test(the_last_user_frees_it), cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(share_of_one_host),      cmocka_unit_test(ports_are_drawn),
        cmocka_unit_test(like_a_plain_list),      cmocka_unit_test(evicted_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
