/* Verdict lines keep the order of frames and show the final verdict, however long a held frame makes them wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/replay/lines.h"
#include "tests/lib/rng.h"

static char printed[4096];
static size_t printed_len;

static void print(void *arg, uint64_t frame, const struct verdict *v)
{
    (void)arg;
    printed_len += (size_t)snprintf(printed + printed_len, sizeof printed - printed_len, "%llu%c ",
                                    (unsigned long long)frame, "adrfph"[v->action]);
}

static struct lines fresh(size_t most)
{
    printed_len = 0;
    printed[0] = 0;
    return (struct lines){.print = print, .most = most};
}

static struct verdict is(enum action a) { return (struct verdict){.action = (uint8_t)a}; }

static void add(struct lines *l, uint64_t frame, enum action a)
{
    const struct verdict v = is(a);
    lines_add(l, frame, &v);
}

static void nothing_waits_without_a_held_frame(void **state)
{
    (void)state;
    struct lines l = fresh(LINES_WAIT_MOST);
    add(&l, 1, ACTION_ACCEPT);
    add(&l, 2, ACTION_DROP);
    assert_string_equal(printed, "1a 2d ");
    assert_null(l.ring);
    lines_end(&l);
}

static void those_after_a_held_frame_wait(void **state)
{
    (void)state;
    struct lines l = fresh(LINES_WAIT_MOST);
    add(&l, 7, ACTION_ACCEPT);
    add(&l, 8, ACTION_HELD);
    add(&l, 9, ACTION_DROP);
    add(&l, 10, ACTION_HELD);
    add(&l, 11, ACTION_ACCEPT);
    assert_string_equal(printed, "7a ");
    const struct verdict accept = is(ACTION_ACCEPT), drop = is(ACTION_DROP);
    lines_settle(&l, 10, &drop); /* the later one first */
    assert_string_equal(printed, "7a ");
    lines_settle(&l, 8, &accept);
    assert_string_equal(printed, "7a 8a 9d 10d 11a ");
    add(&l, 12, ACTION_DROP);
    assert_string_equal(printed, "7a 8a 9d 10d 11a 12d ");
    lines_settle(&l, 8, &drop); /* its line is out */
    lines_end(&l);
    assert_string_equal(printed, "7a 8a 9d 10d 11a 12d ");
}

static void the_end_prints_held(void **state)
{
    (void)state;
    struct lines l = fresh(LINES_WAIT_MOST);
    add(&l, 1, ACTION_HELD);
    add(&l, 2, ACTION_ACCEPT);
    lines_end(&l);
    assert_string_equal(printed, "1h 2a ");
}

/* Beyond the limit the oldest line gives up, and its late verdict changes nothing. */
static void more_than_there_is_room_for(void **state)
{
    (void)state;
    struct lines l = fresh(256);
    add(&l, 1, ACTION_HELD);
    for (uint64_t i = 2; i <= 200; i++) add(&l, i, ACTION_ACCEPT);
    add(&l, 201, ACTION_HELD);
    for (uint64_t i = 202; i <= 256; i++) add(&l, i, ACTION_ACCEPT);
    assert_int_equal(l.count, 256);
    assert_int_equal(printed_len, 0);
    add(&l, 257, ACTION_ACCEPT);
    assert_memory_equal(printed, "1h 2a 3a ", 9);
    assert_int_equal(l.first, 201);
    assert_int_equal(l.room, 256);
    const struct verdict drop = is(ACTION_DROP);
    lines_settle(&l, 1, &drop);
    lines_settle(&l, 201, &drop);
    assert_int_equal(l.count, 0);
    assert_non_null(strstr(printed, "200a 201d 202a"));
    lines_end(&l);
}

struct seen {
    uint64_t next;
    const uint8_t *wanted;
};

static void check(void *arg, uint64_t frame, const struct verdict *v)
{
    struct seen *s = arg;
    assert_int_equal(frame, s->next++);
    assert_int_equal(v->action, s->wanted[frame]);
}

/* For any order of holding and settling, each line appears once, in order, with its last verdict. */
static void any_order(void **state)
{
    (void)state;
    enum { FRAMES = 5000 };
    static uint8_t wanted[FRAMES + 1];
    static uint64_t held[FRAMES];
    struct rng rng = {4};
    struct seen seen = {1, wanted};
    struct lines l = {.print = check, .arg = &seen, .most = LINES_WAIT_MOST};
    unsigned holding = 0;
    for (uint64_t f = 1; f <= FRAMES; f++) {
        const bool hold = rng_below(&rng, 10) == 0;
        wanted[f] = hold ? ACTION_HELD : ACTION_DROP;
        add(&l, f, hold ? ACTION_HELD : ACTION_DROP);
        if (hold) held[holding++] = f;
        while (holding && rng_below(&rng, 8) == 0) {
            const unsigned i = rng_below(&rng, holding);
            const struct verdict accept = is(ACTION_ACCEPT);
            wanted[held[i]] = ACTION_ACCEPT;
            lines_settle(&l, held[i], &accept);
            held[i] = held[--holding];
        }
    }
    lines_end(&l);
    assert_int_equal(seen.next, FRAMES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_without_a_held_frame),
        cmocka_unit_test(those_after_a_held_frame_wait),
        cmocka_unit_test(the_end_prints_held),
        cmocka_unit_test(more_than_there_is_room_for),
        cmocka_unit_test(any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
