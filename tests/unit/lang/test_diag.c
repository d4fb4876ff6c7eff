/* Diagnostics: order, repetitions, the first twenty, carets under the right columns, JSON, explanations, nearest. */
#include "parsed.h"

#include <errno.h>

struct fixture {
    struct sources sources;
    struct diags *d;
};

static void begin(struct fixture *f, const char *text)
{
    sources_init(&f->sources);
    f->d = diags_new(&f->sources);
    assert_int_equal(sources_add(&f->sources, "f.prey", text, strlen(text)), 0);
}

static char *text_of(struct fixture *f, bool json)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (json)
        diags_print_json_with(f->d, out, NULL, NULL);
    else
        diags_print_text(f->d, out, false);
    fclose(out);
    return text;
}

static void end(struct fixture *f, char *text)
{
    free(text);
    diags_free(f->d);
    sources_fini(&f->sources);
}

static void errors_come_sorted_with_notes_and_fixes(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "set a = b\n\tset c = d\n");
    diag(f.d, E_SYNTAX, (struct span){0, 15, 16}, "second");
    diag_advise(f.d, "did you mean `%s`?", "e");
    diag(f.d, E_SYNTAX, (struct span){0, 4, 5}, "first");
    diag_note(f.d, (struct span){0, 11, 14}, "see %d", 7);
    diag(f.d, E_SYNTAX, SPAN_NONE, "nowhere");
    char *text = text_of(&f, false);
    assert_string_equal(text, "f.prey:1:5: error: first [E0101]\n"
                              "    1 | set a = b\n"
                              "      |     ^\n"
                              "f.prey:2:2: note: see 7\n"
                              "    2 | \tset c = d\n"
                              "      | \t^^^\n"
                              "f.prey:2:6: error: second [E0101]\n"
                              "    2 | \tset c = d\n"
                              "      | \t    ^ did you mean `e`?\n"
                              "error: nowhere [E0101]\n");
    end(&f, text);
}

static void a_repetition_is_kept_once_with_its_first_note(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "abc def");
    for (int i = 0; i < 3; i++) {
        diag(f.d, E_SYNTAX, (struct span){0, 0, 3}, "number %d", i);
        diag_note(f.d, (struct span){0, 4, 7}, "note %d", i);
        diag_advise(f.d, "fix %d", i);
    }
    diag(f.d, E_END, (struct span){0, 0, 3}, "another code");
    assert_int_equal(diags_errors(f.d), 2);
    char *text = text_of(&f, false);
    assert_non_null(strstr(text, "number 0"));
    assert_non_null(strstr(text, "note 0"));
    assert_non_null(strstr(text, "fix 0"));
    assert_null(strstr(text, "number 1"));
    assert_null(strstr(text, "note 1"));
    assert_null(strstr(text, "fix 2"));
    end(&f, text);
}

static unsigned lines_with(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++) n++;
    return n;
}

static void the_first_twenty_are_printed_and_the_rest_counted(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "0123456789012345678901234567890123456789");
    for (uint32_t i = 0; i < 25; i++) diag(f.d, E_SYNTAX, (struct span){0, i, i + 1}, "here");
    char *text = text_of(&f, false);
    assert_int_equal(lines_with(text, "error: here"), 20);
    assert_non_null(strstr(text, "and 5 more errors\n"));
    free(text);
    text = text_of(&f, true);
    assert_int_equal(lines_with(text, "\"message\":\"here\""), 25);
    assert_non_null(strstr(text, "\"errors\":25,\"warnings\":0"));
    end(&f, text);
}

static void warnings_give_way_to_errors(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "0123456789012345678901234567890123456789");
    for (uint32_t i = 0; i < 22; i++) diag(f.d, W_UNUSED_NAME, (struct span){0, i, i + 1}, "warned");
    diag(f.d, E_SYNTAX, (struct span){0, 30, 31}, "wrong");
    char *text = text_of(&f, false);
    assert_int_equal(lines_with(text, "warning: warned"), 19);
    assert_int_equal(lines_with(text, "error: wrong"), 1);
    assert_non_null(strstr(text, "and 3 more warnings\n"));
    assert_int_equal(diags_warnings(f.d), 22);
    diags_werror(f.d, true);
    assert_int_equal(diags_errors(f.d), 23);
    assert_int_equal(diags_warnings(f.d), 0);
    free(text);
    text = text_of(&f, false);
    assert_int_equal(lines_with(text, "error: warned"), 20);
    end(&f, text);
}

