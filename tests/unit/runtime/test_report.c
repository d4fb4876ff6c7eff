/* Counters for a slow reader: the main thread doesn't wait for everything to be read. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/live/control/document/live_report.h"

enum { PIECE = 4096, TEXT = 256 * PIECE };

/* Read a piece at a time, with a rest after each, until the other end is closed. */
static void *read_slowly(void *arg)
{
    char bytes[PIECE];
    const struct timespec rest = {.tv_nsec = 50000000};
    while (read(*(int *)arg, bytes, sizeof bytes) > 0) nanosleep(&rest, NULL);
    return NULL;
}

static void slow_reader(void **state)
{
    (void)state;
    int fds[2];
    pthread_t reader;
    char *text = calloc(1, TEXT);
    assert_non_null(text);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, PIECE), PIECE);
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &fds[0]), 0);
    assert_int_equal(report_print(fds[1], text, TEXT), -ETIMEDOUT);
    close(fds[1]);
    pthread_join(reader, NULL);
    close(fds[0]);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slow_reader)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
