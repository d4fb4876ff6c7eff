/* Which outside address and port a binding gets, and what happens if none is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/vm/world.h"
#include "vm/forward/bind/outside.h"
#include "vm/program/remap.h"

#define RULES                                                                                                          \
    "pool p { source 10.9.0.0-10.9.0.255 ports 2000-2001; server a 10.0.0.11; server six 2001:db8::11 }\n"             \
    "pool q { source 10.9.1.1 ports 2000-2007; server b 10.0.0.12 }\n"                                                 \
    "service t on 203.0.113.2 tcp/80 { mode passthrough; -> q }\n"                                                     \
    "service s on 203.0.113.1, 2001:db8::1 tcp/80 { mode passthrough; -> p }\n"                                        \
    "firewall f default accept { }\n"

enum { ADDRESSES = 256, PORTS = 2, TRIES_MOST = 16 };

static unsigned asked;

static bool free_always(void *arg, const struct flow_bind *b)
{
    (void)arg;
    (void)b;
    asked++;
    return true;
}

static bool free_never(void *arg, const struct flow_bind *b)
{
    free_always(arg, b);
    return false;
}

static bool free_is(void *arg, const struct flow_bind *b) { return b->to_src_port == *(const uint16_t *)arg; }

static void all_are_given_once(void **state)
{
    (void)state;
    static bool taken[ADDRESSES][PORTS];
    const struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS};
    struct program *p = world_compile(RULES);
    struct outside *o = outside_new(p, &(struct vm_cfg){.seed = 5});
    struct flow_bind last = {0};
    assert_non_null(o);
    for (unsigned i = 0; i < ADDRESSES * PORTS; i++) {
        struct flow_bind b = {.server = 0};
        assert_true(outside_take(o, NULL, &key, (uint64_t)i << 55, &b, free_always, NULL));
        bool *one = &taken[b.to_src[0] - 0x0a090000][b.to_src_port - 2000];
        assert_false(*one);
        *one = true;
        last = b;
    }
    struct flow_bind none = {.server = 0};
    asked = 0;
    assert_false(outside_take(o, NULL, &key, 1ull << 63, &none, free_always, NULL));
    assert_in_range(asked, 1, TRIES_MOST);
    assert_int_equal(outside_used(o), ADDRESSES * PORTS);
    outside_give(o, &last);
    assert_true(outside_take(o, NULL, &key, 0, &none, free_always, NULL));
    assert_memory_equal(none.to_src, last.to_src, sizeof none.to_src);
    assert_int_equal(none.to_src_port, last.to_src_port);
    outside_free(o);
    program_put(p);
}

/* A port that isn't taken may still be another flow's: then it isn't given, whatever was tried before. */
static void what_is_not_free_is_not_given(void **state)
{
    (void)state;
    const struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS};
    uint16_t only = 2005;
    struct program *p = world_compile(RULES);
    struct outside *o = outside_new(p, &(struct vm_cfg){.seed = 5});
    struct flow_bind b = {.server = 2};
    assert_true(outside_take(o, NULL, &key, 0, &b, free_is, &only));
    assert_int_equal(b.to_src_port, only);
    for (unsigned i = 0; i < 50; i++)
        assert_false(outside_take(o, NULL, &key, 0, &(struct flow_bind){.server = 2}, free_is, &only));
    assert_int_equal(outside_used(o), 1);
    outside_free(o);
    program_put(p);
}

/* The other family has this machine's address, and separate ports. */
static void the_other_family(void **state)
{
    (void)state;
    const struct key key = {.kind = KIND_IP6 | KIND_UDP | KIND_PORTS};
    const struct facts facts = {.addr6 = {1, 2, 3, 4}};
    uint32_t addr[4];
    struct program *p = world_compile(RULES);
    struct outside *o = outside_new(p, &(struct vm_cfg){.seed = 5});
    struct flow_bind b = {.server = 1};
    assert_false(outside_take(o, NULL, &key, 0, &b, free_always, NULL)); /* which isn't known */
    assert_false(outside_address(o, NULL, 1, addr));
    assert_true(outside_take(o, &facts, &key, 0, &b, free_always, NULL));
    assert_memory_equal(b.to_src, facts.addr6, sizeof b.to_src);
    assert_in_range(b.to_src_port, PBC_OWN_PORT_LO, UINT16_MAX);
    assert_true(outside_address(o, &facts, 1, addr));
    assert_memory_equal(addr, facts.addr6, sizeof addr);
    const struct facts_iface ways[] = {{0}, {.addr6 = {5, 6, 7, 8}}};
    const uint16_t out[] = {0, 1, 0};
    const struct facts there = {.addr6 = {1, 2, 3, 4}, .ifaces = ways, .ifaces_count = 2, .server_out = out};
    assert_true(outside_address(o, &there, 1, addr)); /* of the route to the server */
    assert_memory_equal(addr, ways[1].addr6, sizeof addr);
    assert_false(outside_take(o, &facts, &key, 0, &(struct flow_bind){.server = 1}, free_never, NULL));
    assert_int_equal(outside_used(o), 1);
    outside_give(o, &b);
    assert_int_equal(outside_used(o), 0);
    outside_free(o);
    program_put(p);
}

