/* Flows counted by source, against plain counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/flow/sources.h"

static void families_are_apart(void **state)
{
    (void)state;
    struct sources *s = sources_new(100, 1);
    const uint32_t addr[4] = {0x0a000001, 0, 0, 0}, low[4] = {0x0a000001, 0, 0, 1};
    assert_int_equal(source_flows(s, addr, false), 0);
    assert_true(source_add(s, addr, false));
    assert_true(source_add(s, addr, false));
    assert_true(source_add(s, addr, true));
    assert_int_equal(source_flows(s, addr, false), 2);
    assert_int_equal(source_flows(s, addr, true), 1);
    assert_int_equal(source_flows(s, low, true), 0);
    source_drop(s, addr, false);
    assert_int_equal(source_flows(s, addr, false), 1);
    source_drop(s, addr, false);
    source_drop(s, addr, false); /* a source without any */
    assert_int_equal(source_flows(s, addr, false), 0);
    assert_int_equal(source_flows(s, addr, true), 1);
    sources_free(s);
    sources_free(NULL);
}

/* Every word of an address counts. */
static void addresses_are_apart(void **state)
{
    (void)state;
    struct sources *s = sources_new(1000, 2);
    uint32_t addr[4] = {1, 2, 3, 4};
    source_add(s, addr, true);
    for (unsigned bit = 0; bit < 128; bit++) {
        addr[bit / 32] ^= 1u << bit % 32;
        assert_int_equal(source_flows(s, addr, true), 0);
        source_add(s, addr, true);
        assert_int_equal(source_flows(s, addr, true), 1);
        addr[bit / 32] ^= 1u << bit % 32;
    }
    assert_int_equal(source_flows(s, addr, true), 1);
    sources_free(s);
}

/* Small tables run full: a source without room is counted nowhere. */
static void counts_as_a_plain_list(void **state)
{
    (void)state;
    enum { ADDRS = 400 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sources *s = sources_new(seed % 2 ? 16 : 100, seed);
        struct rng r = {seed};
        unsigned refs[ADDRS] = {0}, refused = 0;
        for (unsigned step = 0; step < 20000; step++) {
            const unsigned i = rng_below(&r, ADDRS);
            const bool v6 = i % 3 == 0;
            const uint32_t addr[4] = {0xc0000000 + i, v6 ? i % 7 : 0, 0, v6 ? i : 0};
            if (rng_one_in(&r, 2)) {
                const bool room = source_add(s, addr, v6);
                assert_true(room || refs[i] == 0);
                refs[i] += room;
                refused += !room;
            } else if (refs[i]) {
                source_drop(s, addr, v6);
                refs[i]--;
            }
            assert_int_equal(source_flows(s, addr, v6), refs[i]);
        }
        assert_true(refused > 0);
        sources_free(s);
    }
}

/* As many addresses as the flow table has slots find room, drawn or consecutive. */
static void as_many_as_flows(void **state)
{
    (void)state;
    const uint64_t flows = 200000;
    for (unsigned run = 0; run < 2; run++) {
        struct rng r = {run};
        struct sources *s = sources_new(flows, run);
        for (uint32_t i = 0; i < flows * 3 / 2; i++) {
            const uint32_t addr[4] = {run ? (uint32_t)rng_next(&r) : i, i, 0, 0};
            assert_true(source_add(s, addr, true));
        }
        sources_free(s);
    }
}

static void sizes(void **state)
{
    (void)state;
    const uint32_t addr[4] = {1};
    assert_null(sources_new(UINT64_MAX, 1));
    for (uint64_t flows = 0; flows < 40; flows++) {
        struct sources *s = sources_new(flows, 1);
        assert_true(source_add(s, addr, false));
        sources_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(addresses_are_apart),
        cmocka_unit_test(counts_as_a_plain_list),
        cmocka_unit_test(as_many_as_flows),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
