/* Messages for a token that the grammar has no place for: the token found, and those that could be there. */
#include "lang/parse/syntax.h"

#include <stdio.h>
#include <string.h>

#include "lang/lex/tokens.tab.h"
#include "lang/utf8.h"

#define LISTED_MAX 14 /* most alternatives that are still listed */
#define QUOTED_MAX 40

const char *quote(struct parser *p, struct span span)
{
    const char *s = p->text + span.start;
    size_t len = span.end - span.start, n = 0;
    const char *nl = memchr(s, '\n', len);
    if (nl) len = (size_t)(nl - s);
    while (n < len && n < QUOTED_MAX) {
        size_t step = utf8_next(s + n, len - n);
        if (!step) break;
        n += step;
    }
    char *text = arena_alloc(p->arena, n + 4);
    memcpy(text, s, n);
    if (n < len) memcpy(text + n, "...", 3);
    return text;
}

bool expects(const int *expected, int n, int token)
{
    for (int i = 0; i < n; i++)
        if (expected[i] == token) return true;
    return false;
}

/* Places with too many alternatives to list, recognised by two keywords that are together only there. */
static const struct place {
    int a, b;
    const char *what, *starts;
} places[] = {
    {FIREWALL, SET, "a declaration (such as `set`)", "no declaration begins with `%s`"},
    {ACCEPT, MIRROR, "a rule (such as `accept tcp`)", "no rule begins with `%s`"},
    {BALANCE, SERVER, "a pool's item", "no item of a pool begins with `%s`"},
    {MODE, AFFINITY, "a service's item", "no item of a service begins with `%s`"},
    {MASQUERADE, FORWARD, "a nat's item", "no item of a nat begins with `%s`"},
    {EXPECT, NEVER, "a test's step", "no step of a test begins with `%s`"},
    {FRAGMENT, COMMENT, "a condition (such as `from`), an option (such as `log`) or a new line", NULL},
    {FRAGMENT, INSTRUCTION, "a condition (such as `from`)", NULL},
    {OUT, ARROW, "a condition (such as `from` or `out on`), `->` or `ports`", NULL},
    {OUT, PORTS, "a condition (such as `from` or `out on`), `ports` or a new line", NULL},
    {OUT, FROM, "a condition (such as `from` or `out on`)", NULL},
    {TCP, IP6, "a protocol (such as `tcp`) or a family (such as `ip6`)", NULL},
    {LBRACE, OTHER, "`{` (to begin the rules) or `other frames`", NULL},
    {EVERY, TIMEOUT, "an option of the check (such as `every`)", NULL},
    {GRE, TCP, "a packet (such as `tcp 192.0.2.1:1024 -> self:22 syn`)", NULL},
    {GRE, SLASHED, "traffic to forward (such as `tcp/443`, `icmp` or `gre`)", NULL},
    {PAYLOAD, SYN, "a part of the packet (such as `syn` or `ttl`)", NULL},
};

static const struct place *expected_place(const int *expected, int n)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (expects(expected, n, places[i].a) && expects(expected, n, places[i].b)) return &places[i];
    return NULL;
}

/* A string under construction; the excess is cut off. */
struct text {
    char s[400];
    size_t n;
};

static void wanted_add(struct text *t, const char *s)
{
    size_t len = strlen(s);
    if (len > sizeof(t->s) - 1 - t->n) len = sizeof(t->s) - 1 - t->n;
    memcpy(t->s + t->n, s, len);
    t->n += len;
    t->s[t->n] = '\0';
}

static void put_token(struct text *t, int kind)
{
    bool quoted = token_is_word(kind) || (kind > NL && kind < INT);
    wanted_add(t, quoted ? "`" : "");
    wanted_add(t, token_name(kind));
    wanted_add(t, quoted ? "`" : "");
}

bool takes_values(const int *expected, int n)
{
    return expects(expected, n, PERCENT) && expects(expected, n, ADDR) && expects(expected, n, STRING);
}

/* Pick the alternatives to list one by one, the line's end last; -1 if they are too many. */
static int pick_listed(const int *expected, int n, bool values, int *shown)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool covered = values && ((expected[i] >= INT && expected[i] <= COLON_WORD) || expected[i] == NAME);
        if (covered || expected[i] == NL) continue;
        if (count == LISTED_MAX) return -1;
        shown[count++] = expected[i];
    }
    if (expects(expected, n, NL)) shown[count++] = NL;
    return count;
}

