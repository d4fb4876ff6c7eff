/* Clients of services: flow counts and kept servers, against plain lists; and connection counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/forward/bind/affinity.h"
#include "vm/forward/bind/affinity_priv.h"
#include "vm/forward/bind/conns.h"

static struct client_key key_of(uint32_t service, uint32_t addr, bool v6)
{
    return (struct client_key){.addr = {addr}, .service = service, .v6 = v6};
}

static void services_and_families_are_apart(void **state)
{
    (void)state;
    struct clients *c = clients_new(100, 1);
    const struct client_key a = key_of(0, 7, false), b = key_of(1, 7, false), v6 = key_of(0, 7, true);
    assert_int_equal(client_server(c, &a, 0, 10), PBC_NONE);
    assert_true(client_add(c, &a, 3));
    assert_true(client_add(c, &a, 4));
    assert_true(client_add(c, &b, 5));
    assert_int_equal(client_flows(c, &a), 2);
    assert_int_equal(client_flows(c, &b), 1);
    assert_int_equal(client_flows(c, &v6), 0);
    assert_int_equal(client_server(c, &a, 0, 10), 4); /* its last flow's */
    assert_int_equal(client_server(c, &b, 0, 10), 5);
    assert_int_equal(client_server(c, &v6, 0, 10), PBC_NONE);
    clients_free(c);
    clients_free(NULL);
}

static void a_server_is_kept_for_a_time_after_the_last_flow(void **state)
{
    (void)state;
    struct clients *c = clients_new(100, 1);
    const struct client_key a = key_of(0, 7, false);
    client_add(c, &a, 3);
    client_add(c, &a, 3);
    client_drop(c, &a, 100, true);
    assert_int_equal(client_server(c, &a, 1000000, 10), 3); /* as long as it has a flow */
    client_drop(c, &a, 200, true);
    assert_int_equal(client_server(c, &a, 209, 10), 3);
    assert_int_equal(client_server(c, &a, 210, 10), PBC_NONE);
    client_drop(c, &a, 300, true); /* one without flows */
    client_add(c, &a, 5);
    client_add(c, &a, 5);
    client_drop(c, &a, 390, true);
    client_drop(c, &a, 380, true); /* not seen since: the other one ended last */
    assert_int_equal(client_server(c, &a, 399, 10), 5);
    assert_int_equal(client_server(c, &a, 400, 10), PBC_NONE);
    assert_int_equal(client_flows(c, &a), 0);
    client_add(c, &a, 4);
    client_drop(c, &a, 400, false);
    assert_int_equal(client_server(c, &a, 400, 10), PBC_NONE);
    assert_int_equal(c->counters.known, 0);
    clients_free(c);
}

/* A full table: clients without flows are evicted, those with flows never. */
static void the_longest_unused_makes_way(void **state)
{
    (void)state;
    enum { MANY = 4000 };
    struct clients *c = clients_new(16, 9); /* two groups of sixteen */
    const struct client_key busy = key_of(0, 1, false), young = key_of(0, 2, false);
    client_add(c, &busy, 1);
    for (uint32_t i = 10; i < MANY; i++) {
        const struct client_key k = key_of(0, i, false);
        assert_true(client_add(c, &k, 2));
        client_drop(c, &k, i, true);
    }
    client_add(c, &young, 3);
    client_drop(c, &young, MANY, true);
    assert_int_equal(client_flows(c, &busy), 1);
    assert_int_equal(client_server(c, &young, MANY, 1), 3);
    const struct client_key old = key_of(0, 10, false);
    assert_int_equal(client_server(c, &old, 10, UINT64_MAX), PBC_NONE);
    assert_in_range(c->counters.evicted, MANY - 100, MANY);
    unsigned room = 0;
    for (uint32_t i = MANY; i < 2 * MANY; i++) {
        const struct client_key k = key_of(0, i, false);
        room += client_add(c, &k, 2);
    }
    assert_int_equal(room, 31); /* with busy, all have flows now */
    assert_int_equal(c->counters.full, MANY - 31);
    clients_free(c);
}

static void like_plain_counts(void **state)
{
    (void)state;
    enum { CLIENTS = 200 };
    unsigned flows[CLIENTS] = {0}, server[CLIENTS];
    struct rng r = {3};
    struct clients *c = clients_new(1000, 4);
    for (unsigned step = 0; step < 100000; step++) {
        const unsigned i = rng_below(&r, CLIENTS);
        const struct client_key k = key_of(i % 3, i, i % 2);
        if (flows[i] && rng_one_in(&r, 2)) {
            client_drop(c, &k, step, rng_one_in(&r, 2));
            flows[i]--;
        } else {
            server[i] = rng_below(&r, 10);
            assert_true(client_add(c, &k, server[i]));
            flows[i]++;
        }
        assert_int_equal(client_flows(c, &k), flows[i]);
        if (flows[i]) assert_int_equal(client_server(c, &k, step, 0), server[i]);
    }
    clients_free(c);
}

static void connections_are_counted_by_server_and_service(void **state)
{
    (void)state;
    const struct program p = {.servers_count = 3, .services_count = 2};
    struct conns c;
    assert_true(conns_init(&c, &p, &(struct share){0}));
    conns_add(&c, 0, 2);
    conns_add(&c, 1, 2);
    conns_add(&c, 1, 0);
    conns_drop(&c, 0, 2);
    assert_int_equal(c.servers[0], 1);
    assert_int_equal(c.servers[2], 1);
    assert_int_equal(c.services[0], 0);
    assert_int_equal(c.services[1], 2);
    conns_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_and_families_are_apart),
        cmocka_unit_test(a_server_is_kept_for_a_time_after_the_last_flow),
        cmocka_unit_test(the_longest_unused_makes_way),
        cmocka_unit_test(like_plain_counts),
        cmocka_unit_test(connections_are_counted_by_server_and_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
