/* Files of the history of programs: each is replaced completely, their room is limited in a folder and in memory,
 * and no other file is written or read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/host/file/past_files.h"

static void holds(const struct past_files *h, unsigned file, const char *text)
{
    char got[100] = "";
    const int fd = past_files_open(h, file);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got - 1), strlen(text));
    assert_string_equal(got, text);
    close(fd);
}

static void replaced_and_removed(struct past_files *h)
{
    assert_int_equal(past_files_open(h, HISTORY_LIST), -ENOENT);
    assert_int_equal(past_files_keep(h, HISTORY_LIST, "one", 3), 0);
    assert_int_equal(past_files_keep(h, HISTORY_TEXT + 9, "text", 4), 0);
    const int before = past_files_open(h, HISTORY_LIST);
    assert_int_equal(past_files_keep(h, HISTORY_LIST, "another", 7), 0);
    holds(h, HISTORY_LIST, "another");
    holds(h, HISTORY_LIST, "another"); /* from its beginning again */
    holds(h, HISTORY_TEXT + 9, "text");
    char got[10] = "";
    assert_int_equal(read(before, got, sizeof got), 3); /* a reader of the old one reads that */
    assert_int_not_equal(write(before, "x", 1), 1);
    close(before);
    assert_int_equal(past_files_keep(h, HISTORY_TEXT + 9, NULL, 0), 0);
    assert_int_equal(past_files_keep(h, HISTORY_TEXT + 9, NULL, 0), 0);
    assert_int_equal(past_files_open(h, HISTORY_TEXT + 9), -ENOENT);
    assert_int_equal(past_files_open(h, HISTORY_PROGRAM + 9), -ENOENT);
}

/* Fill the room with files of `each` bytes. Return the number of files that fit. */
static unsigned filled(struct past_files *h, size_t each)
{
    unsigned fit = 0;
    char *bytes = calloc(1, each);
    assert_non_null(bytes);
    while (fit < HISTORY_LIST && !past_files_keep(h, fit, bytes, each)) fit++;
    assert_int_equal(past_files_keep(h, fit, bytes, each), -EFBIG);
    assert_int_equal(past_files_keep(h, 0, bytes, each), 0); /* in place of one with the same size */
    assert_int_equal(past_files_keep(h, 1, NULL, 0), 0);
    assert_int_equal(past_files_keep(h, fit, bytes, each), 0);
    free(bytes);
    return fit;
}

static void in_memory(void **state)
{
    struct past_files *h = past_files_new(NULL);
    (void)state;
    assert_non_null(h);
    replaced_and_removed(h);
    past_files_free(h);
    h = past_files_new(NULL);
    assert_int_equal(filled(h, 5 << 20), 3);
    past_files_free(h);
    past_files_free(NULL);
}

static void in_a_folder(void **state)
{
    char top[] = "/tmp/test-history-XXXXXX", folder[60], path[100];
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(top));
    snprintf(folder, sizeof folder, "%s/edge.history", top);
    struct past_files *h = past_files_new(folder);
    replaced_and_removed(h);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    past_files_free(h);
    h = past_files_new(folder); /* it counts the existing files */
    holds(h, HISTORY_LIST, "another");
    assert_int_equal(past_files_keep(h, HISTORY_LIST, NULL, 0), 0);
    assert_int_equal(filled(h, 60 << 20), 2);
    past_files_free(h);
    h = past_files_new(folder);
    assert_int_equal(past_files_keep(h, 3, folder, 60), 0);
    char *large = calloc(1, 60 << 20);
    assert_int_equal(past_files_keep(h, 4, large, 60 << 20), -EFBIG);
    assert_int_equal(past_files_keep(h, 4, large, HISTORY_FILE_MOST + 1u), -EFBIG);
    free(large);

    /* A link in place of a file or the folder leads nowhere. */
    snprintf(path, sizeof path, "%s/5.pbc", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(past_files_open(h, 5), -ELOOP);
    assert_int_equal(past_files_keep(h, 5, "five", 4), 0);
    holds(h, 5, "five");
    for (unsigned i = 0; i < 6; i++) assert_int_equal(past_files_keep(h, i, NULL, 0), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(symlink(top, folder), 0);
    assert_true(past_files_keep(h, 0, "zero", 4) < 0);
    past_files_free(h);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rmdir(top), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_memory), cmocka_unit_test(in_a_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
