/* Address set algebra against a plain membership table over a small universe, and at both ends of each family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/resolve/sets/sets.h"

enum { UNIVERSE = 64 };
#define TOP6 ((~(u128)0) - (UNIVERSE - 1))

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Numbers 0..63 are at the very top of each family, so that its end is always covered. */
static uint32_t at4(unsigned i) { return UINT32_MAX - (UNIVERSE - 1) + i; }
static u128 at6(unsigned i) { return TOP6 + i; }

static uint64_t random_set(struct addr_set *s)
{
    uint64_t bits = 0;
    const unsigned n = draw(6);

    for (unsigned i = 0; i < n; i++) {
        const unsigned lo = draw(UNIVERSE), hi = lo + draw(UNIVERSE - lo);

        set_add4(s, at4(lo), at4(hi));
        set_add6(s, at6(lo), at6(hi));
        for (unsigned k = lo; k <= hi; k++) bits |= (uint64_t)1 << k;
    }
    set_normalise(s);
    return bits;
}

static void assert_set(const struct addr_set *s, uint64_t bits)
{
    uint64_t got4 = 0, got6 = 0;

    for (size_t i = 0; i < s->v4.n; i++) {
        assert_true(s->v4.r[i].lo <= s->v4.r[i].hi);
        assert_true(i == 0 || s->v4.r[i].lo > s->v4.r[i - 1].hi + 1);
        for (uint32_t k = s->v4.r[i].lo - at4(0); k <= s->v4.r[i].hi - at4(0); k++) got4 |= (uint64_t)1 << k;
    }
    for (size_t i = 0; i < s->v6.n; i++) {
        assert_true(i == 0 || s->v6.r[i].lo > s->v6.r[i - 1].hi + 1);
        for (u128 k = s->v6.r[i].lo - at6(0); k <= s->v6.r[i].hi - at6(0); k++) got6 |= (uint64_t)1 << (unsigned)k;
    }
    assert_true(got4 == bits);
    assert_true(got6 == bits);
}

static void algebra_agrees_with_bits(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct addr_set a = {0}, b = {0}, all = {0}, both = {0}, left = {0};
        const uint64_t x = random_set(&a), y = random_set(&b);

        assert_set(&a, x);
        set_union(&all, &a, &b);
        set_and(&both, &a, &b);
        set_except(&left, &a, &b);
        assert_set(&all, x | y);
        assert_set(&both, x & y);
        assert_set(&left, x & ~y);
        assert_true(set_overlaps(&a, &b) == ((x & y) != 0));
        assert_true(set_is_empty(&left) == ((x & ~y) == 0));
        set_fini(&a);
        set_fini(&b);
        set_fini(&all);
        set_fini(&both);
        set_fini(&left);
    }
}

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct addr){.family = 4, .bytes = {a, b, c, d}};
}

static void holds_ranges_wholly(void **state)
{
    struct addr_set s = {0};
    const struct addr lo = v4(10, 0, 0, 0), hi = v4(10, 0, 0, 255), next = v4(10, 0, 1, 0);

    (void)state;
    set_add(&s, &lo, &hi);
    set_normalise(&s);
    assert_true(set_holds(&s, &lo, &hi));
    assert_false(set_holds(&s, &hi, &next));
    assert_false(set_holds(&s, &next, &next));
    set_fini(&s);
}

static void normalise_counts_members_inside_others(void **state)
{
    struct addr_set s = {0};

    (void)state;
    set_add4(&s, 10, 20);
    set_add4(&s, 12, 13);
    set_add4(&s, 20, 20);
    set_add4(&s, 21, 30); /* touches, is not inside */
    set_add4(&s, 10, 20); /* equal */
    assert_int_equal(set_normalise(&s), 3);
    assert_int_equal(s.v4.n, 1);
    assert_int_equal(s.v4.r[0].hi, 30);
    set_fini(&s);
}

static void all_is_all(void **state)
{
    struct addr_set all = {0}, one = {0}, rest = {0}, again = {0};

    (void)state;
    set_add_all(&all);
    set_normalise(&all);
    set_add4(&one, 5, 5);
    set_add6(&one, 7, 7);
    assert_true(set_is_all(&all));
    set_except(&rest, &all, &one);
    assert_false(set_is_all(&rest));
    assert_int_equal(set_size(&rest), 4);
    set_union(&again, &rest, &one);
    assert_true(set_is_all(&again));
    assert_int_equal(set_size(&again), 2);
    set_fini(&all);
    set_fini(&one);
    set_fini(&rest);
    set_fini(&again);
}

static void prefixes_end_where_they_should(void **state)
{
    struct addr a = v4(10, 1, 2, 3), lo, hi;

    (void)state;
    assert_true(prefix_ends(&a, 32, &lo, &hi));
    assert_int_equal(addr_v4(&lo), addr_v4(&hi));
    assert_false(prefix_ends(&a, 31, &lo, &hi));
    assert_int_equal(addr_v4(&lo), 0x0a010202);
    assert_int_equal(addr_v4(&hi), 0x0a010203);
    assert_false(prefix_ends(&a, 9, &lo, &hi));
    assert_int_equal(addr_v4(&lo), 0x0a000000);
    assert_int_equal(addr_v4(&hi), 0x0a7fffff);
    assert_false(prefix_ends(&a, 0, &lo, &hi));
    assert_int_equal(addr_v4(&hi), UINT32_MAX);
    struct addr six = {.family = 6, .bytes = {0x20, 0x01}};
    assert_true(prefix_ends(&six, 16, &lo, &hi));
    assert_true(addr_v6(&hi) - addr_v6(&lo) == ((u128)1 << 112) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(algebra_agrees_with_bits),
        cmocka_unit_test(holds_ranges_wholly),
        cmocka_unit_test(normalise_counts_members_inside_others),
        cmocka_unit_test(all_is_all),
        cmocka_unit_test(prefixes_end_where_they_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
