/* UTF-8: the boundaries of RFC 3629, and invisible characters. */
#include "parsed.h"

#include "lang/utf8.h"

static void valid_code_points_have_their_length(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t len;
        unsigned code;
    } good[] = {
        {"a", 1, 0x61},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(utf8_next(good[i].s, good[i].len), good[i].len);
        assert_int_equal(utf8_code(good[i].s, good[i].len), good[i].code);
        assert_int_equal(utf8_next(good[i].s, good[i].len - 1), 0);
    }
}

static void overlong_forms_surrogates_and_strays_are_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe1\x80\x41",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xf1\x80\x80\x41",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_int_equal(utf8_next(bad[i], strlen(bad[i])), 0);
    assert_int_equal(utf8_valid_len("ab\xc3\xa9\xff", 5), 4);
    assert_int_equal(utf8_valid_len("", 0), 0);
}

static void invisible_characters_are_known(void **state)
{
    (void)state;
    assert_true(utf8_invisible("\xef\xbb\xbf", 3));
    assert_true(utf8_invisible("\xe2\x80\xae", 3));
    assert_true(utf8_invisible("\xc2\xa0", 2));
    assert_false(utf8_invisible("\xc3\xa9", 2));
    assert_false(utf8_invisible("a", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_code_points_have_their_length),
        cmocka_unit_test(overlong_forms_surrogates_and_strays_are_invalid),
        cmocka_unit_test(invisible_characters_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
