/* Waiting questions: each is taken once, in its time; a flood replaces the oldest; and threads note and take at
 * once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/judge/asked/questions.h"

static struct question_id id_of(struct questions *q, uint32_t n)
{
    struct question_id id;
    const uint32_t asker[4] = {n}, resolver[4] = {53};
    uint8_t section[] = {1, 'a', 0, 0, 1, 0, 1};
    question_id_of(&id, asker, resolver, (uint16_t)n, 7, false, question_hash(q->head, section, sizeof section));
    return id;
}

static void once(void **state)
{
    (void)state;
    struct questions *q = questions_new(1);
    const struct question_id a = id_of(q, 1), b = id_of(q, 2);
    assert_false(question_waits(q, &a, 100, false));
    question_put(q->head, q->slots, &a, 100);
    assert_true(question_waits(q, &a, 100, false));
    assert_false(question_waits(q, &b, 100, false));
    assert_true(question_waits(q, &a, 100, true));
    assert_false(question_waits(q, &a, 100, true));
    question_put(q->head, q->slots, &a, 100);
    question_put(q->head, q->slots, &a, 200); /* again: one question */
    assert_true(question_waits(q, &a, 99 + QUESTION_NS, false));
    assert_true(question_waits(q, &a, 150 + QUESTION_NS, true));
    assert_false(question_waits(q, &a, 150 + QUESTION_NS, true));
    question_put(q->head, q->slots, &b, 100);
    assert_false(question_waits(q, &b, 100 + QUESTION_NS, true));
    assert_int_equal(q->head->evicted, 0);
    questions_put(q);
}

/* Each word of a question counts. */
static void differs(void **state)
{
    (void)state;
    struct questions *q = questions_new(2);
    const struct question_id a = id_of(q, 1);
    question_put(q->head, q->slots, &a, 100);
    for (unsigned i = 0; i < QUESTION_WORDS * 64; i++) {
        struct question_id b = a;
        b.word[i / 64] ^= UINT64_C(1) << i % 64;
        assert_false(question_waits(q, &b, 100, true));
    }
    assert_true(question_waits(q, &a, 100, true));
    /* Each byte of a section counts, and so does its length. */
    uint8_t section[QUESTION_SECTION_MOST] = {0};
    for (uint32_t len = 5; len <= sizeof section; len++) {
        const uint64_t hash = question_hash(q->head, section, len);
        assert_true(hash != question_hash(q->head, section, len - 1));
        section[len - 1] ^= 1;
        assert_true(hash != question_hash(q->head, section, len));
        section[len - 1] ^= 1;
    }
    questions_put(q);
}

static void flood(void **state)
{
    (void)state;
    struct questions *q = questions_new(3);
    enum { ASKED = 3 * QUESTION_SLOTS };
    for (uint32_t i = 0; i < ASKED; i++) {
        const struct question_id id = id_of(q, i);
        question_put(q->head, q->slots, &id, 1000 + i);
    }
    uint32_t wait = 0, young = 0;
    for (uint32_t i = 0; i < ASKED; i++) {
        const struct question_id id = id_of(q, i);
        const bool waits = question_waits(q, &id, 1000 + ASKED, false);
        wait += waits;
        young += waits && i >= ASKED - QUESTION_SLOTS / 4;
    }
    assert_true(wait <= QUESTION_SLOTS && wait > QUESTION_SLOTS * 9 / 10);
    assert_true(young > QUESTION_SLOTS / 4 * 99 / 100);
    assert_int_equal(q->head->evicted, ASKED - wait);
    questions_put(q);
}

/* A repeated question has one place, even if an earlier place became free. */
static void again(void **state)
{
    (void)state;
    struct questions *q = questions_new(5);
    enum { ASKED = QUESTION_SLOTS / 8 };
    for (uint32_t i = 0; i < ASKED; i++) {
        const struct question_id id = id_of(q, i);
        question_put(q->head, q->slots, &id, 100);
    }
    for (uint32_t i = 0; i < ASKED; i += 2) {
        const struct question_id taken_one = id_of(q, i), id = id_of(q, i + 1);
        assert_true(question_waits(q, &taken_one, 100, true));
        question_put(q->head, q->slots, &id, 200);
    }
    for (uint32_t i = 1; i < ASKED; i += 2) {
        const struct question_id id = id_of(q, i);
        assert_true(question_waits(q, &id, 200, true));
        assert_false(question_waits(q, &id, 200, true));
    }
    assert_int_equal(q->head->evicted, 0);
    questions_put(q);
}

static void holders(void **state)
{
    (void)state;
    struct questions *q = questions_new(4);
    assert_ptr_equal(questions_get(q), q);
    questions_put(q);
    const struct question_id a = id_of(q, 1);
    question_put(q->head, q->slots, &a, 1);
    assert_true(question_waits(q, &a, 1, true));
    questions_put(q);
    questions_put(NULL);
}

enum { THREADS = 4, EACH = 20000, SHARED = 64 };
static struct questions *table;
static unsigned taken[SHARED];

/* All threads take the same questions: none is taken twice. */
static void *take_all(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < SHARED; i++) {
        const struct question_id id = id_of(table, i);
        if (question_waits(table, &id, 10, true)) __atomic_fetch_add(&taken[i], 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Each thread notes and takes separate questions, in a table that all of them fill. */
static void *put_and_take(void *arg)
{
    const uint32_t first = (uint32_t)(uintptr_t)arg * EACH;
    uintptr_t lost = 0;
    for (uint32_t i = 0; i < EACH; i++) {
        const struct question_id id = id_of(table, first + i);
        question_put(table->head, table->slots, &id, 10 + i);
        lost += !question_waits(table, &id, 10 + i, true);
        assert_false(question_waits(table, &id, 10 + i, true));
    }
    return (void *)lost;
}

static uintptr_t run_all(void *(*does)(void *))
{
    pthread_t threads[THREADS];
    uintptr_t sum = 0;
    for (uintptr_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, does, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        void *said;
        pthread_join(threads[i], &said);
        sum += (uintptr_t)said;
    }
    return sum;
}

static void threads(void **state)
{
    (void)state;
    table = questions_new(5);
    for (uint32_t i = 0; i < SHARED; i++) {
        const struct question_id id = id_of(table, i);
        question_put(table->head, table->slots, &id, 10);
    }
    run_all(take_all);
    for (unsigned i = 0; i < SHARED; i++) assert_int_equal(taken[i], 1);
    /* If two write the same place at once, one of them fails, rarely. */
    assert_true(run_all(put_and_take) < THREADS * EACH / 100);
    questions_put(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(once),  cmocka_unit_test(differs), cmocka_unit_test(flood),
                                       cmocka_unit_test(again), cmocka_unit_test(holders), cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
