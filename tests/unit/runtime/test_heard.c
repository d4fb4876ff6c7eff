/* Results of live sets, recorded and replayed: each query has a separate row of results; a query that wasn't
 * recorded has none; damaged records are rejected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "runtime/exchange/heard/heard.h"

static struct heard_answers heard;
static struct heard_again again;

static void take(void *arg, struct heard_answers *h)
{
    unsigned *times = arg;
    ++*times;
    assert_int_equal(heard_again_add(&again, (const uint8_t *)h->words, h->used * sizeof *h->words, h->count), 0);
    heard_clear(h);
}

static bool hear(uint32_t live, uint32_t addr, bool held)
{
    const uint32_t a[4] = {addr};
    return heard.ear.hear(heard.ear.arg, live, a, false, held);
}

static bool give(uint32_t live, uint32_t addr)
{
    const uint32_t a[4] = {addr};
    return again.ear.hear(again.ear.arg, live, a, false, true);
}

static int begin(void **state)
{
    static unsigned times;
    (void)state;
    times = 0;
    heard_init(&heard, take, &times);
    heard_again_init(&again, 7);
    return 0;
}

static int end(void **state)
{
    (void)state;
    heard_again_fini(&again);
    return 0;
}

static void each_question_has_its_answers(void **state)
{
    (void)state;
    /* Between two results of one query come those of others, and a member comes and goes. */
    static const bool a[] = {false, false, true, true, false, true}, b[] = {true, false, false, true, true, true};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(hear(3, 10, a[i]), a[i]);
        hear(63, 10, b[i]);
        hear(3, 11, !a[i]);
    }
    take(heard.arg, &heard);
    for (unsigned i = 0; i < 6; i++) assert_int_equal(give(63, 10), b[i]); /* in another order */
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(give(3, 10), a[i]);
        assert_int_equal(give(3, 11), !a[i]);
    }
    assert_true(give(3, 10)); /* the last one is repeated */
    assert_int_equal(again.missing, 0);
}

static void repeats_take_no_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 70000; i++) hear(1, 10, true);
    assert_int_equal(heard.count, 2); /* a row counts to 65,535 */
    hear(1, 10, false);
    take(heard.arg, &heard);
    for (unsigned i = 0; i < 70000; i++) assert_true(give(1, 10));
    assert_false(give(1, 10));
}

static void what_was_not_asked_is_missing(void **state)
{
    const uint32_t six[4] = {10};
    (void)state;
    assert_false(give(0, 10));
    hear(0, 10, true);
    take(heard.arg, &heard);
    assert_true(give(0, 10));
    assert_false(give(1, 10));
    assert_false(give(0, 11));
    assert_false(again.ear.hear(again.ear.arg, 0, six, true, true)); /* ::a is another address */
    assert_int_equal(again.missing, 4);
    heard_again_clear(&again);
    assert_false(give(0, 10));
    assert_int_equal(again.missing, 5);
}

static void sets_are_found_by_the_numbers_of_another_program(void **state)
{
    static const uint32_t same[PBC_LIVES_MAX] = {5, PBC_NONE};
    (void)state;
    hear(5, 10, true);
    hear(1, 10, true);
    take(heard.arg, &heard);
    again.same = same;
    assert_true(give(0, 10));
    assert_false(give(1, 10));
    assert_int_equal(again.missing, 1);
}

static void very_many_are_handed_on_in_parts(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50000; i++) {
        const uint32_t six[4] = {i, 1, 2, 3};
        heard.ear.hear(heard.ear.arg, i % 64, six, true, i % 3 == 0);
    }
    take(heard.arg, &heard);
    assert_true(*(unsigned *)heard.arg > 100);
    assert_int_equal(again.count, 50000);
    for (uint32_t i = 50000; i--;) {
        const uint32_t six[4] = {i, 1, 2, 3};
        assert_int_equal(again.ear.hear(again.ear.arg, i % 64, six, true, false), i % 3 == 0);
    }
    assert_int_equal(again.missing, 0);
}

static void what_is_damaged_is_refused(void **state)
{
    const struct heard_entry good = {.live = 63, .how = HEARD_HELD, .times = 1}, six = {.how = HEARD_IP6, .times = 1};
    const struct heard_entry bad[] = {{.live = 64, .times = 1}, {.how = 4, .times = 1}, {.times = 0}};
    uint8_t bytes[32] = {0};
    (void)state;
    memcpy(bytes, &good, sizeof good);
    assert_int_equal(heard_again_add(&again, bytes, 8, 1), 0);
    assert_int_equal(heard_again_add(&again, bytes, 15, 1), 0);       /* padding */
    assert_int_equal(heard_again_add(&again, bytes, 16, 1), -EINVAL); /* more than that */
    assert_int_equal(heard_again_add(&again, bytes, 7, 1), -EINVAL);  /* a missing address */
    assert_int_equal(heard_again_add(&again, bytes, 3, 1), -EINVAL);  /* a missing head */
    assert_int_equal(heard_again_add(&again, bytes, 8, 1ull << 60), -EINVAL);
    assert_int_equal(heard_again_add(&again, bytes, 8, 0), -EINVAL);
    memcpy(bytes, &six, sizeof six);
    assert_int_equal(heard_again_add(&again, bytes, 19, 1), -EINVAL);
    assert_int_equal(heard_again_add(&again, bytes, 20, 1), 0);
    for (unsigned i = 0; i < 3; i++) {
        memcpy(bytes, &bad[i], sizeof bad[i]);
        assert_int_equal(heard_again_add(&again, bytes, 8, 1), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(each_question_has_its_answers),    TEST(repeats_take_no_room),
        TEST(what_was_not_asked_is_missing),    TEST(sets_are_found_by_the_numbers_of_another_program),
        TEST(very_many_are_handed_on_in_parts), TEST(what_is_damaged_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
