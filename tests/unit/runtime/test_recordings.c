/* Files of recordings: their names, and that only the oldest of several goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "runtime/host/recordings.h"

static void make(int dir, uint64_t number)
{
    const int fd = record_open_file(dir, number, true);
    assert_true(fd >= 0);
    close(fd);
}

static bool is_there(int dir, uint64_t number)
{
    char name[RECORDING_NAME];
    recording_name(number, name);
    return !faccessat(dir, name, F_OK, 0);
}

static void only_the_oldest_goes(void **state)
{
    char path[] = "/tmp/test-recordings-XXXXXX", err[300];
    (void)state;
    assert_non_null(mkdtemp(path));
    const int dir = recordings_open(path, true, err, sizeof err);
    assert_true(dir >= 0);
    for (uint64_t i = 7; i < 10; i++) make(dir, i);
    assert_int_equal(record_open_file(dir, 8, true), -EEXIST);
    assert_int_equal(record_remove_oldest(dir, 8), -EPERM);
    assert_int_equal(record_remove_oldest(dir, 9), -EPERM);
    assert_int_equal(record_remove_oldest(dir, 7), 0);
    assert_int_equal(record_remove_oldest(dir, 8), 0);
    assert_int_equal(record_remove_oldest(dir, 9), -EPERM); /* which is written */
    assert_false(is_there(dir, 7) || is_there(dir, 8));
    assert_true(is_there(dir, 9));
    record_remove_file(dir, 9);
    close(dir);
    rmdir(path);
}

static void names_are_numbers(void **state)
{
    (void)state;
    assert_int_equal(recording_number("prey-000012.pcapng"), 12);
    assert_int_equal(recording_number("prey-1000000.pcapng"), 1000000);
    static const char *const others[] = {"prey-12.pcapng",     "prey-000012.pcap",   "prey-.pcapng",
                                         "prey-+00012.pcapng", "prey-000000.pcapng", "x"};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) assert_int_equal(recording_number(others[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_oldest_goes),
        cmocka_unit_test(names_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
