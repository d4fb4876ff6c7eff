/* Addresses as text: what a member is, what a line may hold, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/words/addr_text.h"

static enum addr_fault parse(const char *s, struct addr_member *m) { return addr_text_member(s, strlen(s), m); }

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
    struct addr_member m;

    (void)state;
    for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
        assert_int_equal(parse(v4[i].text, &m), ADDR_GOOD);
        assert_int_equal(m.family, 4);
        assert_int_equal(m.v4.lo, v4[i].lo);
        assert_int_equal(m.v4.hi, v4[i].hi);
    }
}

static void good_long_members(void **state)
{
    static const struct {
        const char *text;
        struct pbc_range6 r;
    } v6[] = {
        {"::", {0, 0, 0, 0}},
        {"::/0", {0, 0, UINT64_MAX, UINT64_MAX}},
        {"2001:DB8::/32", {0x20010db800000000, 0, 0x20010db8ffffffff, UINT64_MAX}},
        {"2001:db8::/64", {0x20010db800000000, 0, 0x20010db800000000, UINT64_MAX}},
        {"2001:db8::/65", {0x20010db800000000, 0, 0x20010db800000000, UINT64_MAX >> 1}},
        {"::1/128", {0, 1, 0, 1}},
        {"::ffff:192.0.2.1", {0, 0xffffc0000201, 0, 0xffffc0000201}}, /* v4-mapped: an IPv6 address */
        {"::-::9", {0, 0, 0, 9}},
        {"fe80::-fe80::ffff", {0xfe80000000000000, 0, 0xfe80000000000000, 0xffff}},
    };
    struct addr_member m;

    (void)state;
    for (size_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++) {
        assert_int_equal(parse(v6[i].text, &m), ADDR_GOOD);
        assert_int_equal(m.family, 6);
        assert_memory_equal(&m.v6, &v6[i].r, sizeof m.v6);
    }
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
    struct addr_member m;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(bad[i], &m) == ADDR_GOOD) fail_msg("taken for a member: %s", bad[i]);
}

static void faults_are_told_in_words(void **state)
{
    static const struct {
        const char *text;
        enum addr_fault fault;
        const char *says;
    } bad[] = {
        {"10.0.0.1/24", ADDR_HOST_BITS,
         "the address has bits set past its first 24: this is either the network 10.0.0.0/24 or the host 10.0.0.1"},
        {"2001:db8::1/32", ADDR_HOST_BITS,
         "the address has bits set past its first 32: this is either the network 2001:db8::/32 or the host "
         "2001:db8::1"},
        {"10.0.0.1/0", ADDR_HOST_BITS,
         "the address has bits set past its first 0: this is either the network 0.0.0.0/0 or the host 10.0.0.1"},
        {"10.0.0.0/33", ADDR_LENGTH, "this is no address, prefix or range: a prefix length goes from 0 to 32"},
        {"::/129", ADDR_LENGTH, "this is no address, prefix or range: a prefix length goes from 0 to 128"},
        {"10.0.0.9-10.0.0.1", ADDR_BACKWARDS, "this is no address, prefix or range: the range runs backwards"},
        {"10.0.0.1-::1", ADDR_FAMILIES, "this is no address, prefix or range: a range is two addresses of one family"},
        {"fe80::1%eth0", ADDR_ZONE,
         "this is no address, prefix or range: an address with a zone belongs to one link, not into a set"},
        {"10.0.0.1, 10.0.0.2", ADDR_BLANKS,
         "this is no address, prefix or range: one address, prefix or range a line, without spaces in it"},
        {"www.example.com", ADDR_NAME,
         "this is no address, prefix or range: names of hosts can't stand in a set: their addresses change"},
        {"1.2.3", ADDR_NONE, "this is no address, prefix or range"},
    };
    struct addr_member m;
    char said[256], cut[10];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(bad[i].text, &m), bad[i].fault);
        addr_fault_describe(bad[i].text, strlen(bad[i].text), bad[i].fault, said, sizeof said);
        assert_string_equal(said, bad[i].says);
        addr_fault_describe(bad[i].text, strlen(bad[i].text), bad[i].fault, cut, sizeof cut);
        assert_int_equal(strlen(cut), sizeof cut - 1);
    }
}

