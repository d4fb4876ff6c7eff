/* Declared names: spaces, lookups, uses, cycles; a list of many thousands stays a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/compiler/front.h"

static struct str str(const char *s) { return (struct str){s, strlen(s)}; }

static void names_are_found_in_their_space(void **state)
{
    struct compile c;

    (void)state;
    front(&c, "set a = 192.0.2.1\nchain b { drop tcp }\nfirewall f default accept { do b; drop from a as a }\n");
    assert_int_equal(symbol_find(c.symbols, SPACE_VALUES, str("a"))->kind, SYM_SET);
    assert_int_equal(symbol_find(c.symbols, SPACE_LISTS, str("b"))->kind, SYM_CHAIN);
    assert_int_equal(symbol_find(c.symbols, SPACE_LISTS, str("f"))->kind, SYM_FIREWALL);
    assert_int_equal(symbol_find(c.symbols, SPACE_RULES, str("a"))->kind, SYM_RULE);
    assert_null(symbol_find(c.symbols, SPACE_VALUES, str("b")));
    assert_null(symbol_find(c.symbols, SPACE_VALUES, str("")));
    assert_int_equal(diags_errors(c.diags) + diags_warnings(c.diags), 0);
    compile_fini(&c);
}

static void unused_names_are_warned_of_once(void **state)
{
    struct compile c;

    (void)state;
    front(&c, "set a = 192.0.2.1\nset b = a\nports p = 1\nconst k = 1\nmacs m = 02:00:00:00:00:01\n"
              "interface i = \"eth0\"\nchain n { drop tcp }\nfirewall f default accept { }\n");
    assert_int_equal(diags_errors(c.diags), 0);
    assert_int_equal(diags_warnings(c.diags), 6); /* a is used by b */
    compile_fini(&c);
}

static void syntax_errors_silence_what_may_follow_from_them(void **state)
{
    struct compile c;
    char *said;

    (void)state;
    front(&c, "set good = 192.0.2.1\nset office = 1.2.3.\nchain guard { dorp tcp }\n"
              "firewall f default accept { drop from office; do guard; drop from absent }\n");
    said = front_said(&c);
    assert_null(strstr(said, "`office`"));
    assert_null(strstr(said, "W0201"));
    assert_non_null(strstr(said, "`absent`"));
    free(said);
    compile_fini(&c);
}

static void many_names_are_all_found(void **state)
{
    struct compile c;
    char *text = malloc(20000 * 40 + 1), *end = text;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) end += sprintf(end, "set name_%u = 10.0.%u.%u\n", i, i / 256 % 256, i % 256);
    front(&c, text);
    for (unsigned i = 0; i < 20000; i++) {
        char name[32];

        sprintf(name, "name_%u", i);
        const struct symbol *s = symbol_find(c.symbols, SPACE_VALUES, str(name));
        assert_non_null(s);
        assert_int_equal(s->set.v4.r[0].lo, 0x0a000000u | (i / 256 % 256) << 8 | i % 256);
    }
    free(text);
    compile_fini(&c);
}

static void a_cycle_shows_its_way_and_ends(void **state)
{
    struct compile c;
    char *said;

    (void)state;
    front(&c, "set a = b\nset b = (c, 192.0.2.1) except 192.0.2.9\nset c = a\nports p = p, 1\n"
              "firewall f default accept { drop tcp from a to b port p }\n");
    said = front_said(&c);
    assert_non_null(strstr(said, "a -> b -> c -> a"));
    assert_non_null(strstr(said, "p -> p"));
    assert_int_equal(diags_errors(c.diags), 2);
    free(said);
    compile_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_in_their_space),
        cmocka_unit_test(unused_names_are_warned_of_once),
        cmocka_unit_test(syntax_errors_silence_what_may_follow_from_them),
        cmocka_unit_test(many_names_are_all_found),
        cmocka_unit_test(a_cycle_shows_its_way_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
