/* Names, numbers and times as replay prints them. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/report/text.h"
#include "tests/lib/imgbuild.h"

static void numbers(void **state)
{
    (void)state;
    char b[TEXT_NUMBER];
    assert_string_equal(text_number(0, b), "0");
    assert_string_equal(text_number(999, b), "999");
    assert_string_equal(text_number(1000, b), "1,000");
    assert_string_equal(text_number(67652, b), "67,652");
    assert_string_equal(text_number(123456, b), "123,456");
    assert_string_equal(text_number(UINT64_MAX, b), "18,446,744,073,709,551,615");
}

static void durations(void **state)
{
    (void)state;
    char b[TEXT_NUMBER];
    static const struct {
        uint64_t ns;
        const char *is;
    } want[] = {
        {0, "0 s"},
        {999, "999 ns"},
        {1500, "1.5 us"},
        {3100000, "3.1 ms"},
        {158300000000, "158.3 s"},
        {3599000000000, "59 min 59 s"},
        {3600000000000, "1 h 0 min"},
        {7440000000000, "2 h 4 min"},
        {172800000000000, "2.0 days"},
        {UINT64_MAX, "213504.0 days"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_string_equal(text_duration(want[i].ns, b), want[i].is);
}

static void times(void **state)
{
    (void)state;
    char b[TEXT_TIME];
    const uint64_t t = 1709284443118999999;
    assert_string_equal(text_date(t, b), "2024-03-01 09:14:03");
    assert_string_equal(text_clock(t, b), "09:14:03.118");
    assert_string_equal(text_iso(t, b), "2024-03-01T09:14:03.118999999Z");
    assert_string_equal(text_iso(0, b), "1970-01-01T00:00:00.000000000Z");
    assert_string_equal(text_iso(UINT64_MAX, b), "2554-07-21T23:34:33.709551615Z");
}

static void cleaning(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } want[] = {
        {"plain", "plain"},
        {"a\tb\nc\x7f", "a?b?c?"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xe2\x82\xac \xf0\x9f\x90\xbe", "\xe2\x82\xac \xf0\x9f\x90\xbe"},
        {"\xff\xfe", "??"},
        {"\xc3", "?"},
        {"\xc0\xaf", "??"},
        {"\xe0\x80\x80", "???"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xe2\x82", "??"},
    };
    char b[40];
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        snprintf(b, sizeof b, "%s", want[i].in);
        assert_string_equal(text_clean(b), want[i].out);
    }
}

static void tails(void **state)
{
    (void)state;
    char b[40];
    assert_string_equal(text_tail("short", 5, b, sizeof b), "short");
    assert_string_equal(text_tail("longer", 5, b, sizeof b), "..ger");
    assert_string_equal(text_tail("a\xc3\xbc"
                                  "bc",
                                  5, b, sizeof b),
                        "a\xc3\xbc"
                        "bc");
    assert_string_equal(text_tail("aa\xc3\xbc"
                                  "b",
                                  4, b, sizeof b),
                        "..?b");
}

/* A program may come from anybody: its strings must not break a line. */
static void hostile_names(void **state)
{
    (void)state;
    struct imgbuild img;
    char err[300];
    img_sample(&img);
    img.rules[0].name = img_string(&img, "a\tb\n\xff");
    img.rules[0].place.file = img_string(&img, "x\ry.prey");
    struct program *p = img_load(&img, err, sizeof err);
    if (!p) fail_msg("%s", err);
    struct labels l;
    assert_int_equal(labels_init(&l, p), 0);
    assert_string_equal(label_of(&l, 0), "a?b??");
    assert_memory_equal(label_rule_place(&l, 0), "x?y.prey:", 9);
    assert_string_equal(label_of(&l, RULE_DEFAULT), "default");
    assert_string_equal(label_of(&l, RULE_NONE), "-");
    labels_fini(&l);
    program_put(p);
    img_fini(&img);
}

/* Twenty thousand rules in one file with a long name, in a list of one: no name is built before it is requested. */
static void shared_names(void **state)
{
    (void)state;
    enum { RULES = 20000, LEN = 4000 };
    char file[LEN + 1];
    struct pbc_rule *rules = calloc(RULES, sizeof *rules);
    struct pbc_firewall firewall = {.rule_count = RULES};
    struct program p = {.rules = rules, .rules_count = RULES, .firewalls = &firewall, .firewalls_count = 1};
    struct pbc_meta meta = {0};
    memset(file, 'x', LEN);
    file[LEN] = 0;
    p.meta = &meta;
    p.strings = file;
    p.strings_count = sizeof file;
    struct labels l;
    const size_t before = mallinfo2().uordblks;
    assert_int_equal(labels_init(&l, &p), 0);
    assert_true(mallinfo2().uordblks - before < RULES * 64);
    assert_int_equal(strlen(label_rule_place(&l, RULES - 1)), LEN + 2);
    assert_int_equal(strlen(label_rule(&l, RULES - 1)), LEN + 2);
    labels_fini(&l);
    free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),      cmocka_unit_test(durations), cmocka_unit_test(times),
        cmocka_unit_test(cleaning),     cmocka_unit_test(tails),     cmocka_unit_test(hostile_names),
        cmocka_unit_test(shared_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