/* What a reader was called with. */
struct seen {
    unsigned members, bad;
    struct addr_bad_line last;
};

static void see_member(void *arg, const struct addr_member *m)
{
    (void)m;
    ((struct seen *)arg)->members++;
}

static void see_bad(void *arg, const struct addr_bad_line *l)
{
    ((struct seen *)arg)->bad++;
    ((struct seen *)arg)->last = *l;
}

static struct seen read_text(const char *text, size_t len)
{
    struct seen seen = {0};

    assert_true(addr_text_read(text, len, &(struct addr_reader){&seen, see_member, see_bad}));
    return seen;
}

static void lines_may_end_and_begin_as_they_like(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "10.0.0.1\r\n\r\n# comment\n\t 10.0.0.3 # why\r\n   \n10.0.0.2\n2001:db8::1#x\n10.0.0.1";

    (void)state;
    assert_int_equal(read_text(text, sizeof text - 1).members, 5);
    assert_int_equal(read_text(text, sizeof text - 1).bad, 0);
    assert_int_equal(read_text("", 0).members, 0);
    assert_int_equal(read_text("\xef\xbb\xbf", 3).members, 0);
}

static void a_bad_line_has_its_place(void **state)
{
    const struct seen seen = read_text("10.0.0.1\n\n  10.0.0.1/24 # x\r\n::1\n", 33);

    (void)state;
    assert_int_equal(seen.members, 2);
    assert_int_equal(seen.bad, 1);
    assert_int_equal(seen.last.line, 3);
    assert_int_equal(seen.last.col, 3);
    assert_int_equal(seen.last.len, strlen("10.0.0.1/24"));
    assert_int_equal(seen.last.text_len, strlen("  10.0.0.1/24 # x"));
}

static void one_bad_line_of_a_million_is_found(void **state)
{
    enum { LINES = 1000000, WIDTH = 9 };
    char *text = malloc((size_t)LINES * WIDTH);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < LINES; i++) memcpy(text + i * WIDTH, i == 765432 ? "10.0.0.x\n" : "10.0.0.1\n", WIDTH);
    const struct seen seen = read_text(text, (size_t)LINES * WIDTH);
    assert_int_equal(seen.members, LINES - 1);
    assert_int_equal(seen.bad, 1);
    assert_int_equal(seen.last.line, 765433);
    free(text);
}

static void a_huge_line_is_one_fault(void **state)
{
    const size_t len = (size_t)8 << 20;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    memset(text, '1', len);
    assert_int_equal(read_text(text, len).bad, 1);
    memset(text, ':', len);
    assert_int_equal(read_text(text, len).last.len, len);
    memset(text, ' ', len);
    assert_int_equal(read_text(text, len).bad, 0);
    free(text);
}

static void zero_bytes_are_no_text(void **state)
{
    static const char text[] = "10.0.0.1\n\0";
    struct seen seen = {0};

    (void)state;
    assert_false(addr_text_read(text, sizeof text, &(struct addr_reader){&seen, see_member, see_bad}));
    assert_int_equal(seen.members, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_members),
        cmocka_unit_test(good_long_members),
        cmocka_unit_test(bad_members),
        cmocka_unit_test(faults_are_told_in_words),
        cmocka_unit_test(lines_may_end_and_begin_as_they_like),
        cmocka_unit_test(a_bad_line_has_its_place),
        cmocka_unit_test(one_bad_line_of_a_million_is_found),
        cmocka_unit_test(a_huge_line_is_one_fault),
        cmocka_unit_test(zero_bytes_are_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
