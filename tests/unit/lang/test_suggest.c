/* Suggestions are edits, and the words beside the carets come from them; advice is only words. */
#include "parsed.h"

static struct diags *begin(struct sources *sources)
{
    struct diags *d = diags_new(sources);

    diag(d, E_SYNTAX, (struct span){0, 4, 8}, "wrong");
    return d;
}

static void says(struct diags *d, const char *words) { assert_string_equal(d->entries[0].help, words); }

/* Check the edits of the first entry, in their order: "START-END:TEXT" with `|` between them. */
static void edits(const struct diags *d, const char *wanted)
{
    char text[256] = "";
    size_t n = 0;

    for (const struct suggestion *s = d->entries[0].suggestions; s; s = s->next)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u-%u:%s", n ? "|" : "", s->span.start, s->span.end,
                              s->text);
    assert_string_equal(text, wanted);
}

static void the_words_are_made_of_the_edits(void **state)
{
    (void)state;
    struct sources sources = {0};
    struct diags *d = begin(&sources);

    diag_suggest(d, SPAN_NONE, "to port %d", 22);
    says(d, "write `to port 22`");
    diag_suggest(d, (struct span){0, 9, 9}, " there");
    says(d, "write `to port 22` or add `there`");
    diag_suggest_removal(d, SPAN_NONE);
    says(d, "write `to port 22`, add `there` or remove it");
    edits(d, "4-8:to port 22|9-9: there|4-8:");
    diags_free(d);
    d = begin(&sources);
    diag_suggest_for(d, " for seconds", "%ds", 5);
    diag_suggest_for(d, ", the shortest", "%dms", 5);
    says(d, "write `5s` for seconds or `5ms`, the shortest");
    diags_free(d);
    d = begin(&sources);
    diag_guess(d, (struct span){0, 5, 7}, "office");
    says(d, "did you mean `office`?");
    edits(d, "5-7:office");
    diags_free(d);
}

/* Advice replaces the words, but not the edits. */
static void advice_is_no_edit(void **state)
{
    (void)state;
    struct sources sources = {0};
    struct diags *d = begin(&sources);

    diag_advise(d, "write `a` or `b`");
    says(d, "write `a` or `b`");
    edits(d, "");
    diag_suggest(d, SPAN_NONE, "a");
    diag_advise(d, "try `%s`", "a");
    says(d, "try `a`");
    edits(d, "4-8:a");
    diags_free(d);
}

static void a_repetition_adds_nothing(void **state)
{
    (void)state;
    struct sources sources = {0};
    struct diags *d = begin(&sources);

    diag_suggest(d, SPAN_NONE, "a");
    diag(d, E_SYNTAX, (struct span){0, 4, 8}, "wrong again");
    diag_suggest(d, SPAN_NONE, "b");
    diag_guess(d, SPAN_NONE, "b");
    diag_advise(d, "b");
    says(d, "write `a`");
    edits(d, "4-8:a");
    diags_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_words_are_made_of_the_edits),
        cmocka_unit_test(advice_is_no_edit),
        cmocka_unit_test(a_repetition_adds_nothing),
    };
    return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
