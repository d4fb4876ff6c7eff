/* Schedules: spans of days and hours, over midnight, in zones, over changes of daylight saving time; and nothing
 * changes before the reported time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "runtime/schedule/schedule.h"
#include "tests/lib/rng.h"

enum { MON = 1, TUE = 2, WED = 4, THU = 8, FRI = 16, SAT = 32, SUN = 64, WORK = 31, ALL = 127 };

static const uint64_t second = 1000000000;

static const char strings[] = "\0Europe/Paris\0Asia/Kathmandu\0Europe/Pariss\0America/New_York";
enum { PARIS = 1, KATHMANDU = 14, PARISS = 29, NEW_YORK = 43 };

static struct program program_of(const struct pbc_schedule *s, uint32_t count, const struct pbc_span *spans,
                                 uint32_t span_count)
{
    return (struct program){.strings = strings,
                            .strings_count = sizeof strings,
                            .schedules = s,
                            .schedules_count = count,
                            .spans = spans,
                            .spans_count = span_count};
}

/* Convert "2026-03-29 01:30:00" UTC to nanoseconds. */
static uint64_t utc(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return (uint64_t)timegm(&tm) * second;
}

static void check(const struct program *p, const char *from, uint32_t bits, const char *until)
{
    uint64_t end, at = utc(from);
    assert_int_equal(schedules_at(p, at, &end), bits);
    if (until && end != utc(until))
        fail_msg("from %s: until %lld s later", from, (long long)(end - at) / (long long)second);
    assert_int_equal(schedules_at(p, at, NULL), bits);
}

/* 2026-12-24 18:00 - 2026-12-27 06:00, and all of 2027-01-01, in UTC and in Paris. */
static void test_dates(void **state)
{
    (void)state;
    const struct pbc_span spans[] = {{18 * 60, 6 * 60, 0, {0}, 20811, 20814}, {0, 24 * 60, 0, {0}, 20819, 20819}};
    const struct pbc_schedule s[] = {{.first = 0, .count = 2}, {.zone = PARIS, .first = 0, .count = 2}};
    const struct program p = program_of(s, 2, spans, 2);
    check(&p, "2026-12-24 16:59:59", 0, "2026-12-24 17:00:00");
    check(&p, "2026-12-24 17:00:00", 2, "2026-12-24 18:00:00");
    check(&p, "2026-12-24 18:00:00", 3, "2026-12-27 05:00:00");
    check(&p, "2026-12-27 05:00:00", 1, "2026-12-27 06:00:00");
    check(&p, "2026-12-27 06:00:00", 0, "2026-12-31 23:00:00");
    check(&p, "2026-12-31 23:00:00", 2, "2027-01-01 00:00:00");
    check(&p, "2027-01-01 22:59:59", 3, "2027-01-01 23:00:00");
    check(&p, "2027-12-25 12:00:00", 0, NULL);
    check(&p, "2025-12-25 12:00:00", 0, NULL);
    assert_int_equal(schedules_on(&p, 3, 20 * 60), 0);
    assert_int_equal(schedules_on_date(&p, 20811, 20 * 60), 3);
    assert_int_equal(date_weekday(20811), 3);
}

static void test_days_and_hours(void **state)
{
    (void)state;
    const struct pbc_span spans[] = {
        {8 * 60, 18 * 60, WORK, {0}, 0, 0}, {22 * 60, 6 * 60, FRI, {0}, 0, 0}, {0, 24 * 60, SUN, {0}, 0, 0}};
    const struct pbc_schedule s[] = {{.first = 0, .count = 1}, {.first = 1, .count = 1}, {.first = 2, .count = 1}};
    const struct program p = program_of(s, 3, spans, 3);
    check(&p, "2026-11-20 07:59:59", 0, "2026-11-20 08:00:00"); /* a Friday */
    check(&p, "2026-11-20 08:00:00", 1, "2026-11-20 18:00:00");
    check(&p, "2026-11-20 17:59:59", 1, "2026-11-20 18:00:00");
    check(&p, "2026-11-20 18:00:00", 0, "2026-11-20 22:00:00");
    check(&p, "2026-11-20 22:00:00", 2, "2026-11-21 06:00:00");
    check(&p, "2026-11-21 05:59:59", 2, "2026-11-21 06:00:00");
    check(&p, "2026-11-21 06:00:00", 0, "2026-11-22 00:00:00");
    check(&p, "2026-11-22 12:00:00", 4, "2026-11-23 00:00:00");
    check(&p, "2026-11-23 00:00:00", 0, "2026-11-23 08:00:00");
    check(&p, "1970-01-01 09:00:00", 1, "1970-01-01 18:00:00"); /* a Thursday */
}

