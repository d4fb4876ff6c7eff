/* The sampler of drops and the table of dropped senders, under floods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/live/control/dropped/drop_table.h"
#include "runtime/worker/drops.h"
#include "tests/lib/rng.h"

#define MS UINT64_C(1000000)
enum { FLOOD = 0x0a000000, OFFENDER = 0xc0000201, LATER = 0xc0000202 };

static struct drop_told told[DROP_ROWS_MOST];

/* Return the table's row of the sender, or NULL. */
static const struct drop_told *told_of(struct drop_table *t, uint64_t now_ns, unsigned minutes, uint8_t from,
                                       uint32_t src)
{
    const unsigned count = drop_table_tell(t, now_ns, minutes, told);
    for (unsigned i = 0; i < count; i++)
        if (told[i].row.key.from == from && told[i].row.key.src[0] == src) return &told[i];
    return NULL;
}

static uint64_t told_in_all(struct drop_table *t, uint64_t now_ns, unsigned minutes)
{
    uint64_t sum = 0;
    const unsigned count = drop_table_tell(t, now_ns, minutes, told);
    for (unsigned i = 0; i < count; i++) sum += told[i].packets;
    return sum;
}

static void add(struct drop_table *t, uint32_t src, const char *by, uint64_t at_ns, uint32_t stands)
{
    const struct drop_seen s = {.key = {.src = {src}, .from = END_IP4, .by_kind = DROP_BY_RULE, .action = ACTION_DROP},
                                .by = by,
                                .at_ns = at_ns,
                                .stands = stands,
                                .dst_port = 80,
                                .has_port = true};
    drop_table_add(t, &s);
}

static void few_are_taken_all(void **state)
{
    (void)state;
    struct thin t = {0};
    for (unsigned i = 0; i < 1000; i++) assert_int_equal(thin_take(&t, 1 + i * 10 * MS, THIN_DROPS), 1);
}

/* At any rate, at most so many drops are sampled per span, and their weights add up. */
static void many_are_thinned(void **state)
{
    (void)state;
    for (uint64_t step = 100; step <= 100000; step *= 10) { /* nanoseconds from one to the next */
        struct thin t = {.seed = step};
        uint64_t sum = 0, taken = 0, events = 1000 * MS / step;
        for (uint64_t i = 0; i < events; i++) {
            const uint32_t stands = thin_take(&t, i * step, THIN_DROPS);
            taken += stands != 0;
            sum += stands;
        }
        assert_in_range(taken, 200, 8 * 2 * THIN_DROPS + 16 * THIN_DROPS);
        assert_in_range(sum, events * 9 / 10, events * 11 / 10);
    }
}

/* A sender of every second packet, and none of the others, is sampled as often as it should be. */
static void no_order_hides(void **state)
{
    (void)state;
    struct thin t = {.seed = 3};
    uint64_t sums[2] = {0};
    for (uint64_t i = 0; i < 10000000; i++) sums[i & 1] += thin_take(&t, i * 1000, THIN_DROPS);
    assert_in_range(sums[0], 5000000 * 0.9, 5000000 * 1.1);
    assert_in_range(sums[1], 5000000 * 0.9, 5000000 * 1.1);
}

static void a_flood_ends(void **state)
{
    (void)state;
    struct thin t = {0};
    for (uint64_t i = 0; i < 5000000; i++) thin_take(&t, i * 1000, THIN_DROPS);
    assert_int_equal(thin_take(&t, 6000 * MS, THIN_DROPS), 1);
}

/* A million forged sources take no other sender's row, whether it was dropped before, continues, or comes during the
 * flood. Their sum is reported, and the memory stays the same. */
