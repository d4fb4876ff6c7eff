/* The proxy's lower layers: timers, the loop, sides and the relay between two. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after those that it needs */
#include <cmocka.h>

#include "runtime/proxy/loop/relay.h"

#define MS 1000000ull

/* ---- timers ---- */

struct rung {
    struct timer timer;
    struct wheel *wheel;
    uint64_t now, at, again_ns;
    unsigned count;
};

static void ring(struct timer *t)
{
    struct rung *r = (struct rung *)t;
    r->at = r->now;
    r->count++;
    if (r->again_ns) timer_set(r->wheel, t, r->now + r->again_ns);
}

static void test_timers_are_due_once_and_not_early(void **state)
{
    (void)state;
    static struct wheel w;
    static struct rung r[2000];
    const uint64_t begin = 77 * MS;
    wheel_init(&w, begin);
    for (unsigned i = 0; i < 2000; i++) {
        r[i] = (struct rung){.timer.due = ring, .wheel = &w};
        timer_set(&w, &r[i].timer, begin + (uint64_t)i * 100 * MS); /* the wheel turns 65 s */
    }
    for (uint64_t now = begin; now < begin + 210000 * MS;) {
        for (unsigned i = 0; i < 2000; i++) r[i].now = now;
        const uint64_t next = wheel_turn(&w, now);
        if (next == UINT64_MAX) break;
        assert_true(next > now);
        now = next;
    }
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(r[i].count, 1);
        assert_true(r[i].at >= r[i].timer.at_ns && r[i].at <= r[i].timer.at_ns + 34 * MS);
    }
}

static void test_a_timer_is_put_off_stopped_and_set_anew(void **state)
{
    (void)state;
    static struct wheel w;
    struct rung late = {.timer.due = ring, .wheel = &w}, gone = late, sooner = late, again = late;
    wheel_init(&w, 0);
    timer_set(&w, &late.timer, 100 * MS);
    timer_set(&w, &late.timer, 900 * MS);
    timer_set(&w, &gone.timer, 200 * MS);
    timer_stop(&w, &gone.timer);
    timer_set(&w, &sooner.timer, 900 * MS);
    timer_set(&w, &sooner.timer, 100 * MS);
    again.again_ns = 1; /* due at once again: in the next slot, not forever in this one */
    timer_set(&w, &again.timer, 100 * MS);
    for (uint64_t now = 0; now < 500 * MS; now += 10 * MS) {
        late.now = gone.now = sooner.now = again.now = now;
        wheel_turn(&w, now);
    }
    assert_int_equal(late.count, 0);
    assert_int_equal(gone.count, 0);
    assert_int_equal(sooner.count, 1);
    assert_true(again.count > 10 && again.count < 40);
    timer_stop(&w, &again.timer);
    late.now = 1000 * MS;
    wheel_turn(&w, late.now);
    assert_int_equal(late.count, 1);
}

/* ---- two sides and the data between them ---- */

struct talk {
    struct task task; /* must be first */
    struct loop loop;
    struct slab buffers;
    struct pipes pipes;
    struct side a, b;
    struct way there, back;
    int client, server; /* the far ends */
    enum way_result there_is, back_is;
    unsigned turns;
};

static void go_on(struct task *task)
{
    struct talk *t = (struct talk *)task;
    t->turns++;
    t->there_is = way_move(&t->there, &t->buffers);
    t->back_is = way_move(&t->back, &t->buffers);
    if (t->there_is == WAY_AGAIN || t->back_is == WAY_AGAIN) loop_again(&t->loop, &t->task);
}

static void begin(struct talk *t)
{
    int one[2], two[2];
    *t = (struct talk){.task.run = go_on};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, one), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two), 0);
    assert_int_equal(loop_init(&t->loop), 0);
    buffers_init(&t->buffers, 4096, 2);
    pipes_init(&t->pipes, 4 * PIPE_LARGE);
    t->client = one[0];
    t->server = two[0];
    assert_int_equal(side_open(&t->a, &t->loop, one[1], &t->task), 0);
    assert_int_equal(side_open(&t->b, &t->loop, two[1], &t->task), 0);
    t->there = (struct way){.from = &t->a, .to = &t->b, .left = WAY_ALL};
    t->back = (struct way){.from = &t->b, .to = &t->a, .left = WAY_ALL};
}

