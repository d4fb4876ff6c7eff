/* Taken ports, against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/forward/bind/port_map.h"

static struct port_map map;
static struct port_drawer slice;

static void fresh(unsigned worker, unsigned workers)
{
    memset(&map, 0, sizeof map);
    port_drawer_init(&slice, &(struct vm_cfg){.worker = worker, .workers = workers}, false);
}

static void a_range_is_given_out_whole(void **state)
{
    (void)state;
    static bool seen[65536];
    const struct {
        uint16_t lo, hi;
    } ranges[] = {{1, 65535}, {61000, 65535}, {1024, 1024}, {63, 64}, {64, 127}, {65535, 65535}, {0, 0}, {0, 65535}};
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        fresh(0, 1);
        memset(seen, 0, sizeof seen);
        struct rng r = {i};
        for (unsigned n = ranges[i].lo; n <= ranges[i].hi; n++) {
            const int32_t port = port_map_draw(&map, &slice, ranges[i].lo, ranges[i].hi, rng_next(&r));
            assert_in_range(port, ranges[i].lo, ranges[i].hi);
            assert_false(seen[port]);
            seen[port] = true;
        }
        assert_int_equal(port_map_draw(&map, &slice, ranges[i].lo, ranges[i].hi, rng_next(&r)), -1);
        assert_false(port_map_take(&map, &slice, ranges[i].lo));
        port_map_give(&map, &slice, ranges[i].hi);
        assert_int_equal(port_map_draw(&map, &slice, ranges[i].lo, ranges[i].hi, rng_next(&r)), ranges[i].hi);
    }
}

static void slices_share_all_ports(void **state)
{
    (void)state;
    enum { WORKERS = 5 };
    static uint8_t owners[65536];
    memset(owners, 0, sizeof owners);
    for (unsigned w = 0; w < WORKERS; w++) {
        fresh(w, WORKERS);
        int32_t port;
        while ((port = port_map_draw(&map, &slice, 1024, 65535, 0)) >= 0) {
            assert_int_equal(port_slice((uint16_t)port, WORKERS), w);
            owners[port]++;
        }
        for (uint32_t p = 1024; p < 65536; p++) assert_false(port_map_take(&map, &slice, (uint16_t)p));
    }
    for (uint32_t p = 1024; p < 65536; p++) assert_int_equal(owners[p], 1);
}

static void reserved_ones_are_left_out(void **state)
{
    (void)state;
    fresh(0, 1);
    port_map_reserve(&map, 1100, 1300);
    port_map_reserve(&map, 1024, 1024);
    assert_false(port_map_take(&map, &slice, 1100));
    assert_true(port_map_take(&map, &slice, 1301));
    unsigned given = 0;
    int32_t port;
    while ((port = port_map_draw(&map, &slice, 1024, 1400, 99)) >= 0) {
        assert_true(port != 1024 && (port < 1100 || port > 1300));
        given++;
    }
    assert_int_equal(given, 1400 - 1024 + 1 - 201 - 1 - 1);
    port_map_unreserve(&map);
    assert_true(port_map_take(&map, &slice, 1100));
    assert_false(port_map_take(&map, &slice, 1301)); /* still in use */
}

static void like_a_plain_array(void **state)
{
    (void)state;
    static bool taken[65536];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const unsigned workers = 1 + seed % 4, worker = (unsigned)(seed / 4 % workers);
        struct rng r = {seed};
        fresh(worker, workers);
        memset(taken, 0, sizeof taken);
        for (unsigned step = 0; step < 20000; step++) {
            const uint16_t lo = (uint16_t)(60000 + rng_below(&r, 2000)), hi = (uint16_t)(lo + rng_below(&r, 300));
            const uint16_t port = (uint16_t)(60000 + rng_below(&r, 2300));
            unsigned left = 0;
            switch (rng_below(&r, 4)) {
            case 0:
                assert_int_equal(port_map_take(&map, &slice, port),
                                 !taken[port] && port_slice(port, workers) == worker);
                taken[port] |= port_slice(port, workers) == worker;
                break;
            case 1:
                if (!taken[port]) break;
                port_map_give(&map, &slice, port);
                taken[port] = false;
                break;
            default:
                for (uint32_t p = lo; p <= hi; p++) left += !taken[p] && port_slice((uint16_t)p, workers) == worker;
                const int32_t got = port_map_draw(&map, &slice, lo, hi, rng_next(&r));
                assert_int_equal(got >= 0, left > 0);
                if (got < 0) break;
                assert_in_range(got, lo, hi);
                assert_false(taken[got]);
                assert_int_equal(port_slice((uint16_t)got, workers), worker);
                taken[got] = true;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_given_out_whole),
        cmocka_unit_test(slices_share_all_ports),
        cmocka_unit_test(reserved_ones_are_left_out),
        cmocka_unit_test(like_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
