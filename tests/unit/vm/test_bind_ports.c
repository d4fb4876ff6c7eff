/* Source ports: unique, exhausted exactly, slices that share nothing and leave nothing out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/forward/bind/mappings.h"
#include "vm/forward/bind/ports.h"
#include "vm/forward/bind/ports_priv.h"

enum { PORTS = 65536 };

static uint32_t ports_in_slice(const struct ports *p)
{
    uint32_t n = 0;
    for (uint32_t port = p->lo; port <= p->hi; port++) n += port_slice((uint16_t)port, p->workers) == p->worker;
    return n;
}

static void all_are_given_once(void **state)
{
    (void)state;
    const struct {
        uint16_t lo, hi;
    } ranges[] = {{61000, 65535}, {1024, 65535}, {1, 1}, {65535, 65535}, {1000, 1063}, {1, 65535}};
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct ports *p = ports_new(3, ranges[i].lo, ranges[i].hi, 0, 0, i);
        static bool seen[PORTS];
        memset(seen, 0, sizeof seen);
        const uint32_t most = (uint32_t)ranges[i].hi - ranges[i].lo + 1;
        assert_int_equal(ports_in_slice(p), most);
        for (uint32_t n = 0; n < most; n++) {
            const uint16_t port = port_take(p, 1, 0);
            assert_in_range(port, ranges[i].lo, ranges[i].hi);
            assert_false(seen[port]);
            seen[port] = true;
        }
        assert_int_equal(port_take(p, 1, 0), 0);
        assert_int_equal(p->maps[1].count, most);
        assert_int_equal(p->maps[2].count, 0); /* spaces know nothing of each other */
        port_give(p, 1, ranges[i].lo);
        assert_int_equal(port_take(p, 1, ranges[i].hi), ranges[i].lo);
        ports_free(p);
    }
}

static void a_wish_is_granted(void **state)
{
    (void)state;
    struct ports *p = ports_new(1, 2000, 2999, 0, 1, 7);
    assert_int_equal(port_take(p, 0, 2345), 2345);
    assert_int_not_equal(port_take(p, 0, 2345), 2345); /* taken */
    assert_in_range(port_take(p, 0, 80), 2000, 2999);  /* not of the range */
    port_give(p, 0, 2345);
    assert_int_equal(port_take(p, 0, 2345), 2345);
    assert_int_equal(p->maps[0].count, 3);
    ports_free(p);
}

static void slices_are_disjoint_and_whole(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 7; workers++) {
        static uint8_t owner[PORTS];
        uint32_t sum = 0;
        memset(owner, 0xff, sizeof owner);
        for (unsigned w = 0; w < workers; w++) {
            struct ports *p = ports_new(1, 1024, 65535, w, workers, 3);
            uint32_t given = 0;
            for (uint16_t port; (port = port_take(p, 0, 0)); given++) {
                assert_int_equal(owner[port], 0xff);
                owner[port] = (uint8_t)w;
            }
            assert_int_equal(given, ports_in_slice(p));
            sum += given;
            ports_free(p);
        }
        assert_int_equal(sum, 65535 - 1024 + 1);
    }
}

/* Taking and giving at random beside a plain list of bits. */
static void like_a_plain_list(void **state)
{
    (void)state;
    enum { LO = 5000, HI = 5200, SPACES = 5 };
    static bool taken[SPACES][PORTS];
    struct rng r = {11};
    struct ports *p = ports_new(SPACES, LO, HI, 0, 0, 5);
    unsigned used[SPACES] = {0};
    for (unsigned step = 0; step < 200000; step++) {
        const unsigned s = rng_below(&r, SPACES);
        const uint16_t port = (uint16_t)(LO + rng_below(&r, HI - LO + 1));
        if (taken[s][port]) {
            port_give(p, s, port);
            taken[s][port] = false;
            used[s]--;
        } else if (!rng_one_in(&r, 3)) {
            const uint16_t got = port_take(p, s, rng_one_in(&r, 2) ? port : 0);
            assert_in_range(got, LO, HI);
            assert_false(taken[s][got]);
            taken[s][got] = true;
            used[s]++;
        }
        assert_int_equal(p->maps[s].count, used[s]);
    }
    ports_free(p);
}

/* Who sees some ports does not know the next: two seeds give other orders, and no order is by number. */
static void the_order_is_the_seeds(void **state)
{
    (void)state;
    struct ports *a = ports_new(1, 1024, 65535, 0, 0, 1), *b = ports_new(1, 1024, 65535, 0, 0, 2);
    unsigned same = 0, next = 0;
    uint16_t last = 0;
    for (unsigned i = 0; i < 1000; i++) {
        const uint16_t x = port_take(a, 0, 0), y = port_take(b, 0, 0);
        same += x == y;
        next += x == last + 1;
        last = x;
    }
    assert_in_range(same, 0, 5);
    assert_in_range(next, 0, 20);
    ports_free(a);
    ports_free(b);
    ports_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_are_given_once), cmocka_unit_test(a_wish_is_granted),
                                       cmocka_unit_test(slices_are_disjoint_and_whole),
                                       cmocka_unit_test(like_a_plain_list), cmocka_unit_test(the_order_is_the_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
