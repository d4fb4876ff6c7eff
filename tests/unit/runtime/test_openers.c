/* Openers of connections: found by key, the later entry counts, the oldest is evicted; a reader in another thread
 * finds a complete one or none. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/exchange/begun/openers.h"

static struct opener opener(uint32_t client, uint16_t port, uint32_t rule, uint64_t at_ns)
{
    return (struct opener){.key = {.from = {client}, .to = {0x0a010064}, .from_port = port, .to_port = 80, .family = 4},
                           .at_ns = at_ns,
                           .rule = rule,
                           .firewall = rule + 1,
                           .service = rule + 2};
}

static void found_by_key(void **state)
{
    (void)state;
    struct openers *o = openers_new();
    struct opener a = opener(1, 1000, 7, 1), b = opener(1, 1001, 8, 2), found;
    assert_non_null(o);
    assert_false(openers_find(o, &a.key, &found));
    openers_put(o, &a);
    openers_put(o, &b);
    assert_true(openers_find(o, &a.key, &found));
    assert_int_equal(found.rule, 7);
    assert_true(openers_find(o, &b.key, &found));
    assert_int_equal(found.rule, 8);
    a.rule = 9;
    openers_put(o, &a);
    assert_true(openers_find(o, &a.key, &found));
    assert_int_equal(found.rule, 9);
    struct opener_key other = a.key;
    other.family = 6;
    assert_false(openers_find(o, &other, &found));
    openers_free(o);
}

/* Of four times as many as there is room for, a quarter remains, and none of those is much older than others. */
static void oldest_gives_way(void **state)
{
    (void)state;
    struct openers *o = openers_new();
    struct opener found;
    unsigned there = 0, late = 0;
    for (uint32_t i = 0; i < 4 * OPENERS; i++) {
        const struct opener one = opener(i, 1000, i, i + 1);
        openers_put(o, &one);
    }
    for (uint32_t i = 0; i < 4 * OPENERS; i++) {
        const struct opener one = opener(i, 1000, i, i + 1);
        if (!openers_find(o, &one.key, &found)) continue;
        there++;
        late += i >= 2 * OPENERS;
    }
    assert_true(there > OPENERS * 9 / 10 && there <= OPENERS);
    assert_true(late > there * 9 / 10);
    openers_free(o);
}

enum { ROUNDS = 200000, CLIENTS = 8 };

static void *put_many(void *arg)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const struct opener one = opener(i % CLIENTS, 1000, i, i);
        openers_put(arg, &one);
    }
    return NULL;
}

static void whole_or_none(void **state)
{
    (void)state;
    struct openers *o = openers_new();
    struct opener found;
    pthread_t writer;
    unsigned torn = 0;
    assert_int_equal(pthread_create(&writer, NULL, put_many, o), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const struct opener one = opener(i % CLIENTS, 1000, 0, 0);
        if (!openers_find(o, &one.key, &found)) continue;
        torn += found.rule % CLIENTS != i % CLIENTS || found.firewall != found.rule + 1 ||
                found.service != found.rule + 2 || found.at_ns != found.rule;
    }
    pthread_join(writer, NULL);
    assert_int_equal(torn, 0);
    openers_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_key),
        cmocka_unit_test(oldest_gives_way),
        cmocka_unit_test(whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
