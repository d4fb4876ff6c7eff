/* JSON output: escapes, numbers, null, and invalid UTF-8. */
#include "parsed.h"

#include "lang/json.h"

/* Check what the statement prints to `out`. */
#define assert_prints(want, ...)                                                                                       \
    do {                                                                                                               \
        char *text;                                                                                                    \
        size_t len;                                                                                                    \
        FILE *out = open_memstream(&text, &len);                                                                       \
        __VA_ARGS__;                                                                                                   \
        fclose(out);                                                                                                   \
        assert_string_equal(text, want);                                                                               \
        free(text);                                                                                                    \
    } while (0)

static void strings(void **state)
{
    const char *none = NULL;
    assert_prints("\"\"", json_string(out, ""));
    assert_prints("null", json_string(out, NULL));
    assert_prints("\"it's plain\"", json_string(out, "it's plain"));
    assert_prints("\"a\\\"b\\\\c\"", json_string(out, "a\"b\\c"));
    assert_prints("\"\\u000a\\u0009\\u0001\x7f\"", json_string(out, "\n\t\x01\x7f"));
    assert_prints("{\"of\":\"x\",\"no\":null}", json_print(out, "{'of':%s,'no':%s}", "x", none));
    assert_prints("[\"acc\",\"acc\",\"\"]", json_print(out, "[%.*s,%.*s,%.*s]", 3, "accept", 9, "acc", 0, "accept"));
}

static void utf8(void **state)
{
    assert_prints("\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xbe\"",
                  json_string(out, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xbe"));
    assert_prints("\"\\ufffd\\ufffda\"", json_string(out, "\xff\xfe"
                                                          "a"));
    assert_prints("\"\\ufffd\"", json_string(out, "\xc3"));
    assert_prints("\"\\ufffd\\ufffd\"", json_string(out, "\xc0\xaf"));
    assert_prints("\"a\\ufffd\"", json_print(out, "%.*s", 2, "a\xc3\xbc")); /* cut within a character */
}

static void numbers(void **state)
{
    assert_prints("[-5,7,4294967295]", json_print(out, "[%d,%d,%u]", -5, 7, 4294967295u));
    assert_prints("18446744073709551615 -9223372036854775808",
                  json_print(out, "%llu %lld", ~0ull, -9223372036854775807ll - 1));
    assert_prints("{\"of\":3,\"all\":4}", json_print(out, "{'of':%zu,'all':%lu}", (size_t)3, 4ul));
    assert_prints("[0.500,0.1,1e+10]", json_print(out, "[%.3f,%.9g,%.9g]", 0.5, 0.1, 1e10));
    assert_prints("{\"yes\":true,\"no\":false,\"n\":1}", json_print(out, "{'yes':%i,'no':%i,'n':%u}", true, 0, 1u));
}

static void lists(void **state)
{
    assert_prints("[0,1,2]", putc('[', out);
                  for (unsigned i = 0; i < 3; i++) json_next(out, i), json_print(out, "%u", i); putc(']', out));
}

static void words(void **state)
{
    struct json_words w;
    assert_prints("{\"said\":\"a \\\"b\\\" 7\"}", fputs("{\"said\":", out); fprintf(json_words(&w), "a \"b\" %u", 7);
                  json_words_end(&w, out); putc('}', out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings), cmocka_unit_test(utf8),  cmocka_unit_test(numbers),
        cmocka_unit_test(lists),   cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
