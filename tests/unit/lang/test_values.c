/* Values: every form, its boundaries, and texts that aren't values. */
#include "parsed.h"

/* Return the value of `const x = TEXT`, or NULL after an error. */
static const struct node *value_of(struct parsed *p, const char *text)
{
    char source[512];
    const int n = snprintf(source, sizeof(source), "const x = %s", text);
    parse_n(p, source, (size_t)n);
    const struct node *decl = p->tree->first;
    assert_true(!decl == (diags_errors(p->diags) > 0));
    return decl ? decl->last : NULL;
}

/* Check the dump of a value, without its place. */
static void reads(const char *text, const char *dump)
{
    struct parsed p;
    if (!value_of(&p, text)) fail_msg("`%s` wasn't read", text);
    char *got = dump_of(&p);
    char *line = strstr(got, "\n    ");
    line = strstr(line + 1, "\n    ") + 5;
    *strstr(line, " @") = '\0';
    assert_string_equal(line, dump);
    free(got);
    parsed_fini(&p);
}

static void refuses(const char *text, const char *code)
{
    struct parsed p;
    const struct node *v = value_of(&p, text);
    char *codes = codes_of(&p);
    codes[strcspn(codes, "@")] = '\0';
    if (v || strcmp(codes, code) != 0) fail_msg("`%s` gave %s, not %s", text, v ? "a value" : codes, code);
    free(codes);
    parsed_fini(&p);
}

static void numbers(void **state)
{
    (void)state;
    reads("0", "int 0");
    reads("1_000_000", "int 1000000");
    reads("0x1f", "int 31");
    reads("0XFF_ff", "int 65535");
    reads("18446744073709551615", "int 18446744073709551615");
    refuses("18446744073709551616", "E0106");
    refuses("0x10000000000000000", "E0106");
    refuses("007", "E0106");
    refuses("1__0", "E0106");
    refuses("1_", "E0106");
    refuses("0x", "E0106");
    refuses("0x_1", "E0106");
    refuses("1.5", "E0106");
    refuses("-", "E0106");
    refuses("--", "E0106");
}

static void ranges(void **state)
{
    (void)state;
    reads("80-90", "range 80-90");
    reads("90-80", "range 90-80");
    reads("64-", "range 64-");
    reads("-63", "range -63");
    reads("0x10-0x1f", "range 16-31");
    refuses("1-2-3", "E0106");
    refuses("1-x", "E0106");
    refuses("-99999999999999999999", "E0106");
}

static void addresses(void **state)
{
    (void)state;
    reads("10.0.0.1", "addr 10.0.0.1");
    reads("255.255.255.255", "addr 255.255.255.255");
    reads("::", "addr ::");
    reads("::1", "addr ::1");
    reads("2001:DB8::A", "addr 2001:db8::a");
    reads("1:2:3:4:5:6:7:8", "addr 1:2:3:4:5:6:7:8");
    reads("::ffff:1.2.3.4", "addr ::ffff:1.2.3.4");
    reads("cafe::", "addr cafe::");
    reads("10.0.0.0/8", "prefix 10.0.0.0/8");
    reads("10.1.2.3/8", "prefix 10.1.2.3/8");
    reads("0.0.0.0/0", "prefix 0.0.0.0/0");
    reads("::/0", "prefix ::/0");
    reads("2001:db8::/128", "prefix 2001:db8::/128");
    reads("10.0.0.1-10.0.0.9", "addr-range 10.0.0.1-10.0.0.9");
    reads("2001:db8::1-2001:db8::ff", "addr-range 2001:db8::1-2001:db8::ff");
    static const char *const bad[] = {
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.2",
        "010.0.0.1",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/x",
        "::1::2",
        "2001:db8::/129",
        "10.0.0.1-2001:db8::1",
        "10.0.0.1-9",
        "fe80::1%eth0",
        "12345::",
        "[::1]",
        "[1.2.3.4]:5",
        "10.0.0.0/255.0.0.0",
        ":::",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) refuses(bad[i], "E0107");
}

static void endpoints(void **state)
{
    (void)state;
    reads("10.0.0.1:80", "endpoint 10.0.0.1:80");
    reads("[2001:db8::1]:65535", "endpoint [2001:db8::1]:65535");
    reads("self:22", "endpoint self:22");
    refuses("10.0.0.1:65536", "E0106");
    refuses("10.0.0.1:x", "E0106");
    refuses("self:65536", "E0106");
}

