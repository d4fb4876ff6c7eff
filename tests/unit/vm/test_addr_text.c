/* Addresses as text: valid members, valid lines, and the messages about bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/words/words.h"

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
        {"10.0.0.0/33", ADDR_LENGTH, "not an address, prefix or range: a prefix length goes from 0 to 32"},
        {"::/129", ADDR_LENGTH, "not an address, prefix or range: a prefix length goes from 0 to 128"},
        {"10.0.0.9-10.0.0.1", ADDR_BACKWARDS, "not an address, prefix or range: the range runs backwards"},
        {"10.0.0.1-::1", ADDR_FAMILIES, "not an address, prefix or range: a range is two addresses of one family"},
        {"fe80::1%eth0", ADDR_ZONE,
         "not an address, prefix or range: an address with a zone belongs to one link, and a set can't contain it"},
        {"10.0.0.1, 10.0.0.2", ADDR_BLANKS,
         "not an address, prefix or range: write one address, prefix or range per line, without spaces in it"},
        {"www.example.com", ADDR_NAME,
         "not an address, prefix or range: a set of addresses can't contain host names: their addresses change"},
        {"1.2.3", ADDR_NONE, "not an address, prefix or range"},
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

/* The reader's calls. */
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

/* Formats of files: the number of members, and the faults in order. */
static const struct form {
    const char *text;
    unsigned members;
    enum addr_fault faults[4];
} forms[] = {
    {"; DROP\n1.10.16.0/20 ; SBL256894\n1.19.0.0/16;SBL434604\n2001:db8::/32;x\n10.0.0.1 # y ; z\n", 4, {0}},
    {"create a hash:net family inet\ncreate b hash:net family inet6 -exist\nadd a 1.2.3.0/24\n"
     "add a 1.2.4.4 timeout 300 packets 0 bytes 0 comment \"no 1.2.3.4 # bar\"\r\nadd b 2001:db8::/32 # why\n# end\n",
     3,
     {0}},
    {"-N a bitmap:ip\n-F a\n-A a 10.0.0.1-10.0.0.9\nflush a\nadd -exist\n\n", 1, {ADDR_NONE}},
    {"add a 10.0.0.0/8 nomatch\nadd a 10.0.0.1 10.0.0.2\ndel a 10.0.0.1\nadd a 10.0.0.1/24\n",
     0,
     {ADDR_NOMATCH, ADDR_OPTION, ADDR_COMMAND, ADDR_HOST_BITS}},
    {"add a 10.0.0.1\nadd b 10.0.0.2\nadd b 10.0.0.3\nadd b ::1\nadd a ::2\n", 2, {ADDR_SECOND, ADDR_SECOND}},
    {"create p hash:ip,port\nadd p 1.2.3.4,tcp:80\ncreate q\ncreate\nadd a\n",
     0,
     {ADDR_KIND, ADDR_COMMAND, ADDR_COMMAND, ADDR_NONE}},
    {"add element 10.0.0.1\nadd table ::1\n", 2, {0}}, /* an ipset may have such a name */
    {"table inet f {\n\tset a {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 1.2.3.0/24, "
     "10.0.0.1-10.0.0.9,\n"
     "\t\t\t 192.0.2.1 timeout 1h expires 59m59s10ms, 192.0.2.4 counter packets 3 bytes 180,\n"
     "\t\t\t 192.0.2.5 comment \"} 1.2.3.4, \" }\n\t}\n}\n",
     5,
     {0}},
    {"#!/usr/sbin/nft -f\ntable ip x { set ports { type inet_service; elements = { 22, 80-90 } }\n"
     "map m { type ipv4_addr : verdict; elements = { 9.9.9.9 : drop } }\nset six { typeof ip6 saddr; elements = { ::1, "
     "} }\n"
     "chain c { ip saddr { 5.5.5.5, 6.6.6.6 } drop; ip saddr vmap { 7.7.7.7 : drop } } }\nset four { "
     "elements={8.8.8.8} }",
     2,
     {0}},
    {"table ip x { set a { type ipv4_addr; }\n}", 0, {0}}, /* an empty set is valid */
    {"add set ip x a { type ipv4_addr; }\nflush set ip x a\nadd element ip x a { 1.2.3.4,\n2.3.4.0/24 }\n"
     "add element ip x a { ::1 }\n",
     3,
     {0}},
    {"table ip x { set a { type ipv4_addr; elements = { 1.2.3.4 } } }\n"
     "table inet x { set a { type ipv4_addr; elements = { 5.6.7.8, 5.6.7.9 } } }\n"
     "table ip y { set a { type ipv4_addr; elements = { 5.6.7.8 } } }\n"
     "add element x a { 2.3.4.5 }\nadd element ip y a { 3.4.5.6 }\nadd element ip x a { 4.5.6.7 }",
     3,
     {ADDR_SECOND, ADDR_SECOND, ADDR_SECOND}}, /* one per name in each table; `ip` is the family if none is given */
    {"define ru = {\n  2.56.24.0/22,\n  2.56.88.0/22, # x\n}\n", 2, {0}},
    {"elements = { 10.0.0.1 }", 1, {0}},
    {"set a { type ipv4_addr\nelements = { 1.2.3.4 } }\nset b { type ipv4_addr\nelements = { 5.6.7.8, 5.6.7.9 } }",
     1,
     {ADDR_SECOND}},
    {"set a { elements = { 1.1.1.1 2.2.2.2, 3.3.3.3 timeout 1h 4.4.4.4, 5.5.5.5 \"x\", host.example } }",
     0,
     {ADDR_OPTION, ADDR_OPTION, ADDR_OPTION, ADDR_NAME}},
    {"set a { elements = { 1.1.1.1 { 2.2.2.2 }, * , \"x\", $other } }",
     0,
     {ADDR_OPTION, ADDR_NONE, ADDR_NONE, ADDR_NAME}},
    {"delete element ip x a { 1.1.1.1 }\nset a { }", 0, {ADDR_COMMAND}},
    {"set a { type ipv4_addr . inet_service; elements = { 1.1.1.1 . 80 } }", 0, {ADDR_KIND}},
    {"table ip x { chain y { ip saddr 1.2.3.4 drop } }", 0, {ADDR_NO_SET}},
    {"set a { elements = { 1.1.1.1,", 1, {ADDR_BRACES}},
    {"set a { elements = { 1.1.1.1", 1, {ADDR_BRACES}},
    {"table x { set a { type ipv4_addr", 0, {ADDR_BRACES}},
    {"#!/usr/sbin/nft -f\n\ntable x { set a { type ipv4_addr\n", 0, {ADDR_BRACES}},
    {"# a comment\ntable ip x { chain y { } }", 0, {ADDR_NO_SET}},
    {"table x { chain a { { {", 0, {ADDR_BRACES}},
    {"set a { comment \"x\n }", 0, {ADDR_BRACES}},
    {"set a { } }", 0, {ADDR_BRACES}},
    {"\n [\n\"1.2.3.4\" ]", 0, {ADDR_JSON}},
    {"{\"cidr\":\"1.10.16.0/20\"}\n{}", 0, {ADDR_JSON}},
    {"<!DOCTYPE html>\n1.2.3.4", 0, {ADDR_PAGE}},
    {"Name: a\nType: hash:ip\n", 0, {ADDR_LISTING}},
    {"[::1]\n10.0.0.1", 1, {ADDR_NONE}},
};

