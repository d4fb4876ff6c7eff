/* Owners known from earlier packets: found as they were added or not at all, and forgotten with their facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "runtime/worker/owned/known.h"
#include "tests/lib/rng.h"

enum { ENDS = 24000, TURNS = 200000, WORKERS = 16 };

/* Make ends of which each single part distinguishes some. */
static struct known ends_of(uint32_t n)
{
    return (struct known){.addresses = UINT64_C(0x0a0000010a000000) + n / 64,
                          .ports = 0x10000u * (n / 4 % 16) + 53,
                          .iface = (uint16_t)(n / 2 % 2),
                          .udp = n % 2};
}

static void an_owner_is_found_as_it_was_added_or_not_at_all(void **state)
{
    (void)state;
    static struct known_owners k;
    static int added[ENDS]; /* 1 + the owner; 0: none */
    struct rng r = {3};
    unsigned found = 0;
    known_by(&k, NULL, 1);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        const uint32_t n = rng_below(&r, ENDS);
        const struct known ends = ends_of(n);
        const int owner = known_find(&k, &ends);
        if (owner >= 0) assert_int_equal(owner + 1, added[n]);
        found += owner >= 0;
        if (owner >= 0) continue;
        added[n] = 1 + (int)rng_below(&r, WORKERS);
        known_add(&k, &ends, (unsigned)added[n] - 1);
        assert_int_equal(known_find(&k, &ends) + 1, added[n]);
    }
    assert_true(found > TURNS / 4 && found < TURNS); /* both happen */
    known_by(&k, NULL, 1);
    assert_true(known_find(&k, &(struct known){.addresses = 1}) < 0);
    known_by(&k, NULL, 2);
    for (uint32_t n = 0; n < ENDS; n++) {
        const struct known ends = ends_of(n);
        assert_true(known_find(&k, &ends) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_owner_is_found_as_it_was_added_or_not_at_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