static void end(struct talk *t)
{
    way_fini(&t->there, &t->buffers);
    way_fini(&t->back, &t->buffers);
    assert_int_equal(t->buffers.used, 0);
    side_close(&t->a);
    side_close(&t->b);
    close(t->client);
    close(t->server);
    slab_fini(&t->buffers);
    pipes_fini(&t->pipes);
    loop_fini(&t->loop);
}

/* Turn the loop until nothing is ready. */
static void settle(struct talk *t)
{
    unsigned before;
    do {
        before = t->turns;
        loop_turn(&t->loop, 0);
    } while (t->turns != before || t->loop.first);
}

static void carry_much(bool by_kernel)
{
    enum { ALL = 3 << 20 };
    struct talk t;
    begin(&t);
    if (by_kernel) t.there.pipes = &t.pipes;
    uint8_t *sent = malloc(ALL), *got = malloc(ALL);
    for (size_t i = 0; i < ALL; i++) sent[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t in = 0, out = 0; out < ALL;) {
        const ssize_t put = in < ALL ? write(t.client, sent + in, ALL - in) : 0;
        if (put > 0) in += (size_t)put;
        if (in == ALL && put > 0) shutdown(t.client, SHUT_WR);
        settle(&t);
        const ssize_t n = read(t.server, got + out, ALL - out > 100000 ? 100000 : ALL - out);
        if (n > 0) out += (size_t)n;
        settle(&t);
    }
    assert_memory_equal(sent, got, ALL);
    assert_int_equal(t.there.moved, ALL);
    assert_int_equal(t.pipes.large.made, by_kernel);
    assert_null(t.there.pipe);
    free(sent);
    free(got);
    end(&t);
}

static void test_all_bytes_arrive_through_a_small_buffer(void **state)
{
    (void)state;
    carry_much(false);
}

static void test_all_bytes_arrive_by_the_kernel(void **state)
{
    (void)state;
    carry_much(true);
}

/* Large pipes as long as there are some, then smaller ones; a large one that is returned is the next. */
static void test_pipes_are_bounded(void **state)
{
    struct pipes p;
    struct pipe *all[2 + 16];
    (void)state;
    pipes_init(&p, 4 * PIPE_LARGE);
    for (unsigned i = 0; i < 18; i++) {
        all[i] = pipe_take(&p);
        assert_non_null(all[i]);
        assert_int_equal(all[i]->bytes, i < 2 ? PIPE_LARGE : PIPE_SMALL);
        assert_int_equal(fcntl(all[i]->in, F_GETPIPE_SZ), all[i]->bytes);
    }
    assert_null(pipe_take(&p));
    pipe_give(&p, all[1]);
    pipe_give(&p, all[17]);
    assert_ptr_equal(pipe_take(&p), all[1]);
    for (unsigned i = 0; i < 17; i++) pipe_give(&p, all[i]);
    pipes_fini(&p);
}

/* The rest in the pipe of an ended session goes to no other session. */
static void test_a_pipe_is_not_lent_with_something_in_it(void **state)
{
    (void)state;
    struct talk t;
    static char bytes[1 << 16];
    begin(&t);
    t.there.pipes = &t.pipes;
    for (unsigned idle = 0; idle < 3; settle(&t)) idle = write(t.client, bytes, sizeof bytes) > 0 ? 0 : idle + 1;
    assert_int_equal(t.there_is, WAY_WAITS);
    assert_non_null(t.there.pipe);
    assert_true(t.there.pipe->held > 0);
    way_fini(&t.there, &t.buffers);
    assert_int_equal(t.pipes.large.made, 0);
    end(&t);
}

