/* Address files: those that are read, and the messages about bad lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler/resolve/sets/addrfile.h"
#include "tests/unit/compiler/front.h"

/* Read the text as a file. */
static bool read_text(struct compile *c, const char *text, size_t len, struct addr_set *out, struct addrfile *info)
{
    char path[] = "/tmp/addrfile.XXXXXX";
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    compile_init(c);
    const bool good = addrfile_read(c, path, SPAN_NONE, out, info);
    unlink(path);
    return good;
}

static void lines_may_end_and_begin_as_they_like(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "10.0.0.1\r\n\r\n# comment\n\t 10.0.0.3 # why\r\n   \n10.0.0.2\n2001:db8::1#x\n10.0.0.1";
    struct addr_set set = {0};
    struct addrfile info;
    struct compile c;

    (void)state;
    assert_true(read_text(&c, text, sizeof(text) - 1, &set, &info));
    assert_int_equal(info.members, 5);
    assert_int_equal(info.inside, 1);
    assert_int_equal(set.v4.n, 1);
    assert_int_equal(set.v4.r[0].hi - set.v4.r[0].lo, 2);
    assert_int_equal(set.v6.n, 1);
    assert_int_equal(diags_errors(c.diags), 0);
    set_fini(&set);
    compile_fini(&c);
}

static void every_bad_line_is_named_up_to_a_bound(void **state)
{
    char text[4000] = "";
    struct addr_set set = {0};
    struct addrfile info;
    struct compile c;
    char *said;

    (void)state;
    for (unsigned i = 0; i < 100; i++) strcat(text, i == 50 ? "10.0.0.1\n" : "10.0.0.1/24\n");
    assert_false(read_text(&c, text, strlen(text), &set, &info));
    said = front_said(&c);
    assert_int_equal(diags_errors(c.diags), ADDRFILE_FAULTS_MAX + 1);
    assert_non_null(strstr(said, "\"line\":20"));
    assert_null(strstr(said, "\"line\":21,"));
    assert_non_null(strstr(said, "79 more bad lines"));
    free(said);
    set_fini(&set);
    compile_fini(&c);
}

static void zero_bytes_are_one_fault(void **state)
{
    static const char text[] = "10.0.0.1\n\0\0\0\n\0";
    struct addr_set set = {0};
    struct addrfile info;
    struct compile c;

    (void)state;
    assert_false(read_text(&c, text, sizeof(text), &set, &info));
    assert_int_equal(diags_errors(c.diags), 1);
    set_fini(&set);
    compile_fini(&c);
}

static void only_regular_files_are_read(void **state)
{
    static const char *const paths[] = {"/dev/zero", "/tmp", "/no/such/file", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct addr_set set = {0};
        struct addrfile info;
        struct compile c;

        compile_init(&c);
        assert_false(addrfile_read(&c, paths[i], SPAN_NONE, &set, &info));
        assert_int_equal(diags_errors(c.diags), 1);
        compile_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_may_end_and_begin_as_they_like),
        cmocka_unit_test(every_bad_line_is_named_up_to_a_bound),
        cmocka_unit_test(zero_bytes_are_one_fault),
        cmocka_unit_test(only_regular_files_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