static void a_flood_takes_no_row(void **state)
{
    (void)state;
    struct drop_table *t = drop_table_new(1);
    for (unsigned i = 0; i < 5; i++) add(t, OFFENDER, "SSH", i * MS, 1);
    for (unsigned i = 0; i < 1000000; i++) {
        add(t, FLOOD + i, "FLOOD", 10 * MS + i * UINT64_C(1000), 7);
        if (i % 1000 == 0) add(t, OFFENDER, "SSH", 10 * MS + i * UINT64_C(1000), 1);
        if (i >= 500000 && i % 200 == 0) add(t, LATER, "SSH", 10 * MS + i * UINT64_C(1000), 1);
    }
    const uint64_t now_ns = 1100 * MS;
    assert_int_equal(told_of(t, now_ns, 10, END_IP4, OFFENDER)->packets, 1005);
    const struct drop_told *later = told_of(t, now_ns, 10, END_IP4, LATER);
    assert_true(later && later->packets > 2400);
    const struct drop_told *others = told_of(t, now_ns, 10, DROP_FROM_OTHERS, 0);
    assert_true(others->packets == 7000000 && others->scaled);
    assert_string_equal(others->row.by, "FLOOD");
    assert_int_equal(told_in_all(t, now_ns, 10), 7000000 + 1005 + 2500);
    drop_table_free(t);
}

/* Sources that come three times displace each other, but not more frequent ones. */
static void nor_does_one_that_insists(void **state)
{
    (void)state;
    struct drop_table *t = drop_table_new(2);
    for (unsigned i = 0; i < 10; i++) add(t, OFFENDER, "SSH", 1, 1);
    for (unsigned i = 0; i < 300000; i++) add(t, FLOOD + i / 3, "FLOOD", 2 + i, 1);
    assert_int_equal(told_of(t, 300000, 10, END_IP4, OFFENDER)->packets, 10);
    assert_int_equal(told_in_all(t, 300000, 10), 300010);
    drop_table_free(t);
}

/* With more rules than rows for their others, sums stay complete. */
static void many_rules_stay_whole(void **state)
{
    (void)state;
    struct drop_table *t = drop_table_new(3);
    struct rng r = {4};
    char by[20];
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(by, sizeof by, "rule%u", (unsigned)rng_below(&r, 5000));
        add(t, (uint32_t)rng_next(&r), by, i, 1);
    }
    assert_int_equal(told_in_all(t, 100000, 10), 100000);
    drop_table_free(t);
}

static void minutes_pass(void **state)
{
    (void)state;
    struct drop_table *t = drop_table_new(5);
    for (unsigned m = 0; m < 8; m++)
        for (unsigned i = 0; i <= m; i++) add(t, OFFENDER, "SSH", m * DROP_MINUTE_NS, 1);
    const uint64_t now_ns = 7 * DROP_MINUTE_NS + 1;
    assert_int_equal(told_in_all(t, now_ns, 10), 36);
    assert_int_equal(told_in_all(t, now_ns, 1), 8 + 7);
    assert_int_equal(told_in_all(t, 16 * DROP_MINUTE_NS, 10), 8 + 7); /* of minutes 6 and 7 */
    assert_int_equal(told_in_all(t, 18 * DROP_MINUTE_NS, 10), 0);
    add(t, OFFENDER, "SSH", 18 * DROP_MINUTE_NS, 1);
    assert_int_equal(told_in_all(t, 18 * DROP_MINUTE_NS, 10), 1);
    drop_table_free(t);
}

/* A note that represents many packets names no sender. */
static void a_vague_note_names_nobody(void **state)
{
    (void)state;
    struct drop_table *t = drop_table_new(6);
    add(t, OFFENDER, "SSH", 1, 50);
    assert_null(told_of(t, 2, 10, END_IP4, OFFENDER));
    assert_int_equal(told_of(t, 2, 10, DROP_FROM_OTHERS, 0)->packets, 50);
    add(t, OFFENDER, "SSH", 3, 50);
    assert_int_equal(told_of(t, 4, 10, END_IP4, OFFENDER)->packets, 100);
    assert_null(told_of(t, 4, 10, DROP_FROM_OTHERS, 0));
    drop_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_taken_all),        cmocka_unit_test(many_are_thinned),
        cmocka_unit_test(no_order_hides),           cmocka_unit_test(a_flood_ends),
        cmocka_unit_test(a_flood_takes_no_row),     cmocka_unit_test(nor_does_one_that_insists),
        cmocka_unit_test(many_rules_stay_whole),    cmocka_unit_test(minutes_pass),
        cmocka_unit_test(a_vague_note_names_nobody)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
