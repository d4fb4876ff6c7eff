/* Whole trees: every form of the language, parsed twice, gives equal trees; one changed value makes them unequal. */
#include "parsed.h"

#include <glob.h>

static void parse_path(struct parsed *p, const char *path)
{
    p->arena = arena_new();
    sources_init(&p->sources);
    p->diags = diags_new(&p->sources);
    p->tree = lang_parse(p->arena, &p->sources, p->diags, path);
    assert_non_null(p->tree);
}

static unsigned count_nodes(const struct node *n)
{
    unsigned count = 1;
    node_each(c, n) count += count_nodes(c);
    return count;
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

/* The golden files hold every form: see tests/golden/ast. */
static void equal_texts_have_equal_trees(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("tests/golden/ast/*.prey", 0, NULL, &files), 0);
    assert_true(files.gl_pathc > 10);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct parsed p, q;
        parse_path(&p, files.gl_pathv[i]);
        parse_path(&q, files.gl_pathv[i]);
        assert_true(node_equal(p.tree, q.tree));
        assert_int_equal(diags_errors(p.diags), diags_errors(q.diags));
        char *dump = dump_of(&p);
        assert_int_equal(count_lines(dump) + 1, count_nodes(p.tree));
        free(dump);
        parsed_fini(&p);
        parsed_fini(&q);
    }
    globfree(&files);
}

static void every_kind_of_value_counts(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"const a = 1", "const a = 2"},
        {"const a = 1", "const b = 1"},
        {"const a = \"x\"", "const a = \"y\""},
        {"const a = \"x\\x00y\"", "const a = \"x\\x00z\""},
        {"const a = x\"00\"", "const a = x\"0000\""},
        {"const a = 10.0.0.1", "const a = 10.0.0.2"},
        {"const a = ::", "const a = 0.0.0.0"},
        {"const a = 10.0.0.0/8", "const a = 10.0.0.0/9"},
        {"const a = 10.0.0.1-10.0.0.2", "const a = 10.0.0.1-10.0.0.3"},
        {"const a = 5-", "const a = 5-18446744073709551615"},
        {"const a = -5", "const a = 0-5"},
        {"const a = 02:00:00:00:00:01", "const a = 02:00:00:00:00:02"},
        {"const a = 10.0.0.1:80", "const a = 10.0.0.1:81"},
        {"const a = self:80", "const a = 0.0.0.0:80"},
        {"const a = 5/s", "const a = 5/m"},
        {"const a = 5s", "const a = 5"},
        {"const a = 1:2", "const a = 1:3"},
        {"set a = file \"x\"", "set a = live file \"x\""},
        {"set a = b except c", "set a = b and c"},
        {"service s on any tcp/1 { -> a 5% }", "service s on any tcp/1 { when tcp -> a 5% }"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct parsed p, q, again;
        parse_n(&p, pairs[i][0], strlen(pairs[i][0]));
        parse_n(&q, pairs[i][1], strlen(pairs[i][1]));
        parse_n(&again, pairs[i][0], strlen(pairs[i][0]));
        assert_int_equal(diags_errors(p.diags) + diags_errors(q.diags), 0);
        assert_true(node_equal(p.tree, again.tree));
        if (node_equal(p.tree, q.tree)) fail_msg("`%s` and `%s` are equal", pairs[i][0], pairs[i][1]);
        parsed_fini(&p);
        parsed_fini(&q);
        parsed_fini(&again);
    }
}

static void settings_are_checked_against_their_tables(void **state)
{
    (void)state;
    expect_codes("limits { flows 5; half_open 5; fragments 5; maglev 5; classifier 5KB; rejects 5/s; flows lim }", "");
    expect_codes("timeouts { tcp established 5s; tcp half_open t; tcp closing 5s; udp 5s; icmp t; pickup 1m }", "");
    expect_codes("limits { flows 5s; udp 5s; flows; classifier 5 }", "E0127@1:16 E0135@1:20 E0103@1:28 E0104@1:46");
    expect_codes("timeouts { udp 5; tcp closed 5s; flows 5; a b c d e f g h i j k l m n o p q r s t u v w x y 5s }",
                 "E0104@1:16 E0135@1:19 E0135@1:34 E0135@1:43");
}

static void times_and_prefixes_of_meters_are_checked(void **state)
{
    (void)state;
    expect_codes("meter m = 5/s per source/24,/64; meter n = 5/s per destination/24", "");
    expect_codes("meter m = 5/s per sauce/24", "E0127@1:19");
    expect_codes("meter m = 5/s per source/33,/64", "E0107@1:26");
    expect_codes("meter m = 5/s per source/24,/129", "E0107@1:29");
    expect_codes("meter m = 5 burst 5s", "E0104@1:11 E0127@1:19");
    expect_codes("schedule s = mon 08:00-24:00, 00:00-00:00", "");
    expect_codes("schedule s = mon 08:00-24:01", "E0127@1:18");
    expect_codes("test \"t\" { at mon 9:00 }", "E0127@1:19");
    expect_codes("test \"t\" { expect split p 5:x within 5% }", "E0107@1:27");
    expect_codes("test \"t\" { expect split p 5:08 within 5 over 5s flows }", "E0127@1:27 E0104@1:39 E0127@1:46");
    expect_codes("test \"t\" { server shop/5 down }", "E0127@1:19");
    expect_codes("pool p { on down restart; server a 5; server b 1.2.3.4 mac 00:11:22:33:44 }",
                 "E0127@1:18 E0127@1:36 E0107@1:60");
    expect_codes("service s on 1:2:3 tcp/1 { on no server resett; mss clamp 5s; -> a }",
                 "E0107@1:14 E0127@1:41 E0127@1:59");
    expect_codes("service s on any tpc/1, tcp/x-, icmp { -> a }", "E0127@1:18 E0127@1:29");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_have_equal_trees),
        cmocka_unit_test(every_kind_of_value_counts),
        cmocka_unit_test(settings_are_checked_against_their_tables),
        cmocka_unit_test(times_and_prefixes_of_meters_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
