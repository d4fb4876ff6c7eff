/* Help beside the carets: advice is a sentence; a suggestion is an edit of the text, from which a sentence is made. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lang/diag/diag_priv.h"
#include "lang/heap.h"

static const char *verb_of(const struct suggestion *s)
{
    if (s->guess) return "did you mean ";
    if (!s->text[0]) return "remove it";
    return s->span.start == s->span.end ? "add " : "write ";
}

/* Print the text without the blanks around it that separate it from its neighbours. */
static void put_quoted(const char *text, FILE *out)
{
    size_t len = strlen(text);
    while (len && strchr(" \n", text[len - 1])) len--;
    while (len && strchr(" \n", *text)) {
        text++;
        len--;
    }
    fprintf(out, "`%.*s`", (int)len, text);
}

/* Make the sentence: "write `a` or `b`", "add `a` or remove it", "did you mean `a`?" */
static char *sentence(const struct entry *e)
{
    char *text = NULL;
    size_t len;
    FILE *out = heap_stream(&text, &len);
    const char *before = "";
    for (const struct suggestion *s = e->suggestions; s; s = s->next) {
        const char *verb = verb_of(s);
        fprintf(out, "%s%s", s == e->suggestions ? "" : s->next ? ", " : " or ", strcmp(verb, before) == 0 ? "" : verb);
        if (s->text[0]) put_quoted(s->text, out);
        fputs(s->why, out);
        before = verb;
    }
    fputs(e->suggestions->guess ? "?" : "", out);
    heap_stream_end(out);
    return text;
}

static __attribute__((format(printf, 5, 0))) void suggest(struct diags *d, struct span span, bool guess,
                                                          const char *why, const char *fmt, va_list ap)
{
    struct entry *e = diag_last(d);
    if (!e) return;
    struct suggestion *s = heap_zeroed(1, sizeof(*s)), **end = &e->suggestions;
    s->span = span.file == UINT32_MAX ? e->span : span;
    s->guess = guess;
    s->why = why;
    s->text = heap_format(fmt, ap);
    while (*end) end = &(*end)->next;
    *end = s;
    free(e->help);
    e->help = sentence(e);
}

void diag_suggest(struct diags *d, struct span span, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    suggest(d, span, false, "", fmt, ap);
    va_end(ap);
}

void diag_suggest_for(struct diags *d, const char *why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    suggest(d, SPAN_NONE, false, why, fmt, ap);
    va_end(ap);
}

void diag_guess(struct diags *d, struct span span, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    suggest(d, span, true, "", fmt, ap);
    va_end(ap);
}

void diag_advise(struct diags *d, const char *fmt, ...)
{
    struct entry *e = diag_last(d);
    va_list ap;
    if (!e) return;
    va_start(ap, fmt);
    free(e->help);
    e->help = heap_format(fmt, ap);
    va_end(ap);
}