static void test_several_spans(void **state)
{
    (void)state;
    const struct pbc_span spans[] = {{480, 720, WORK, {0}, 0, 0},
                                     {780, 1020, WORK, {0}, 0, 0},
                                     {1439, 1440, ALL, {0}, 0, 0},
                                     {0, 1440, ALL, {0}, 0, 0}};
    const struct pbc_schedule s[] = {{.first = 0, .count = 3}, {.first = 3, .count = 1}, {.first = 0, .count = 0}};
    const struct program p = program_of(s, 3, spans, 4);
    check(&p, "2026-11-20 11:59:00", 3, "2026-11-20 12:00:00");
    check(&p, "2026-11-20 12:30:00", 2, "2026-11-20 13:00:00");
    check(&p, "2026-11-20 13:00:00", 3, "2026-11-20 17:00:00");
    check(&p, "2026-11-21 12:00:00", 2, "2026-11-21 23:59:00"); /* one minute before midnight is not missed */
    check(&p, "2026-11-21 23:59:30", 3, "2026-11-22 00:00:00");
    assert_int_equal(schedules_on(&p, 0, 9 * 60), 3);
    assert_int_equal(schedules_on(&p, 6, 9 * 60), 2);
    assert_int_equal(schedules_on(&p, 6, 23 * 60 + 59), 3);
    const struct program none = program_of(NULL, 0, NULL, 0);
    uint64_t end;
    assert_int_equal(schedules_at(&none, 5, &end), 0);
    assert_true(end == UINT64_MAX);
}

/* In Paris 2026-03-29 has no 02:00 to 03:00, and 2026-10-25 has it twice. */
static void test_daylight_saving(void **state)
{
    (void)state;
    const struct pbc_span spans[] = {
        {480, 1080, ALL, {0}, 0, 0}, {120, 180, ALL, {0}, 0, 0}, {150, 155, SUN, {0}, 0, 0}, {0, 300, SUN, {0}, 0, 0}};
    const struct pbc_schedule s[] = {{.zone = PARIS, .count = 1},
                                     {.zone = PARIS, .first = 1, .count = 1},
                                     {.zone = PARIS, .first = 2, .count = 1},
                                     {.zone = PARIS, .first = 3, .count = 1}};
    if (!zone_known("Europe/Paris")) skip();
    struct program p = program_of(s, 1, spans, 4);
    check(&p, "2026-03-28 06:30:00", 0, "2026-03-28 07:00:00");
    check(&p, "2026-03-28 07:00:00", 1, "2026-03-28 17:00:00");
    check(&p, "2026-03-28 17:00:00", 0, "2026-03-29 06:00:00"); /* an hour earlier by UTC */
    check(&p, "2026-10-24 17:00:00", 0, "2026-10-25 07:00:00");
    p = program_of(s + 1, 1, spans, 4);
    check(&p, "2026-03-29 00:59:59", 0, "2026-03-30 00:00:00"); /* skipped on that day */
    check(&p, "2026-10-24 23:59:59", 0, "2026-10-25 00:00:00");
    check(&p, "2026-10-25 00:30:00", 1, "2026-10-25 02:00:00"); /* two hours long */
    p = program_of(s + 2, 1, spans, 4);
    check(&p, "2026-10-25 00:29:00", 0, "2026-10-25 00:30:00");
    check(&p, "2026-10-25 00:31:00", 1, "2026-10-25 00:35:00");
    check(&p, "2026-10-25 00:35:00", 0, "2026-10-25 01:30:00"); /* a second time */
    check(&p, "2026-10-25 01:35:00", 0, NULL);
    p = program_of(s + 3, 1, spans, 4);
    check(&p, "2026-10-24 22:00:00", 1, "2026-10-25 04:00:00");
    check(&p, "2026-03-28 23:00:00", 1, "2026-03-29 03:00:00");
}

