/* The words of word.def: found by their text, in the order of their tokens, with their roles. */
#include "parsed.h"

#include "lang/lex/tokens.tab.h"
#include "lang/parse/syntax.h"

static const struct {
    const char *text, *use, *start;
    int token;
} rows[] = {
#define WORD(token, text, use, group, start) {text, #use, #start, token},
#include "lang/words/word.def"
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void each_word_is_found(void **state)
{
    (void)state;
    assert_int_equal(rows[0].token, NAME + 1);
    for (unsigned i = 0; i < ROWS; i++) {
        if (i) assert_true(strcmp(rows[i - 1].text, rows[i].text) < 0);
        assert_int_equal(rows[i].token, rows[0].token + (int)i);
        assert_int_equal(word_find(rows[i].text, strlen(rows[i].text)), rows[i].token);
        assert_string_equal(token_name(rows[i].token), rows[i].text);
        assert_true(token_is_word(rows[i].token));
        assert_int_equal(word_is_reserved(rows[i].token), strcmp(rows[i].use, "RESERVED") == 0);
        assert_int_equal(word_may_start(rows[i].token), strcmp(rows[i].start, "NO") != 0);
    }
}

static void other_text_is_a_name(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a", "GE", "accep", "accepted", "zone1", "zz"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(word_find(names[i], strlen(names[i])), NAME);
    assert_int_equal(word_find("ipip", 2), IP);
    assert_false(token_is_word(NAME));
    assert_false(word_is_reserved(NL));
    assert_false(word_may_start(NAME));
}

/* The next word distinguishes a statement from a name in a list. */
static void what_follows_tells_a_statement(void **state)
{
    (void)state;
    static const char *const declarations[] = {"set a = b",     "pool\tweb {", "firewall f default",
                                               "include \"x\"", "limits {",    "service s on"};
    static const char *const inside[] = {"drop", "audit drop", "mirror to x", "else -> a", "add  to s"};
    static const char *const names[] = {"set, b",  "set",  "pool web", "limits", "audit, b", "mirror too",
                                        "else, a", "test", "sets = 1", "",       "add to-s"};
    for (size_t i = 0; i < sizeof(declarations) / sizeof(declarations[0]); i++) {
        assert_true(text_starts_statement(declarations[i], true));
        assert_true(text_starts_statement(declarations[i], false));
    }
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        assert_false(text_starts_statement(inside[i], true));
        assert_true(text_starts_statement(inside[i], false));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(text_starts_statement(names[i], true));
        assert_false(text_starts_statement(names[i], false));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_is_found),
        cmocka_unit_test(other_text_is_a_name),
        cmocka_unit_test(what_follows_tells_a_statement),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
