/* The grammar: spans, places where statements end, contextual keywords, and one report for each wrong line. */
#include "parsed.h"

static const struct node *find(const struct node *n, enum node_kind kind)
{
    if (n->kind == kind) return n;
    node_each(c, n)
    {
        const struct node *found = find(c, kind);
        if (found) return found;
    }
    return NULL;
}

/* Check the text under the span of the first node of a kind. */
static void expect_span(const char *text, enum node_kind kind, const char *under)
{
    struct parsed p;
    parse_n(&p, text, strlen(text));
    assert_int_equal(diags_errors(p.diags), 0);
    const struct node *n = find(p.tree, kind);
    assert_non_null(n);
    assert_int_equal(n->span.end - n->span.start, strlen(under));
    assert_memory_equal(text + n->span.start, under, strlen(under));
    parsed_fini(&p);
}

static void spans_cover_keywords_and_values(void **state)
{
    (void)state;
    static const char rule[] = "firewall edge default drop { audit accept tcp from not a, 10.0.0.0/8 to port 80-90 "
                               "flags has syn lacks ack, rst bytes l4 at 2 is x\"00 01\" log 5/s as SSH }";
    expect_span("set a = 10.0.0.1, b", N_SET, "set");
    expect_span("set a = 10.0.0.1, b", N_SET_UNION, "10.0.0.1, b");
    expect_span("set a = (b except c)", N_SET_GROUP, "(b except c)");
    expect_span("set a = live file \"x\"", N_LIVE, "live file \"x\"");
    expect_span("hash key \"x\"", N_HASH_KEY, "hash key");
    expect_span("limits { flows 5 }", N_SETTING, "flows");
    expect_span(rule, N_FIREWALL, "firewall");
    expect_span(rule, N_AUDIT, "audit");
    expect_span(rule, N_RULE, "accept");
    expect_span(rule, N_C_PROTO, "tcp");
    expect_span(rule, N_C_FROM, "from not a, 10.0.0.0/8");
    expect_span(rule, N_LIST, "not a, 10.0.0.0/8");
    expect_span(rule, N_PREFIX, "10.0.0.0/8");
    expect_span(rule, N_C_PORT, "to port 80-90");
    expect_span(rule, N_C_FLAGS, "flags has syn lacks ack, rst");
    expect_span(rule, N_LACKS, "lacks ack, rst");
    expect_span(rule, N_C_BYTES, "bytes l4 at 2 is x\"00 01\"");
    expect_span(rule, N_BYTES, "x\"00 01\"");
    expect_span(rule, N_LOG, "log 5/s");
    expect_span(rule, N_AS, "as SSH");
    expect_span("service s on 10.0.0.1, any tcp/80 { mode dsr l2; -> p }", N_ON, "10.0.0.1, any tcp/80");
    expect_span("service s on any tcp/80 { mode dsr l2; -> p }", N_INT, "80");
    expect_span("test \"t\" { server shop/a down }", N_SERVER_REF, "shop/a");
}

static void statements_end_where_they_should(void **state)
{
    (void)state;
    expect_codes("", "");
    expect_codes("\n;;\n;", "");
    expect_codes("set a = 10.0.0.1 # c\r\nset b = a;set c = b", "");
    expect_codes("set a = 1.2.3.4,\n\n# c\n 1.2.3.5", "");
    expect_codes("set a =\n1.2.3.4", "");
    expect_codes("set a = (\n1.2.3.4\n,\n1.2.3.5\n)", "");
    expect_codes("set a \\\n = \\\r\n 1.2.3.4", "");
    expect_codes("service s on any tcp/any {mode observe;->\np\n}", "");
    expect_codes("test \"t\" { expect drop:\ntcp 1.2.3.4:1 ->\nself:2 }", "");
    expect_codes("chain a{return}chain b{return}pool c{server d 1.2.3.4}pool e{}", "");
    expect_codes("chain a { return };;", "");
    expect_codes("set a = 1.2.3.4 set b = 1.2.3.4", "E0101@1:17");
    expect_codes("set a\n= 1.2.3.4", "E0103@1:6 E0102@2:1");
    expect_codes("\xef\xbb\xbfset a = 1.2.3.4", "");
}

static void names_may_look_like_keywords(void **state)
{
    (void)state;
    expect_codes("set set = from, to except", "E0103@1:26");
    expect_codes("set set = from, to; set from = set and and", "");
    expect_codes("firewall on on on in default drop { accept from from, not_, to to set, port port to, in do_ }",
                 "E0101@1:89");
    expect_codes("chain to { accept tcp, udp as as; do from from from; drop on on vlan none type }", "E0103@1:79");
    expect_codes("pool server { server server 1.2.3.4 weight weight_; check check }", "");
    expect_codes("service service on any tcp/port { -> pool, server 5%, when }", "");
    expect_codes("const weight = 5", "E0110@1:7");
    expect_codes("const weights = 5", "");
    expect_codes("set default = 1.2.3.4", "E0109@1:5");
    expect_codes("chain not { return }", "E0109@1:7");
    expect_codes("firewall f default drop { accept from drop }", "E0101@1:39");
}

