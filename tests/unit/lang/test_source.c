/* Source files: reading within a limit, places and lines. */
#include "parsed.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void places_are_lines_and_bytes(void **state)
{
    (void)state;
    struct sources s;
    sources_init(&s);
    static const char text[] = "ab\n\nc\r\nlast";
    const uint32_t f = (uint32_t)sources_add(&s, "x", text, sizeof(text) - 1);
    static const struct {
        uint32_t at;
        unsigned line, col;
    } want[] = {
        {0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {6, 3, 3}, {7, 4, 1}, {11, 4, 5}, {999, 4, 5},
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        unsigned line, col;
        source_place(&s, f, want[i].at, &line, &col);
        assert_int_equal(line, want[i].line);
        assert_int_equal(col, want[i].col);
    }
    size_t len;
    assert_memory_equal(source_line(&s, f, 3, &len), "c", 1);
    assert_int_equal(len, 1);
    assert_memory_equal(source_line(&s, f, 4, &len), "last", 4);
    assert_int_equal(len, 4);
    source_line(&s, f, 5, &len);
    assert_int_equal(len, 0);
    source_line(&s, 77, 1, &len);
    assert_int_equal(len, 0);
    sources_fini(&s);
}

static void an_empty_file_has_one_empty_line(void **state)
{
    (void)state;
    struct sources s;
    sources_init(&s);
    const uint32_t f = (uint32_t)sources_add(&s, "x", "", 0);
    unsigned line, col;
    size_t len;
    source_place(&s, f, 0, &line, &col);
    assert_int_equal(line, 1);
    assert_int_equal(col, 1);
    source_line(&s, f, 1, &len);
    assert_int_equal(len, 0);
    sources_fini(&s);
}

static void only_regular_files_within_the_bound_are_read(void **state)
{
    (void)state;
    struct sources s;
    sources_init(&s);
    char path[] = "/tmp/prey-source-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "12345", 5), 5);
    close(fd);
    assert_int_equal(sources_read(&s, path, 4), -EFBIG);
    assert_int_equal(sources_read(&s, path, 5), 0);
    assert_int_equal(s.files[0].len, 5);
    assert_string_equal(s.files[0].text, "12345");
    assert_int_equal(sources_read(&s, "/tmp", 100), -EISDIR);
    assert_int_equal(sources_read(&s, "/dev/zero", 100), -EINVAL);
    assert_int_equal(sources_read(&s, "/tmp/there-is-no-such-file", 100), -ENOENT);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(sources_read(&s, path, 100), -EINVAL);
    unlink(path);
    assert_int_equal(s.count, 1);
    sources_fini(&s);
}

static void many_files_keep_their_texts(void **state)
{
    (void)state;
    struct sources s;
    sources_init(&s);
    for (int i = 0; i < 100; i++) {
        char text[16];
        const int n = snprintf(text, sizeof(text), "text %d", i);
        assert_int_equal(sources_add(&s, text, text, (size_t)n), i);
    }
    assert_string_equal(s.files[0].text, "text 0");
    assert_string_equal(s.files[99].path, "text 99");
    sources_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_lines_and_bytes),
        cmocka_unit_test(an_empty_file_has_one_empty_line),
        cmocka_unit_test(only_regular_files_within_the_bound_are_read),
        cmocka_unit_test(many_files_keep_their_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
