/* `limits` and `timeouts`: blocks of keys and values. The keys, and the kind of value of each, are tables. */
#include <stdio.h>
#include <string.h>

#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

struct key {
    const char *name;
    unsigned wants;
};

#define LIMIT(key, kind, default_text, doc) {key, W_##kind | W_NAME},
static const struct key limits[] = {
#include "lang/words/limits.def"
};
#undef LIMIT

#define TIMEOUT(key, default_text, doc) {key, W_DURATION | W_NAME},
static const struct key timeouts[] = {
#include "lang/words/timeouts.def"
};
#undef TIMEOUT

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Return the words of a key, joined by one space; NULL if they are too many for any key. */
static const char *key_text(struct parser *p, const struct node *words)
{
    char text[2 * MAX_NAME + 2];
    size_t n = 0;
    node_each(w, words)
    {
        if (n + w->v.str.len + 2 > sizeof(text)) return NULL;
        if (n) text[n++] = ' ';
        memcpy(text + n, w->v.str.s, w->v.str.len);
        n += w->v.str.len;
    }
    return arena_strndup(p->arena, text, n);
}

static void unknown_key(struct parser *p, struct span span, const char *text, bool is_timeout)
{
    const struct key *keys = is_timeout ? timeouts : limits;
    const size_t n = is_timeout ? COUNT(timeouts) : COUNT(limits);
    const char *names[COUNT(limits) + COUNT(timeouts)];
    for (size_t i = 0; i < n; i++) names[i] = keys[i].name;
    build_error(p, E_SETTING, span, "no %s is called `%s`", is_timeout ? "timeout" : "limit", quote(p, span));
    const char *near = text ? diag_nearest(text, names, n) : NULL;
    if (near) diag_guess(p->diags, SPAN_NONE, "%s", near);
}

/* Take off the last word, a constant, as the value if no other value follows. */
static struct node *take_last(struct node *words)
{
    struct node *before = words->first, *last = words->last;
    while (before->next != last) before = before->next;
    before->next = NULL;
    words->last = before;
    words->span.end = before->span.end;
    return last;
}

static const char *in_backticks(struct parser *p, const char *text)
{
    char quoted[2 * MAX_NAME + 4];
    const int n = snprintf(quoted, sizeof(quoted), "`%s`", text);
    return arena_strndup(p->arena, quoted, (size_t)n);
}

struct node *setting(struct parser *p, struct node *words, struct node *value, bool is_timeout)
{
    if (!value && words->first == words->last) {
        build_error(p, E_END, words->span, "`%s` has no value", quote(p, words->span));
        return NULL;
    }
    if (!value) value = take_last(words);
    const struct key *keys = is_timeout ? timeouts : limits;
    const size_t n = is_timeout ? COUNT(timeouts) : COUNT(limits);
    const char *text = key_text(p, words);
    for (size_t i = 0; text && i < n; i++) {
        if (strcmp(keys[i].name, text) != 0) continue;
        value = want(p, value, keys[i].wants, in_backticks(p, text));
        return tree(p, N_SETTING, words->span, chain(words->first, value));
    }
    unknown_key(p, words->span, text, is_timeout);
    return NULL;
}