static void words_with_colons(void **state)
{
    (void)state;
    reads("02:00:00:00:00:01", "mac 02:00:00:00:00:01");
    reads("AA:bb:CC:dd:EE:ff", "mac aa:bb:cc:dd:ee:ff");
    reads("08:00", "time 480min");
    reads("24:00", "time 1440min");
    reads("5:3:1", "ratio");
    refuses("08:60", "E0127");
    refuses("24:01", "E0127");
    refuses("5:x", "E0107");
}

static void units(void **state)
{
    (void)state;
    reads("500ms", "duration 500000000ns");
    reads("0s", "duration 0ns");
    reads("2h4m", "duration 7440000000000ns");
    reads("1d2h3m4s5ms", "duration 93784005000000ns");
    reads("213503d", "duration 18446659200000000000ns");
    refuses("213504d", "E0106");
    refuses("4m2h", "E0105");
    refuses("1s1s", "E0105");
    reads("200/s", "rate 200 per 1000000000ns");
    reads("10/m", "rate 10 per 60000000000ns");
    reads("1/h", "rate 1 per 3600000000000ns");
    refuses("1/d", "E0105");
    reads("5Mbit/s", "bandwidth 5000000bit/s");
    reads("1kbit/s", "bandwidth 1000bit/s");
    reads("2Gbit/s", "bandwidth 2000000000bit/s");
    reads("64KiB", "size 65536bytes");
    reads("1GB", "size 1000000000bytes");
    reads("7B", "size 7bytes");
    refuses("99999999999999GiB", "E0106");
    reads("5%", "percent 5%");
    reads("3xx", "status 3xx");
    refuses("33xx", "E0105");
    refuses("5sec", "E0105");
    refuses("5mb", "E0105");
    refuses("5 s", "E0101");
}

static void strings(void **state)
{
    (void)state;
    reads("\"\"", "string \"\"");
    reads("\"a b#{}\"", "string \"a b#{}\"");
    reads("\"\\\"\\\\\\n\\t\\x41\\x00\"", "string \"\\\"\\\\\\x0a\\x09A\\x00\"");
    reads("\"caf\xc3\xa9\"", "string \"caf\xc3\xa9\"");
    refuses("\"a", "E0111");
    refuses("\"a\\\"", "E0111");
    refuses("\"a\\q\"", "E0112");
    refuses("\"\\x4\"", "E0112");
    refuses("\"\xff\"", "E0114");
    refuses("\"\x01\"", "E0115");
    reads("x\"16 03\t01\"", "bytes 160301");
    reads("x\"fF00\"", "bytes ff00");
    refuses("x\"1\"", "E0113");
    refuses("x\"1 2\"", "E0113");
    refuses("x\"gg\"", "E0113");
    refuses("x\"16", "E0111");
}

static void names_are_no_values_but_touch_punctuation(void **state)
{
    (void)state;
    refuses("y", "E0101");
    expect_codes("set a-b--c_1 = _x", "");
    expect_codes("set a- = x", "E0108@1:5");
    expect_codes("set -a = x", "E0106@1:5");
    expect_codes("set 9a = x", "E0105@1:5");
    expect_codes("set a.b = x", "E0108@1:5");
    /* an open range before an arrow, a colon after a name made of hex digits */
    expect_codes("service s on any tcp/any { when ttl 64-> p;->p }", "");
    expect_codes("test \"t\" { expect drop by cafe: tcp 1.2.3.4:5 -> self:6 }", "");
    expect_codes("test \"t\" { expect drop by default:tcp 1.2.3.4:5 ->self:6 }", "");
    expect_codes("test \"t\" { expect drop: tcp cafe:: -> ::1 }", "");
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    char name[200], text[256];
    memset(name, 'n', sizeof(name));
    snprintf(text, sizeof(text), "set %.64s = a", name);
    expect_codes(text, "");
    snprintf(text, sizeof(text), "set %.65s = a", name);
    expect_codes(text, "E0131@1:5");
    snprintf(text, sizeof(text), "set %.129s = a", name);
    expect_codes(text, "E0131@1:5");
    char *big = malloc(70000);
    memset(big, 'a', 70000);
    memcpy(big, "hash key \"", 10);
    big[10 + 65536] = '"';
    struct parsed p;
    parse_n(&p, big, 10 + 65536 + 1);
    assert_int_equal(diags_errors(p.diags), 0);
    parsed_fini(&p);
    big[10 + 65536] = 'a';
    big[11 + 65536] = '"';
    parse_n(&p, big, 11 + 65536 + 1);
    assert_int_equal(diags_errors(p.diags), 1);
    parsed_fini(&p);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(ranges),
        cmocka_unit_test(addresses),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(words_with_colons),
        cmocka_unit_test(units),
        cmocka_unit_test(strings),
        cmocka_unit_test(names_are_no_values_but_touch_punctuation),
        cmocka_unit_test(lengths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
