/* Rings of waits: each is due at its time, in order, and none is lost except for lack of room. */
#include "tests/unit/vm/packet.h"

#include "tests/lib/rng.h"
#include "vm/forward/cookie/waits.h"

static struct waits waits;
static const uint64_t second = 1000000000;

static int setup(void **state)
{
    (void)state;
    memset(&waits, 0, sizeof waits);
    return 0;
}

static void test_due(void **state)
{
    (void)state;
    struct wait w;
    unsigned time;
    assert_true(waits_next(&waits) == UINT64_MAX);
    assert_false(waits_take(&waits, UINT64_MAX, &time, &w));
    assert_true(waits_add(&waits, 2, 7, 70, 0));
    assert_true(waits_add(&waits, 0, 8, 80, second));
    assert_true(waits_add(&waits, 1, 9, 90, second));
    assert_true(waits_next(&waits) == 2 * second);
    assert_false(waits_take(&waits, 2 * second - 1, &time, &w));
    static const struct {
        uint64_t at;
        unsigned time;
        int32_t slot;
        uint32_t cookie;
    } rows[] = {{2, 0, 8, 80}, {3, 1, 9, 90}, {4, 2, 7, 70}};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(waits_next(&waits) == rows[i].at * second);
        assert_true(waits_take(&waits, rows[i].at * second, &time, &w));
        assert_int_equal(time, rows[i].time);
        assert_int_equal(w.slot, rows[i].slot);
        assert_int_equal(w.cookie, rows[i].cookie);
        assert_false(waits_take(&waits, rows[i].at * second, &time, &w));
    }
}

static void test_room(void **state)
{
    (void)state;
    struct wait w;
    unsigned time;
    for (unsigned i = 0; i < WAIT_MOST; i++) assert_true(waits_add(&waits, 0, (int32_t)i, i, i));
    assert_false(waits_add(&waits, 0, 1, 1, WAIT_MOST));
    assert_true(waits_add(&waits, 1, 1, 1, WAIT_MOST));
    for (unsigned i = 0; i < WAIT_MOST; i++) {
        assert_true(waits_take(&waits, second + i, &time, &w));
        assert_int_equal(w.cookie, i);
    }
    assert_false(waits_take(&waits, second + WAIT_MOST, &time, &w));
}

/* As many come out as went in, in any order, each at its time or later and sorted. */
static void test_any(void **state)
{
    (void)state;
    struct rng r = {.state = 5};
    static const uint64_t delays[WAIT_TIMES] = {1, 2, 4};
    uint64_t now = 0, last[WAIT_TIMES] = {0};
    unsigned in = 0, out = 0, time;
    for (unsigned i = 0; i < 200000; i++) {
        struct wait w;
        now += rng_below(&r, 1000000);
        const unsigned some = rng_below(&r, WAIT_TIMES);
        if (rng_one_in(&r, 2)) in += waits_add(&waits, some, (int32_t)i, (uint32_t)some, now);
        while (waits_take(&waits, now, &time, &w)) {
            assert_int_equal(w.cookie, time);
            assert_true(w.due_ns <= now && w.due_ns >= last[time] && w.due_ns >= delays[time] * second);
            last[time] = w.due_ns;
            out++;
        }
        assert_true(waits_next(&waits) > now);
    }
    struct wait w;
    while (waits_take(&waits, UINT64_MAX, &time, &w)) out++;
    assert_int_equal(in, out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_due, setup),
        cmocka_unit_test_setup(test_room, setup),
        cmocka_unit_test_setup(test_any, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