/* The client closes its sending side; the server gets the end and continues as long as it likes. */
static void test_half_close_is_kept(void **state)
{
    (void)state;
    struct talk t;
    char byte;
    begin(&t);
    assert_int_equal(write(t.client, "x", 1), 1);
    shutdown(t.client, SHUT_WR);
    settle(&t);
    assert_int_equal(t.there_is, WAY_DONE);
    assert_int_equal(read(t.server, &byte, 1), 1);
    assert_int_equal(read(t.server, &byte, 1), 0);
    assert_int_equal(t.back_is, WAY_WAITS);
    assert_int_equal(write(t.server, "y", 1), 1);
    settle(&t);
    assert_int_equal(read(t.client, &byte, 1), 1);
    shutdown(t.server, SHUT_WR);
    settle(&t);
    assert_int_equal(t.back_is, WAY_DONE);
    assert_int_equal(read(t.client, &byte, 1), 0);
    end(&t);
}

/* A body of ten bytes; the bytes after it stay, and another relay takes them. */
static void test_so_many_bytes_and_no_more(void **state)
{
    (void)state;
    struct talk t;
    char got[32];
    begin(&t);
    t.there.left = 10;
    assert_int_equal(write(t.client, "0123456789abc", 13), 13);
    settle(&t);
    assert_int_equal(t.there_is, WAY_DONE);
    assert_int_equal(read(t.server, got, sizeof got), 10);
    t.there.left = 5;
    loop_again(&t.loop, &t.task);
    settle(&t);
    assert_int_equal(t.there_is, WAY_WAITS);
    assert_int_equal(read(t.server, got, sizeof got), 3);
    shutdown(t.client, SHUT_WR);
    settle(&t);
    assert_int_equal(t.there_is, WAY_CUT);
    end(&t);
}

/* A reader that doesn't read stops its sender; only the full buffer is held. */
static void test_a_slow_reader_slows_its_sender(void **state)
{
    (void)state;
    struct talk t;
    static char bytes[1 << 16];
    size_t in = 0;
    begin(&t);
    for (unsigned idle = 0; idle < 3;) {
        const ssize_t n = write(t.client, bytes, sizeof bytes);
        idle = n > 0 ? 0 : idle + 1;
        if (n > 0) in += (size_t)n;
        settle(&t);
    }
    assert_int_equal(t.there_is, WAY_WAITS);
    assert_int_equal(t.buffers.used, 1);
    assert_true(in < 4 << 20);
    for (size_t out = 0; out < in;) {
        const ssize_t n = read(t.server, bytes, sizeof bytes);
        if (n > 0) out += (size_t)n;
        settle(&t);
    }
    assert_int_equal(t.buffers.used, 0);
    end(&t);
}

static void test_a_side_that_fails_is_named(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    assert_int_equal(write(t.client, "x", 1), 1);
    close(t.server);
    t.server = -1;
    settle(&t);
    assert_int_equal(t.there_is, WAY_TO);
    assert_true(t.b.flags & SIDE_FAILED);
    end(&t);
}

static void test_without_a_buffer_nothing_is_read(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    struct buffer *one = buffer_take(&t.buffers), *two = buffer_take(&t.buffers);
    assert_non_null(two);
    assert_null(buffer_take(&t.buffers));
    assert_int_equal(write(t.client, "x", 1), 1);
    settle(&t);
    assert_int_equal(t.there_is, WAY_NO_BUFFER);
    assert_int_equal(buffer_len(one), 0);
    slab_give(&t.buffers, one);
    loop_again(&t.loop, &t.task);
    settle(&t);
    assert_int_equal(t.there_is, WAY_WAITS);
    assert_int_equal(t.there.moved, 1);
    slab_give(&t.buffers, two);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_are_due_once_and_not_early),
        cmocka_unit_test(test_a_timer_is_put_off_stopped_and_set_anew),
        cmocka_unit_test(test_all_bytes_arrive_through_a_small_buffer),
        cmocka_unit_test(test_all_bytes_arrive_by_the_kernel),
        cmocka_unit_test(test_pipes_are_bounded),
        cmocka_unit_test(test_a_pipe_is_not_lent_with_something_in_it),
        cmocka_unit_test(test_half_close_is_kept),
        cmocka_unit_test(test_so_many_bytes_and_no_more),
        cmocka_unit_test(test_a_slow_reader_slows_its_sender),
        cmocka_unit_test(test_a_side_that_fails_is_named),
        cmocka_unit_test(test_without_a_buffer_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