static void test_zones(void **state)
{
    (void)state;
    const struct pbc_span spans[] = {{480, 1080, ALL, {0}, 0, 0}};
    const struct pbc_schedule s[] = {{.count = 1}, {.zone = KATHMANDU, .count = 1}, {.zone = NEW_YORK, .count = 1}};
    struct program p = program_of(s, 3, spans, 1);
    if (!zone_known("Asia/Kathmandu") || !zone_known("America/New_York")) skip();
    assert_null(schedules_unknown_zone(&p));
    setenv("TZ", "Europe/Paris", 1);
    tzset();
    check(&p, "2026-07-01 02:14:59", 0, "2026-07-01 02:15:00"); /* 5:45 ahead */
    check(&p, "2026-07-01 02:15:00", 2, "2026-07-01 08:00:00");
    check(&p, "2026-07-01 08:00:00", 3, "2026-07-01 12:00:00");
    check(&p, "2026-07-01 12:00:00", 7, "2026-07-01 12:15:00");
    assert_string_equal(getenv("TZ"), "Europe/Paris"); /* our TZ is unchanged */
    struct tm tm;
    const time_t noon = (time_t)(utc("2026-07-01 12:00:00") / second);
    assert_int_equal(localtime_r(&noon, &tm)->tm_hour, 14);
    unsetenv("TZ");
    tzset();
    check(&p, "2026-07-01 12:00:00", 7, "2026-07-01 12:15:00");
    assert_null(getenv("TZ"));
}

static void test_unknown_zones(void **state)
{
    (void)state;
    const struct pbc_schedule s[] = {{.zone = 0}, {.zone = PARISS}};
    const struct program p = program_of(s, 2, NULL, 0);
    assert_string_equal(schedules_unknown_zone(&p), "Europe/Pariss");
    static const char *const wrong[] = {
        "",    "/etc/passwd",   "../../../etc/passwd", "Europe", "Europe/", "zone.tab", "Europe//Paris",
        "a b", "Europe/Paris\n"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_false(zone_known(wrong[i]));
    size_t n;
    char **zones = zones_list(&n);
    for (size_t i = 0; i < n; i++) assert_true(zone_known(zones[i]));
    if (zone_known("Europe/Paris")) assert_true(n > 100);
    zones_free(zones, n);
}

/* Check minute by minute that nothing changes before `until`, and that something does then. */
static void check_minutes(const struct program *p, uint64_t at)
{
    uint64_t end;
    const uint32_t bits = schedules_at(p, at, &end);
    assert_true(end > at);
    assert_int_equal(end % (60 * second), 0);
    for (uint64_t t = (at / (60 * second) + 1) * 60 * second; t < end; t += 60 * second)
        if (schedules_at(p, t, NULL) != bits)
            fail_msg("changes %llu s early", (unsigned long long)((end - t) / second));
    if (end - at < 8 * 86400 * second) assert_true(schedules_at(p, end, NULL) != bits);
}

static void test_until_is_exact(void **state)
{
    (void)state;
    static const uint32_t zones[] = {0, PARIS, KATHMANDU, NEW_YORK};
    const bool has_zones = zone_known("Europe/Paris") && zone_known("Asia/Kathmandu") && zone_known("America/New_York");
    struct rng r = {3};
    for (unsigned n = 0; n < 60; n++) {
        struct pbc_span spans[4];
        struct pbc_schedule s[2] = {{.count = 2}, {.first = 2, .count = 2}};
        for (unsigned i = 0; i < 4; i++) {
            spans[i] = (struct pbc_span){(uint16_t)rng_below(&r, 1440), 0, (uint8_t)rng_below(&r, 128), {0}, 0, 0};
            spans[i].to = rng_one_in(&r, 3) ? (uint16_t)(spans[i].from + 1) : (uint16_t)(1 + rng_below(&r, 1440));
            if (!rng_one_in(&r, 4)) continue;
            spans[i].days = 0; /* dates near the changes */
            spans[i].first = (rng_one_in(&r, 2) ? 20540 : 20750) + rng_below(&r, 4);
            spans[i].last = spans[i].first + 1 + rng_below(&r, 3);
        }
        for (unsigned i = 0; i < 2 && has_zones; i++) s[i].zone = zones[rng_below(&r, 4)];
        const struct program p = program_of(s, 2, spans, 4);
        /* near the changes of 2026, or anywhere */
        const uint64_t around = rng_one_in(&r, 2) ? utc("2026-03-28 12:00:00") : utc("2026-10-24 12:00:00");
        check_minutes(&p, rng_one_in(&r, 3) ? rng_next(&r) % (4000000000u * second)
                                            : around + rng_below(&r, 86400 * 2) * second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),          cmocka_unit_test(test_days_and_hours),
        cmocka_unit_test(test_several_spans),  cmocka_unit_test(test_daylight_saving),
        cmocka_unit_test(test_zones),          cmocka_unit_test(test_unknown_zones),
        cmocka_unit_test(test_until_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