static void every_wrong_line_is_reported_once(void **state)
{
    (void)state;
    expect_codes("sett a = 1\nset b == 1\nset c = 1.2.3.4\nset d 1.2.3.4 { { } x }\nset e = c f\n",
                 "E0102@1:1 E0101@2:8 E0101@4:7 E0101@5:11");
    expect_codes("firewall f default drop {\naccept x\naccept tcp\ndrop y; drop z\n}\nset = 1",
                 "E0101@2:8 E0101@4:6 E0101@4:14 E0101@6:5");
    expect_codes("pool { server a 1.2.3.4\nnonsense\n}\nset a = 1.2.3.4", "E0101@1:6");
    /* the lexer reported an error: the line has no further reports */
    expect_codes("set a = 10.0.0.999 = = =\nset b = \"x\nset c = ? ? ?\nset d = 1.2.3.4",
                 "E0107@1:9 E0111@2:9 E0116@3:9");
    expect_codes("test \"a {\n expect nonsense\n}\nset a = 1.2.3.4", "E0111@1:6");
    expect_codes("{ { } }\nset a = 1.2.3.4", "E0102@1:1");
    expect_codes("set a = (b\nset c = d\nset e = f", "E0120@1:9");
    expect_codes("set a = b,\nset c = d\n", "E0121@1:10");
    expect_codes("firewall f default drop {\naccept from a,\naccept from b,\n}", "E0121@2:14 E0121@3:14");
}

static void braces_are_matched(void **state)
{
    (void)state;
    expect_codes("chain a\n{\n return\n}\nset b = 1.2.3.4", "E0119@2:1");
    expect_codes("chain a\n return\n accept tcp\n}\nset b = 1.2.3.4", "E0103@1:8");
    expect_codes("firewall f default drop\n{\n accpt\n}\nset b = 1.2.3.4", "E0119@2:1");
    expect_codes("firewall f default drop\n accept tcp\n}\nset b = 1.2.3.4", "E0103@1:24");
    expect_codes("}\nset b = 1.2.3.4\n}", "E0118@1:1 E0118@3:1");
    expect_codes("chain a {\nreturn", "E0118@1:9");
    expect_codes("chain a {\nreturn\nchain b { return }\npool c { check d }", "E0118@3:1");
    expect_codes("chain a {\nnonsense {\nset b = 1.2.3.4\n", "E0102@2:1 E0118@3:1");
    /* indented, or not a complete declaration: a mistake inside the block */
    expect_codes("chain a {\n set b = 1.2.3.4\n}", "E0102@2:2");
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    for (int depth = 256; depth <= 257; depth++) {
        char text[600] = "set a = ";
        char *at = text + strlen(text);
        memset(at, '(', (size_t)depth);
        at[depth] = 'b';
        memset(at + depth + 1, ')', (size_t)depth);
        at[2 * depth + 1] = '\0';
        expect_codes(text, depth == 256 ? "" : "E0130@1:265");
    }
}

static void lists_take_not_once_and_in_front(void **state)
{
    (void)state;
    expect_codes("chain c { drop from not a, b to not c vlan not 5 tcp not udp }", "");
    expect_codes("chain c { drop not tcp, udp ip6 }", "");
    expect_codes("chain c { drop from a, not b }", "E0124@1:24");
    expect_codes("chain c { drop not not tcp }", "E0125@1:20");
    expect_codes("chain c { drop from not not not a }", "E0125@1:25");
    expect_codes("chain c { drop flags has not syn }", "E0126@1:22");
    struct parsed p;
    static const char text[] = "chain c { drop from not a, b to c }";
    parse_n(&p, text, strlen(text));
    assert_int_equal(find(find(p.tree, N_C_FROM), N_LIST)->flags & NF_NOT, NF_NOT);
    assert_int_equal(find(find(p.tree, N_C_TO), N_LIST)->flags & NF_NOT, 0);
    parsed_fini(&p);
}

static void set_operators_do_not_mix(void **state)
{
    (void)state;
    expect_codes("set s = a, b, c; set t = a except b except c; set u = a and b and c", "");
    expect_codes("set s = (a, b) except c; set t = a and (b except c), (d)", "E0122@1:52");
    expect_codes("set s = a, b except c, d", "E0122@1:14");
    expect_codes("set s = a and b except c", "E0122@1:17");
    struct parsed p;
    static const char text[] = "set s = a except b except c";
    parse_n(&p, text, strlen(text));
    assert_int_equal(node_count(find(p.tree, N_SET_EXCEPT)), 3);
    parsed_fini(&p);
}

static void a_port_after_from_is_ambiguous(void **state)
{
    (void)state;
    expect_codes("chain c { drop tcp from a port 22 }", "E0123@1:27");
    expect_codes("service s on any tcp/any { when from a port 22 -> p }", "E0123@1:40");
    expect_codes("chain c { drop tcp from a to port 22 }", "");
    expect_codes("chain c { drop tcp from a source port 22 }", "");
    expect_codes("chain c { drop tcp from a to b port 22; drop from a tcp port 22 }", "");
}