struct faults {
    unsigned members, bad;
    enum addr_fault fault[8];
};

static void count_member(void *arg, const struct addr_member *m)
{
    (void)m;
    ((struct faults *)arg)->members++;
}

static void note_fault(void *arg, const struct addr_bad_line *l)
{
    struct faults *f = arg;

    assert_in_range(l->col - 1 + l->len, 0, l->text_len);
    /* One line; only its beginning, because a hostile one has endless faults. */
    assert_null(memchr(l->text, '\n', l->text_len < 4096 ? l->text_len : 4096));
    if (f->bad < 8) f->fault[f->bad] = l->fault;
    f->bad++;
}

static void files_are_read_as_they_are_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct addr_reader reader = {.member = count_member, .bad = note_fault};
        struct faults found = {0};
        struct addr_reader with = reader;
        unsigned bad = 0;

        with.arg = &found;
        assert_true(addr_text_read(forms[i].text, strlen(forms[i].text), &with));
        while (bad < 4 && forms[i].faults[bad]) bad++;
        if (found.members != forms[i].members || found.bad != bad)
            fail_msg("%u members, %u faults in: %s", found.members, found.bad, forms[i].text);
        for (unsigned k = 0; k < bad; k++) assert_int_equal(found.fault[k], forms[i].faults[k]);
    }
}

/* A listing that is cut anywhere is reported, unless it may end there. */
static void a_cut_listing_has_lost_its_end(void **state)
{
    static const char text[] = "table ip x {\n set a {\n  type ipv4_addr\n  elements = { 10.0.0.1, 10.0.0.2 }\n }\n}";

    (void)state;
    for (size_t len = strlen("table ip x {"); len < sizeof text - 1; len++) {
        struct faults found = {0};

        addr_text_read(text, len, &(struct addr_reader){&found, count_member, note_fault});
        if (!found.bad) fail_msg("no fault in the first %zu bytes", len);
    }
}

/* Time is linear for any file: these take hours if a part is read again for each line. */
static void hostile_files_end_soon(void **state)
{
    static const char *const parts[] = {"{",
                                        "}",
                                        "set a {",
                                        "\"",
                                        "add a 1.1.1.1\n",
                                        "add b 1.1.1.1\nadd a 1.1.1.1\n",
                                        "elements = {",
                                        "1.1.1.1 x,",
                                        "#",
                                        "\n\n",
                                        "create p hash:ip,port\n"};
    const size_t len = (size_t)1 << 20;
    char *text = malloc(len + 64);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (unsigned form = 0; form < 2; form++) {
            struct faults found = {0};
            size_t n = (size_t)sprintf(text, form ? "add a 10.0.0.1\n" : "set a { elements = {");

            while (n + 32 < len) n += (size_t)sprintf(text + n, "%s", parts[i]);
            assert_true(addr_text_read(text, n, &(struct addr_reader){&found, count_member, note_fault}));
        }
    free(text);
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
        cmocka_unit_test(files_are_read_as_they_are_published),
        cmocka_unit_test(a_cut_listing_has_lost_its_end),
        cmocka_unit_test(hostile_files_end_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
