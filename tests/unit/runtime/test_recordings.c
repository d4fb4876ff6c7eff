/* Files of recordings: their names; only the oldest of several goes; one process makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/host/file/recordings.h"
#include "runtime/record/reel.h"

static void make(int dir, uint64_t number)
{
    const int fd = record_open_file(dir, number, true);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
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
    assert_int_equal(record_remove_spare(dir, 8), -EPERM);
    assert_int_equal(record_remove_spare(dir, 9), -EPERM);
    assert_int_equal(record_remove_spare(dir, 7), 0);
    assert_int_equal(record_remove_spare(dir, 8), 0);
    assert_int_equal(record_remove_spare(dir, 9), -EPERM); /* the one being written */
    assert_false(is_there(dir, 7) || is_there(dir, 8));
    assert_true(is_there(dir, 9));
    assert_int_equal(record_shorten_file(dir, 9, 0), 0);
    assert_int_equal(record_remove_spare(dir, 9), 0); /* one that couldn't be begun */
    assert_false(is_there(dir, 9));
    close(dir);
    rmdir(path);
}

/* A folder and a FIFO have names of recordings: their numbers are skipped, and the oldest recording still goes. */
static void what_is_no_recording_stands_in_no_way(void **state)
{
    char path[] = "/tmp/test-recordings-XXXXXX", err[300];
    struct reel r;
    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(reel_open(&r, path, 1 << 20, err, sizeof err), 0);
    assert_int_equal(mkdirat(r.dir, "prey-000001.pcapng", 0700), 0);
    assert_int_equal(mkfifoat(r.dir, "prey-000003.pcapng", 0600), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(reel_next(&r), 0);
        assert_int_equal(reel_write(&r, "x", 1), 0);
    }
    assert_true(is_there(r.dir, 2) && is_there(r.dir, 4));
    assert_int_equal(record_remove_spare(r.dir, 2), 0);
    record_remove_file(r.dir, 4);
    unlinkat(r.dir, "prey-000003.pcapng", 0);
    unlinkat(r.dir, "prey-000001.pcapng", AT_REMOVEDIR);
    reel_close(&r);
    rmdir(path);
}

static void one_records_there(void **state)
{
    char path[] = "/tmp/test-recordings-XXXXXX", err[300];
    (void)state;
    assert_non_null(mkdtemp(path));
    const int one = recordings_open(path, true, err, sizeof err);
    assert_true(one >= 0);
    assert_int_equal(recordings_open(path, true, err, sizeof err), -EBUSY);
    assert_non_null(strstr(err, "another preyrun records in this directory"));
    const int reader = recordings_open(path, false, err, sizeof err);
    assert_true(reader >= 0);
    close(one);
    const int next = recordings_open(path, true, err, sizeof err);
    assert_true(next >= 0);
    close(next);
    close(reader);
    rmdir(path);
}

static int there(void *arg, uint64_t number, uint64_t *bytes)
{
    char name[RECORDING_NAME];
    if (*(int *)arg < 0) return *(int *)arg;
    recording_name(number, name);
    return recording_there(*(int *)arg, name, bytes) ? 0 : -ENOENT;
}

/* Another process has recorded since the files were listed: files that it made are counted, and files that it
 * removed aren't. */
static void another_has_recorded_meanwhile(void **state)
{
    char path[] = "/tmp/test-recordings-XXXXXX", err[300];
    struct reel mine, its;
    int dir = -EBUSY;
    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(reel_open(&its, path, 100, err, sizeof err), 0);
    for (unsigned i = 0; i < 2; i++) assert_true(!reel_next(&its) && !reel_write(&its, "four", 4));
    assert_int_equal(reel_open(&mine, path, 0, err, sizeof err), 0);
    mine.most = 100;
    mine.maker = (struct reel_maker){.there = there, .arg = &dir};
    assert_int_equal(reel_again(&mine), -EBUSY);
    assert_true(mine.count == 2 && mine.total == 8);
    assert_int_equal(reel_write(&its, "four", 4), 0);
    for (unsigned i = 0; i < 70; i++) assert_true(!reel_next(&its) && !reel_write(&its, "x", 1));
    record_remove_file(its.dir, 1);
    dir = its.dir;
    assert_int_equal(reel_again(&mine), 0);
    assert_true(mine.count == 71 && mine.total == 8 + 70);
    assert_true(mine.files[0].number == 2 && mine.files[0].bytes == 8 && mine.files[70].number == 72);
    mine.maker = (struct reel_maker){0};
    assert_true(!reel_next(&mine) && !reel_write(&mine, "x", 1));
    assert_true(is_there(its.dir, 73));
    for (uint64_t i = 2; i <= 73; i++) record_remove_file(its.dir, i);
    reel_close(&mine);
    reel_close(&its);
    rmdir(path);
}

/* A reader gets at most that many; the recorder removes the oldest. */
static void bounded(void **state)
{
    char path[] = "/tmp/test-recordings-XXXXXX", err[300];
    struct reel r;
    (void)state;
    assert_non_null(mkdtemp(path));
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (uint64_t i = 1; i <= RECORDINGS_MOST; i++) { /* one by one: each that is made counts them */
        char name[RECORDING_NAME];
        recording_name(i, name);
        close(openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    assert_int_equal(record_open_file(dir, RECORDINGS_MOST + 1, true), -EDQUOT);
    assert_int_equal(reel_open(&r, path, 1 << 20, err, sizeof err), 0);
    assert_int_equal(reel_next(&r), 0);
    assert_int_equal(r.count, RECORDINGS_MOST);
    assert_false(is_there(dir, 1));
    assert_true(is_there(dir, 2) && is_there(dir, RECORDINGS_MOST + 1));
    reel_close(&r);
    for (uint64_t i = 2; i <= RECORDINGS_MOST + 1; i++) record_remove_file(dir, i);
    close(dir);
    assert_int_equal(rmdir(path), 0);
}

static void removes(void *arg, uint64_t number) { assert_int_equal(record_remove_spare(*(const int *)arg, number), 0); }

static int makes(void *arg, uint64_t number) { return record_open_file(*(const int *)arg, number, true); }

/* A recording that can't begin leaves no file, even if another process, such as its parent, made the file. */
static void what_is_not_begun_is_taken_away(void **state)
{
    char path[] = "/tmp/test-recordings-XXXXXX", err[300];
    static const char large[4097];
    struct reel r;
    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(reel_open(&r, path, 4096, err, sizeof err), 0);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(reel_next(&r), 0);
        assert_int_equal(reel_write(&r, large, sizeof large), -EFBIG);
        assert_int_equal(reel_written(&r), 0);
        assert_false(is_there(dir, 1));
        assert_int_equal(reel_write(&r, "x", 1), -EBADF);
        reel_leave(&r, &(struct reel_maker){.make = makes, .remove = removes, .arg = &dir});
    }
    assert_int_equal(reel_next(&r), 0);
    assert_int_equal(reel_write(&r, "x", 1), 0);
    assert_true(is_there(dir, 1));
    reel_close(&r);
    record_remove_file(dir, 1);
    close(dir);
    assert_int_equal(rmdir(path), 0);
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
        cmocka_unit_test(what_is_no_recording_stands_in_no_way),
        cmocka_unit_test(one_records_there),
        cmocka_unit_test(bounded),
        cmocka_unit_test(another_has_recorded_meanwhile),
        cmocka_unit_test(names_are_numbers),
        cmocka_unit_test(what_is_not_begun_is_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
