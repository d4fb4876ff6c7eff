/* Address files: what a member is, what a line may hold, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler/addrfile.h"
#include "tests/unit/compiler/front.h"

static bool parse(const char *s, struct addr *lo, struct addr *hi)
{
    const char *hint;
    bool host_bits;

    return addr_member_parse(s, strlen(s), lo, hi, &hint, &host_bits);
}

static void good_members(void **state)
{
    static const struct {
        const char *text;
        uint32_t lo, hi;
    } v4[] = {
        {"0.0.0.0", 0, 0},
        {"255.255.255.255", UINT32_MAX, UINT32_MAX},
        {"10.0.0.0/8", 0x0a000000, 0x0affffff},
        {"0.0.0.0/0", 0, UINT32_MAX},
        {"192.0.2.1/32", 0xc0000201, 0xc0000201},
        {"10.0.0.1-10.0.0.9", 0x0a000001, 0x0a000009},
        {"10.0.0.1-10.0.0.1", 0x0a000001, 0x0a000001},
    };
    struct addr lo, hi;

    (void)state;
    for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
        assert_true(parse(v4[i].text, &lo, &hi));
        assert_int_equal(lo.family, 4);
        assert_int_equal(addr_v4(&lo), v4[i].lo);
        assert_int_equal(addr_v4(&hi), v4[i].hi);
    }
    assert_true(parse("2001:DB8::/32", &lo, &hi));
    assert_true(addr_v6(&lo) == (u128)0x20010db8 << 96);
    assert_true(addr_v6(&hi) - addr_v6(&lo) == ((u128)1 << 96) - 1);
    assert_true(parse("::ffff:192.0.2.1", &lo, &hi)); /* v4-mapped: an IPv6 address */
    assert_int_equal(lo.family, 6);
    assert_true(parse("::-::9", &lo, &hi));
    assert_true(addr_v6(&hi) == 9);
}

static void bad_members(void **state)
{
    static const char *const bad[] = {
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "1..2.3",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.4/",
        "1.2.3.4/33",
        "1.2.3.4/032",
        "10.0.0.1/8",
        "10.0.0.9-10.0.0.1",
        "10.0.0.1-::1",
        "10.0.0.1-",
        "-10.0.0.1",
        "::1%eth0",
        ":::",
        "::1/129",
        "host",
        "1.2.3.4 5.6.7.8",
        "1.2.3.4,",
        "+1.2.3.4",
        "1.2.3.4/+8",
        "1.2.3.4/-1",
        "999999999999.1.1.1",
        "",
        "1:2:3:4:5:6:7:8:9",
        "11111:2:3:4:5:6:7:8",
    };
    struct addr lo, hi;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(bad[i], &lo, &hi)) fail_msg("taken for a member: %s", bad[i]);
}

/* The text as a file, read. */
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
        cmocka_unit_test(good_members),
        cmocka_unit_test(bad_members),
        cmocka_unit_test(lines_may_end_and_begin_as_they_like),
        cmocka_unit_test(every_bad_line_is_named_up_to_a_bound),
        cmocka_unit_test(zero_bytes_are_one_fault),
        cmocka_unit_test(only_regular_files_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