static void list_expected(const struct parser *p, uint32_t at, const int *expected, int n, struct text *out)
{
    int shown[LISTED_MAX + 1];
    bool values = takes_values(expected, n), names = n > ALL_NAMES && expects(expected, n, NAME);
    const struct place *place = expected_place(expected, n);
    const char *wanted = values || names ? wanted_at(p, at) : NULL;
    if (wanted) {
        wanted_add(out, wanted);
        return;
    }
    if (names || (values && expects(expected, n, NAME))) {
        wanted_add(out, values ? "a value or a name" : "a name");
        if (names) return;
    } else if (values) {
        wanted_add(out, "a value");
    } else if (place) {
        wanted_add(out, place->what);
        return;
    }
    int count = pick_listed(expected, n, values, shown);
    if (count < 0 && (place || out->n == 0)) {
        wanted_add(out, out->n ? " or " : "");
        wanted_add(out, place ? place->what : "another word");
    }
    for (int i = 0; i < count; i++) {
        wanted_add(out, out->n == 0 ? "" : i + 1 < count ? ", " : " or ");
        put_token(out, shown[i]);
    }
}

static void say_end(struct parser *p, struct span span, const int *expected, int n)
{
    struct text wanted = {.n = 0};
    if (expects(expected, n, LBRACE)) {
        uint32_t next = p->pos;
        while (next < p->len && strchr(" \t\r\n", p->text[next])) next++;
        p->missing_brace = true;
        if (p->text[next] == '{') {
            diag(p->diags, E_BRACE_LINE, (struct span){span.file, next, next + 1},
                 "`{` must be on the same line as its statement");
            diag_note(p->diags, span, "write `{` at the end of this line");
            return;
        }
    }
    if (expects(expected, n, RPAREN) && p->unclosed_paren != UINT32_MAX) {
        struct span paren = {span.file, p->unclosed_paren, p->unclosed_paren + 1};
        diag(p->diags, E_PAREN, paren, "this `(` isn't closed in its statement");
        return;
    }
    list_expected(p, span.start, expected, n, &wanted);
    diag(p->diags, E_END, span, "the statement ends too early: add %s", wanted.s);
}

/* Report the first word of a statement. */
static void say_start(struct parser *p, int found, struct span span, const int *expected, int n)
{
    const struct place *place = expected_place(expected, n);
    const char *word = quote(p, span);
    if (place && place->starts && (found == NAME || token_is_word(found))) {
        char text[128];
        snprintf(text, sizeof(text), place->starts, word);
        diag(p->diags, E_STATEMENT, span, "%s", text);
    } else if (place) {
        diag(p->diags, E_STATEMENT, span, "unexpected `%s`: write %s", word, place->what);
    } else {
        struct text wanted = {.n = 0};
        list_expected(p, span.start, expected, n, &wanted);
        diag(p->diags, E_STATEMENT, span, "unexpected `%s`: write %s", word, wanted.s);
    }
}

static void say_middle(struct parser *p, int found, struct span span, const int *expected, int n)
{
    struct text wanted = {.n = 0};
    const char *word = quote(p, span);
    bool name_wanted = n > ALL_NAMES && expects(expected, n, NAME);
    if (word_is_reserved(found) && name_wanted && !takes_values(expected, n)) {
        diag(p->diags, E_RESERVED, span, "`%s` is a reserved word: choose another name", word);
        return;
    }
    if (in_claim(p, expected, n) && is_claim_flag(found)) {
        diag(p->diags, E_SYNTAX, span, "a claim takes no flags: claims are about packets with any flags");
        return;
    }
    list_expected(p, span.start, expected, n, &wanted);
    if (found == NL)
        diag(p->diags, E_SYNTAX, span, "unexpected `;`: write %s", wanted.s);
    else if (expects(expected, n, NL) && n == 1)
        diag(p->diags, E_SYNTAX, span, "unexpected `%s`: the statement ends before this word, so add a new line or `;`",
             word);
    else
        diag(p->diags, E_SYNTAX, span, "unexpected `%s`: write %s", word, wanted.s);
}

void syntax_error(struct parser *p, int found, struct span span, const int *expected, int n)
{
    p->missing_brace = false;
    if (p->gave_up) return;
    bool start = p->stmt.tokens == 1;
    if (found == NL && !start)
        say_end(p, span, expected, n);
    else if (start)
        say_start(p, found, span, expected, n);
    else
        say_middle(p, found, span, expected, n);
    offer_meant(p, found, span, expected, n);
    if (p->comma_nl.file != UINT32_MAX && !start)
        diag_note(p->diags, p->comma_nl, "the statement continues after this comma");
    parser_panic(p);
}