#define WEIGHED(weight)                                                                                                \
    "pool p { source 10.9.0.1; server a 10.0.0.11 weight " weight "; server b 10.0.0.12 }\n"                           \
    "service s on 203.0.113.1 tcp/80 { mode passthrough; -> p }\n"                                                     \
    "firewall f default accept { }\n"

enum { BEFORE = 300 };
struct given {
    uint16_t ports[BEFORE];
    unsigned count;
};

static bool free_but_given(void *arg, const struct flow_bind *b)
{
    const struct given *g = arg;
    for (unsigned i = 0; i < g->count; i++)
        if (g->ports[i] == b->to_src_port) return false;
    return true;
}

/* Another program, in which a pool's ports start again: old flows keep their ports, and new ones find others. */
static void after_a_reload_others_are_drawn(void **state)
{
    (void)state;
    const struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS};
    struct program *p = world_compile(WEIGHED("1")), *q = world_compile(WEIGHED("3"));
    struct outside *before = outside_new(p, &(struct vm_cfg){.seed = 5});
    struct given g = {.count = 0};
    for (unsigned i = 0; i < BEFORE; i++) {
        struct flow_bind b = {.server = 0};
        assert_true(outside_take(before, NULL, &key, 0, &b, free_always, NULL));
        g.ports[g.count++] = b.to_src_port;
    }
    struct remap *r = remap_new(p, q, NULL, 0, NULL, 0);
    struct outside *after = outside_new(r->program, &(struct vm_cfg){.seed = 5});
    assert_int_equal(r->pool_out[0], PBC_NONE);
    outside_keep(after, before, r);
    for (unsigned i = 0; i < BEFORE; i++)
        assert_true(outside_take(after, NULL, &key, 0, &(struct flow_bind){.server = 0}, free_but_given, &g));
    outside_free(before);
    outside_free(after);
    remap_free(r);
    program_put(p);
    program_put(q);
}

/* A port of an evicted flow goes to nobody while others are left, until its time has passed. */
static void evicted_rests(void **state)
{
    (void)state;
    const struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS};
    struct program *p = world_compile(RULES);
    struct outside *o = outside_new(p, &(struct vm_cfg){.seed = 5});
    struct flow_bind first = {.server = 2}, b = {.server = 2};
    assert_true(outside_take(o, NULL, &key, 0, &first, free_always, NULL));
    outside_leave(o, &first, 10, 100);
    for (unsigned i = 0; i < 7; i++) {
        assert_true(outside_take(o, NULL, &key, 0, &b, free_always, NULL));
        assert_int_not_equal(b.to_src_port, first.to_src_port);
    }
    outside_give(o, &b);
    const uint16_t given = b.to_src_port;
    outside_at(o, 99);
    assert_int_equal(outside_used(o), 6);
    assert_true(outside_take(o, NULL, &key, 0, &b, free_always, NULL));
    assert_int_equal(b.to_src_port, given);
    outside_at(o, 100);
    assert_int_equal(outside_used(o), 7);
    assert_true(outside_take(o, NULL, &key, 0, &b, free_always, NULL));
    assert_int_equal(b.to_src_port, first.to_src_port);
    outside_leave(o, &b, 100, 200); /* all others are taken, so it no longer rests */
    assert_true(outside_take(o, NULL, &key, 0, &b, free_always, NULL));
    assert_int_equal(b.to_src_port, first.to_src_port);
    outside_leave(o, &b, 100, 0);
    assert_int_equal(outside_used(o), 7);
    outside_free(o);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evicted_rests),      cmocka_unit_test(after_a_reload_others_are_drawn),
        cmocka_unit_test(all_are_given_once), cmocka_unit_test(what_is_not_free_is_not_given),
        cmocka_unit_test(the_other_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
