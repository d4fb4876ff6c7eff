/* Moments as people write them: a day and a time, or a time of some day, before or after another moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/when.h"

#define SECOND UINT64_C(1000000000)
#define DAY    (86400 * SECOND)
#define NOON   (20000 * DAY + 12 * 3600 * SECOND) /* 2024-10-04 */

static uint64_t ns_of(const char *text)
{
    struct when w;
    assert_true(when_read(text, &w));
    return when_until(&w, NOON);
}

static void a_day_and_a_time(void **state)
{
    (void)state;
    assert_int_equal(ns_of("2024-10-04T12:00:00Z"), NOON);
    assert_int_equal(ns_of("2024-10-04 12:00"), NOON);
    assert_int_equal(ns_of("2024-10-05T00:00:00.25"), 20001 * DAY + SECOND / 4);
    assert_int_equal(ns_of("2024-10-05"), 20001 * DAY);
    assert_int_equal(ns_of("1970-01-01 00:00:00.000000001"), 1);
    assert_int_equal(ns_of("2554-07-21"), 213503 * DAY);
}

static void a_time_of_some_day(void **state)
{
    struct when w;
    (void)state;
    assert_int_equal(ns_of("12:00"), NOON);
    assert_int_equal(ns_of("11:59:30.5"), NOON - 29 * SECOND - SECOND / 2);
    assert_int_equal(ns_of("12:01"), NOON - DAY + 60 * SECOND);
    assert_true(when_read("12:00", &w));
    assert_int_equal(when_from(&w, NOON), NOON);
    assert_int_equal(when_from(&w, NOON + 1), NOON + DAY);
    assert_int_equal(when_from(&w, NOON - 1), NOON);
}

static void what_is_none(void **state)
{
    static const char *const none[] = {
        "",         "12",         "24:00",       "12:60",     "12:00x",     "12:00:00.5s", "12.30",
        "12:00 ZZ", "2024-13-01", "2024-10-04T", "yesterday", "1969-12-31", "2554-07-22",  "9999-01-01"};
    (void)state;
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
        struct when w;
        assert_false(when_read(none[i], &w));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_day_and_a_time), cmocka_unit_test(a_time_of_some_day),
                                       cmocka_unit_test(what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
