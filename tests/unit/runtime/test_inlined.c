/* The table of inline connections: found by number and port, limited; a reader in another thread finds a complete
 * one or none. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/exchange/begun/inlined.h"

enum { MOST = 1000, ROUNDS = 200000, NUMBERS = 8 };

static struct inline_open open_of(uint32_t number, uint16_t port, uint32_t rule)
{
    return (struct inline_open){.number = number,
                                .port = port,
                                .client = {rule},
                                .server = {rule + 1},
                                .client_port = (uint16_t)rule,
                                .rule = rule,
                                .firewall = rule + 2,
                                .service = rule + 3};
}

static void found_by_number_and_port(void **state)
{
    (void)state;
    struct inlined *i = inlined_new(MOST);
    const struct inline_open a = open_of(5, 1000, 7), b = open_of(5, 1001, 8), last = open_of(MOST - 1, 1, 9);
    struct inlined_conn found;
    assert_non_null(i);
    assert_false(inlined_find(i, 5, 1000, &found));
    assert_true(inlined_put(i, &a, 3, 4));
    assert_true(inlined_find(i, 5, 1000, &found));
    assert_int_equal(found.open.rule, 7);
    assert_true(found.program == 3 && found.at_ns == 4);
    assert_true(inlined_put(i, &b, 3, 5));
    assert_false(inlined_find(i, 5, 1000, &found)); /* its number belongs to another */
    assert_true(inlined_find(i, 5, 1001, &found));
    assert_true(inlined_put(i, &last, 3, 6));
    assert_true(inlined_find(i, MOST - 1, 1, &found));
    inlined_free(i);
}

static void bounded(void **state)
{
    (void)state;
    struct inlined *i = inlined_new(MOST);
    const struct inline_open past = open_of(MOST, 1, 1);
    struct inlined_conn found;
    assert_false(inlined_put(i, &past, 1, 1));
    assert_false(inlined_find(i, MOST, 1, &found));
    assert_false(inlined_find(i, UINT32_MAX, 1, &found));
    inlined_free(i);
    assert_null(inlined_new(INLINE_NUMBERS + 1));
    i = inlined_new(INLINE_NUMBERS); /* takes memory as it is used */
    assert_non_null(i);
    inlined_free(i);
}

static void *put_many(void *arg)
{
    for (uint32_t r = 0; r < ROUNDS; r++) {
        const struct inline_open one = open_of(r % NUMBERS, 1000, r);
        inlined_put(arg, &one, r, r);
    }
    return NULL;
}

static void whole_or_none(void **state)
{
    (void)state;
    struct inlined *i = inlined_new(NUMBERS);
    struct inlined_conn f;
    pthread_t writer;
    unsigned torn = 0;
    assert_int_equal(pthread_create(&writer, NULL, put_many, i), 0);
    for (uint32_t r = 0; r < ROUNDS; r++) {
        if (!inlined_find(i, r % NUMBERS, 1000, &f)) continue;
        const uint32_t rule = f.open.rule;
        torn += rule % NUMBERS != r % NUMBERS || f.open.client[0] != rule || f.open.server[0] != rule + 1 ||
                f.open.client_port != (uint16_t)rule || f.open.firewall != rule + 2 || f.open.service != rule + 3 ||
                f.program != rule || f.at_ns != rule;
    }
    pthread_join(writer, NULL);
    assert_int_equal(torn, 0);
    inlined_free(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_number_and_port),
        cmocka_unit_test(bounded),
        cmocka_unit_test(whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
