/* Lines that a log's reader doesn't take are counted, and reported before the next line that it takes, even if its
 * pipe holds one line at a time. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/live/tell/events.h"

/* Replace standard error by a pipe of one page that the test reads. */
static int begin(struct events *e, int *was)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
    *was = dup(STDERR_FILENO);
    assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    close(fds[1]);
    assert_int_equal(events_init(e, LOG_TEXT, "test", NULL, STDERR_FILENO), 0);
    return fds[0];
}

static const char *next(int fd)
{
    static char line[200];
    const ssize_t n = read(fd, line, sizeof line - 1);
    line[n > 0 ? n : 0] = 0;
    return strchr(line, ' ') ? strchr(line, ' ') + 2 : line; /* without the time */
}

static void what_is_lost_is_told_first(void **state)
{
    struct events e;
    int was;
    (void)state;
    const int fd = begin(&e, &was);
    for (unsigned i = 1; i <= 3; i++) events_tell(&e, TOLD_READY, "line %u", i);
    char first[200], second[200];
    strcpy(first, next(fd));
    events_tell(&e, TOLD_READY, "line 4"); /* there is no room for it behind the report */
    strcpy(second, next(fd));
    events_tell(&e, TOLD_READY, "line 5");
    const char *third = next(fd);
    dup2(was, STDERR_FILENO);
    assert_string_equal(first, "ready: line 1\n");
    assert_non_null(strstr(second, "--log: 2 lines before this one were not written"));
    assert_non_null(strstr(third, "--log: 1 line before this one was not written"));
    assert_int_equal(e.not_taken, 4);
    close(fd);
    events_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_lost_is_told_first)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
