/* Prefixes made from ranges: for each address the longest prefix has its range's value, and there are no more
 * prefixes than routes would need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel/maps/cover.h"
#include "tests/lib/rng.h"

enum { RANGES = 40, PREFIXES = 8192 };
static const cover_number all = ~(cover_number)0;

static struct prefix {
    cover_number first;
    unsigned bits;
    uint32_t value;
} prefixes[PREFIXES];
static size_t count;

static void take(void *arg, cover_number first, unsigned bits, uint32_t value)
{
    (void)arg;
    assert_in_range(count, 0, PREFIXES - 1);
    assert_in_range(bits, 0, 128);
    const struct prefix *last = count ? &prefixes[count - 1] : NULL;
    assert_true(!last || last->first < first || (last->first == first && last->bits < bits)); /* in order */
    prefixes[count++] = (struct prefix){first, bits, value};
}

static bool holds(const struct prefix *p, cover_number addr)
{
    return !p->bits || (addr ^ p->first) >> (128 - p->bits) == 0;
}

static uint32_t longest(cover_number addr)
{
    const struct prefix *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (holds(&prefixes[i], addr) && (!found || prefixes[i].bits > found->bits)) found = &prefixes[i];
    assert_non_null(found);
    return found->value;
}

static void check(const struct cover_range *r, size_t n)
{
    count = 0;
    cover(r, n, take, NULL);
    assert_int_equal(prefixes[0].bits, 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(longest(r[i].lo), r[i].value);
        assert_int_equal(longest(r[i].hi), r[i].value);
        assert_int_equal(longest(r[i].lo + (r[i].hi - r[i].lo) / 3), r[i].value);
    }
}

static cover_number four(uint32_t addr) { return (cover_number)addr << 96; }
static cover_number up_to(uint32_t addr) { return four(addr) | (all >> 32); }

static void as_many_as_routes(void **state)
{
    (void)state;
    const struct cover_range one[] = {{0, all, 7}};
    check(one, 1);
    assert_int_equal(count, 1);
    /* A default route, 10.0.0.0/8, and inside it 10.0.0.0/16, 10.5.0.0/16 and 10.255.0.0/16. */
    const struct cover_range nested[] = {{0, up_to(0x09ffffff), 1},
                                         {four(0x0a000000), up_to(0x0a00ffff), 3},
                                         {four(0x0a010000), up_to(0x0a04ffff), 2},
                                         {four(0x0a050000), up_to(0x0a05ffff), 4},
                                         {four(0x0a060000), up_to(0x0afeffff), 2},
                                         {four(0x0aff0000), up_to(0x0affffff), 3},
                                         {four(0x0b000000), all, 1}};
    check(nested, 7);
    assert_int_equal(count, 5);
    /* A host at each end of the address space. */
    const struct cover_range ends[] = {{0, 0, 1}, {1, all - 1, 2}, {all, all, 1}};
    check(ends, 3);
    assert_int_equal(count, 3);
}

static void whatever_ranges(void **state)
{
    (void)state;
    struct rng rng = {.state = 4};
    for (unsigned turn = 0; turn < 300; turn++) {
        struct cover_range r[RANGES];
        size_t n = 0;
        const unsigned low = rng_below(&rng, 100), most = 1 + rng_below(&rng, RANGES);
        r[n++] = (struct cover_range){0, all, rng_below(&rng, 3)};
        while (n < most && r[n - 1].lo < all >> 1) { /* each begins after the one before */
            const cover_number step = ((cover_number)rng_below(&rng, 64) + 1) << (low + rng_below(&rng, 20));
            if (step > all - r[n - 1].lo) break;
            const uint32_t value = (r[n - 1].value + 1 + rng_below(&rng, 3)) % 5;
            r[n - 1].hi = r[n - 1].lo + step - 1;
            r[n] = (struct cover_range){r[n - 1].lo + step, all, value};
            n++;
        }
        check(r, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_routes),
        cmocka_unit_test(whatever_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
