/* Positions of rules among those that name `fragment`: known from the calls alone if these agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "vm/judge/fragment_order.h"

static struct program *compiled(const char *text)
{
    struct program *p = compiled_text(text);
    assert_non_null(p);
    return p;
}

static uint32_t rule_named(const struct program *p, const char *name)
{
    char text[64];
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (strcmp(rule_name(p, i, text, sizeof text), name) == 0) return i;
    fail_msg("no rule %s", name);
    return 0;
}

/* Return a position without a packet: the rule list can't be walked, so a flood of first fragments costs no walk. */
static uint32_t place_at(const struct program *p, const char *rule, uint32_t firewall)
{
    struct frag_order *o = frag_order_new(p);
    assert_non_null(o);
    const struct verdict v = {.rule = rule_named(p, rule), .firewall = firewall};
    const uint32_t place = frag_order_place(o, &v, NULL, NULL, NULL);
    frag_order_free(o);
    return place;
}

static void test_calls_that_agree(void **state)
{
    (void)state;
    struct program *p = compiled("chain deep { accept udp as DEEP }\n"
                                 "chain common { do deep; drop tcp as COMMON }\n"
                                 "firewall f default drop {\n"
                                 "  drop fragment any ttl 1\n"
                                 "  drop fragment later ttl 2\n"
                                 "  do common to 10.0.0.1\n"
                                 "  drop udp port 9\n"
                                 "  do common to 10.0.0.2\n"
                                 "  do deep\n"
                                 "  drop fragment any as LAST\n"
                                 "}\n");
    assert_int_equal(place_at(p, "COMMON", 0), 2);
    assert_int_equal(place_at(p, "DEEP", 0), 2);
    assert_int_equal(place_at(p, "LAST", 0), 2);
    program_put(p);
}

/* A chain of two firewalls has a position in each. */
static void test_calls_of_other_firewalls(void **state)
{
    (void)state;
    struct program *p = compiled("chain common { drop fragment any ttl 1; accept udp as COMMON }\n"
                                 "firewall f in default drop { do common }\n"
                                 "firewall g out default drop {\n"
                                 "  drop fragment any ttl 2\n"
                                 "  drop fragment any ttl 3\n"
                                 "  do common\n"
                                 "}\n");
    assert_int_equal(place_at(p, "COMMON", 0), 2);
    assert_int_equal(place_at(p, "COMMON", 1), 4);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_that_agree),
        cmocka_unit_test(test_calls_of_other_firewalls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
