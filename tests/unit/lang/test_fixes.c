/* Which fixes are edits of the text, and which are advice. */
#include "parsed.h"

static void is_edit(const char *fix, const char *first, const char *second)
{
    struct replacement r[DIAG_REPLACEMENTS];
    const char *wanted[] = {first, second};
    const unsigned n = diag_replacements(fix, r);

    assert_int_equal(n, second ? 2 : 1);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(r[i].len, strlen(wanted[i]));
        assert_memory_equal(r[i].text, wanted[i], r[i].len);
    }
}

static void is_advice(const char *fix)
{
    struct replacement r[DIAG_REPLACEMENTS];

    assert_int_equal(diag_replacements(fix, r), 0);
}

static void three_forms_are_edits(void **state)
{
    (void)state;
    is_edit("did you mean `office`?", "office", NULL);
    is_edit("write `to port 22` or `source port 22`", "to port 22", "source port 22");
    is_edit("write `192.0.2.0/24`", "192.0.2.0/24", NULL);
    is_edit("remove it", "", NULL);
    is_edit("did you mean ``?", "", NULL);
}

static void the_rest_is_advice(void **state)
{
    (void)state;
    is_advice(NULL);
    is_advice("");
    is_advice("did you mean");
    is_advice("did you mean `office");
    is_advice("did you mean `office`");
    is_advice("did you mean `office`, or another?");
    is_advice("write");
    is_advice("write 5s for seconds");
    is_advice("write `icmp type ...` or `icmp6 type ...`");
    is_advice("write `a` or b");
    is_advice("write `a` or ");
    is_advice("write `a` or `b` or `c` or `d` or `e`");
    is_advice("add `accept icmp6 type nd`");
    is_advice("remove what follows it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_forms_are_edits),
        cmocka_unit_test(the_rest_is_advice),
    };
    return cmocka_run_group_tests_name("fixes", tests, NULL, NULL);
}