/* Check the fix of the first error. */
static void expect_fix(const char *text, const char *fix)
{
    struct parsed p;
    parse_n(&p, text, strlen(text));
    assert_int_equal(p.diags->count, 1);
    assert_non_null(p.diags->entries[0].help);
    assert_string_equal(p.diags->entries[0].help, fix);
    parsed_fini(&p);
}

static void fixes_are_offered_where_one_is_likely(void **state)
{
    (void)state;
    expect_fix("chain c { accpt tcp }", "did you mean `accept`?");
    expect_fix("chain c { allow tcp }", "did you mean `accept`?");
    expect_fix("chain c { drop tcp dport 5 }", "did you mean `port`?");
    expect_fix("chain c { drop tcp sport 5 }", "did you mean `source port`?");
    expect_fix("block in", "write rules inside `firewall NAME default drop { }` or `chain NAME { }`");
    expect_fix("accept tcp", "write rules inside `firewall NAME default drop { }` or `chain NAME { }`");
    expect_fix("table t = 1.2.3.4", "did you mean `set`?");
    expect_fix("chain c { drop tcp port {5, 6} }", "write the list without braces: a, b");
    expect_fix("timeouts { proxy { first 2s; idle 7s } }", "write the setting without braces: `proxy first 2s`");
    expect_fix("timeouts {\n proxy {\n  first 2s\n }\n}",
               "write a setting on one line, without braces: `proxy first 2s`");
    expect_fix("limits { flows { 2 } }", "write the setting without braces: `flows 2`");
    expect_fix("chain c { drop tcp port 5:6 }", "write `5-6`");
    expect_fix("chain c { drop tcp from a port 22 }", "write `to port 22` or `source port 22`");
    expect_fix("check c = tcp timeout 5", "write `5s` for seconds or `5ms` for milliseconds");
    expect_fix("set s = a, b except c", "write `(a, b) except c` or `a, (b except c)`");
    expect_fix("set s = a except b and c", "write `(a except b) and c` or `a except (b and c)`");
    expect_fix("set s = 10.0.0.0/255.0.0.0", "write `/8`");
    expect_fix("interface i = \xe2\x80\x9c"
               "eth0",
               "write strings in plain quotes: \"");
}

static void the_first_statement_of_a_broken_block_header_is_not_lost_on_others(void **state)
{
    (void)state;
    /* a wrong value of the header is reported once, and the block doesn't enter the tree */
    struct parsed p;
    static const char text[] = "service s on 1 tcp/80 { mode observe; -> p }\nset a = 1.2.3.4";
    parse_n(&p, text, strlen(text));
    assert_int_equal(diags_errors(p.diags), 1);
    assert_int_equal(node_count(p.tree), 1);
    assert_int_equal(p.tree->first->kind, N_SET);
    parsed_fini(&p);
}

static void comparing_trees_ignores_places_and_blank_lines(void **state)
{
    (void)state;
    static const char *const same[] = {"set a = 10.0.0.1,b\nchain c{drop ttl 5-}", "\n\nset a = 10.0.0.1, b\n\n\n"
                                                                                   "chain c {\n  drop ttl 5-\n}"};
    static const char *const other[] = {
        "set a = 10.0.0.2,b\nchain c{drop ttl 5-}", "set a = 10.0.0.1,b\nchain c{drop ttl not 5-}",
        "set a = 10.0.0.1,b\nchain c{drop ttl -5}", "set a = 10.0.0.1,b\nchain c{drop ttl 5-;drop}",
        "set a = 10.0.0.1,c\nchain c{drop ttl 5-}", "set a = 10.0.0.1,b",
    };
    struct parsed p, q;
    parse_n(&p, same[0], strlen(same[0]));
    parse_n(&q, same[1], strlen(same[1]));
    assert_true(node_equal(p.tree, q.tree));
    assert_int_equal(q.tree->last->flags & NF_MULTILINE, NF_MULTILINE);
    assert_int_equal(p.tree->last->flags & NF_MULTILINE, 0);
    parsed_fini(&q);
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        parse_n(&q, other[i], strlen(other[i]));
        assert_false(node_equal(p.tree, q.tree));
        parsed_fini(&q);
    }
    parsed_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_cover_keywords_and_values),
        cmocka_unit_test(statements_end_where_they_should),
        cmocka_unit_test(names_may_look_like_keywords),
        cmocka_unit_test(every_wrong_line_is_reported_once),
        cmocka_unit_test(braces_are_matched),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(lists_take_not_once_and_in_front),
        cmocka_unit_test(set_operators_do_not_mix),
        cmocka_unit_test(a_port_after_from_is_ambiguous),
        cmocka_unit_test(fixes_are_offered_where_one_is_likely),
        cmocka_unit_test(the_first_statement_of_a_broken_block_header_is_not_lost_on_others),
        cmocka_unit_test(comparing_trees_ignores_places_and_blank_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