static void a_long_line_is_shown_around_the_place(void **state)
{
    (void)state;
    struct fixture f;
    char *line = malloc(100001);
    memset(line, 'x', 100000);
    line[100000] = '\0';
    line[50000] = 'Y';
    begin(&f, line);
    free(line);
    diag(f.d, E_SYNTAX, (struct span){0, 50000, 50001}, "here");
    char *text = text_of(&f, false);
    char want[600];
    snprintf(want, sizeof(want), "f.prey:1:50001: error: here [E0101]\n    1 | ...%060dY%099d...\n      |    %60s^\n",
             0, 0, "");
    for (char *c = strstr(want, "| ..."); *c != '\n'; c++) *c = *c == '0' ? 'x' : *c;
    assert_string_equal(text, want);
    end(&f, text);
}

static void bytes_that_could_hurt_a_terminal_are_not_printed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "a\x1b[31m\xc3\xa9\xff\xe2\x80\xae b");
    diag(f.d, E_SYNTAX, (struct span){0, 13, 14}, "a\x1b\n%s", "\xff");
    char *text = text_of(&f, false);
    assert_string_equal(text, "f.prey:1:14: error: a? ? [E0101]\n"
                              "    1 | a?[31m\xc3\xa9?? b\n"
                              "      |           ^\n");
    free(text);
    text = text_of(&f, true);
    assert_non_null(strstr(text, "\"message\":\"a\\u001b\\u000a\\ufffd\""));
    end(&f, text);
}

static void a_place_in_another_file_is_printed_with_its_line(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "set a = file \"b.txt\"");
    diag_at(f.d, E_ADDRESS, "b.txt", 9, 3, 4, "  10.x", "no address");
    diag_at(f.d, E_ADDRESS, "b.txt", 2, 1, 1, "?", "no address");
    char *text = text_of(&f, false);
    assert_string_equal(text, "b.txt:2:1: error: no address [E0107]\n    2 | ?\n      | ^\n"
                              "b.txt:9:3: error: no address [E0107]\n    9 |   10.x\n      |   ^^^^\n");
    free(text);
    text = text_of(&f, true);
    assert_non_null(strstr(text, "\"file\":\"b.txt\",\"line\":2,\"column\":1,\"end_line\":2,\"end_column\":2"));
    end(&f, text);
}

static void every_code_is_explained(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DIAG_COUNT; i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        assert_int_equal(diag_explain(diag_rows[i].code, out), 0);
        fclose(out);
        assert_memory_equal(text, diag_rows[i].code, 5);
        assert_true(!*diag_rows[i].right || strstr(text, "right:\n    "));
        free(text);
        for (unsigned j = 0; j < i; j++) assert_string_not_equal(diag_rows[i].code, diag_rows[j].code);
    }
    assert_int_equal(diag_explain("E9999", stdout), -ENOENT);
    assert_int_equal(diag_explain("", stdout), -ENOENT);
}

static void the_nearest_is_close_or_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"office", "admins", "abusers", "web", "x"};
#define NEAR(name) diag_nearest(name, names, 5)
    assert_string_equal(NEAR("offfice"), "office");
    assert_string_equal(NEAR("offcie"), "office");
    assert_string_equal(NEAR("Office"), "office");
    assert_string_equal(NEAR("wbe"), "web");
    assert_string_equal(NEAR("abuser"), "abusers");
    assert_null(NEAR("printer"));
    assert_null(NEAR("web"));
    assert_null(NEAR("y"));
    assert_null(NEAR(""));
    assert_null(NEAR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_null(diag_nearest("web", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_come_sorted_with_notes_and_fixes),
        cmocka_unit_test(a_repetition_is_kept_once_with_its_first_note),
        cmocka_unit_test(the_first_twenty_are_printed_and_the_rest_counted),
        cmocka_unit_test(warnings_give_way_to_errors),
        cmocka_unit_test(a_long_line_is_shown_around_the_place),
        cmocka_unit_test(bytes_that_could_hurt_a_terminal_are_not_printed),
        cmocka_unit_test(a_place_in_another_file_is_printed_with_its_line),
        cmocka_unit_test(every_code_is_explained),
        cmocka_unit_test(the_nearest_is_close_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
