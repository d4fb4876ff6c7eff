/* What to say when the grammar has no place for a token: what was found, what could stand there, and the slip that is
 * likely behind it. */
#include <stdio.h>
#include <string.h>

#include "lang/lang_priv.h"
#include "lang/parse.tab.h"
#include "lang/utf8.h"

#define LISTED_MAX 8 /* alternatives that are still read */
#define QUOTED_MAX 40
#define ALL_NAMES  100 /* keywords expected at once: any name may stand there */

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

static bool has(const int *kinds, int n, int kind)
{
    for (int i = 0; i < n; i++)
        if (kinds[i] == kind) return true;
    return false;
}

static bool is_word(int token) { return token == NAME || token_is_word(token); }

/* Places with too many alternatives to list, known by two keywords that stand together only there. */
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
    {TCP, IP6, "a protocol (such as `tcp`) or a family (such as `ip6`)", NULL},
    {EVERY, TIMEOUT, "an option of the check (such as `every`)", NULL},
    {PAYLOAD, SYN, "a part of the packet (such as `syn` or `ttl`)", NULL},
};

static const struct place *place_of(const int *expected, int n)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (has(expected, n, places[i].a) && has(expected, n, places[i].b)) return &places[i];
    return NULL;
}

/* A string under construction that stops when it is full. */
struct text {
    char s[400];
    size_t n;
};

static void put(struct text *t, const char *s)
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
    put(t, quoted ? "`" : "");
    put(t, token_name(kind));
    put(t, quoted ? "`" : "");
}

/* Every literal may stand here: which of them has a meaning is not the grammar's to say. */
static bool takes_values(const int *expected, int n)
{
    return has(expected, n, PERCENT) && has(expected, n, ADDR) && has(expected, n, STRING);
}

/* The alternatives that are named one by one, the line's end last; -1 if they are too many. */
static int pick_listed(const int *expected, int n, bool values, int *shown)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool covered = values && ((expected[i] >= INT && expected[i] <= COLON_WORD) || expected[i] == NAME);
        if (covered || expected[i] == NL) continue;
        if (count == LISTED_MAX) return -1;
        shown[count++] = expected[i];
    }
    if (has(expected, n, NL)) shown[count++] = NL;
    return count;
}

static void list_expected(const int *expected, int n, struct text *out)
{
    int shown[LISTED_MAX + 1];
    bool values = takes_values(expected, n), names = n > ALL_NAMES && has(expected, n, NAME);
    const struct place *place = place_of(expected, n);
    if (names || (values && has(expected, n, NAME))) {
        put(out, values ? "a value or a name" : "a name");
        if (names) return;
    } else if (values) {
        put(out, "a value");
    } else if (place) {
        put(out, place->what);
        return;
    }
    int count = pick_listed(expected, n, values, shown);
    if (count < 0 && (place || out->n == 0)) {
        put(out, out->n ? " or " : "");
        put(out, place ? place->what : "another word");
    }
    for (int i = 0; i < count; i++) {
        put(out, out->n == 0 ? "" : i + 1 < count ? ", " : " or ");
        put_token(out, shown[i]);
    }
}

/* What other tools call it. */
static const struct {
    const char *theirs;
    int ours;
    const char *text;
} synonyms[] = {
    {"allow", ACCEPT, "accept"},
    {"permit", ACCEPT, "accept"},
    {"pass", ACCEPT, "accept"},
    {"block", DROP, "drop"},
    {"deny", DROP, "drop"},
    {"discard", DROP, "drop"},
    {"jump", DO, "do"},
    {"call", DO, "do"},
    {"goto", DO, "do"},
    {"saddr", FROM, "from"},
    {"src", FROM, "from"},
    {"daddr", TO, "to"},
    {"dst", TO, "to"},
    {"dport", PORT, "port"},
    {"sport", SOURCE, "source port"},
    {"iif", ON, "on"},
    {"iifname", ON, "on"},
    {"ct", STATE, "state"},
    {"keep", STATE, "state"},
    {"protocol", PROTO, "proto"},
    {"or", COMMA, ","},
    {"table", SET, "set"},
    {"define", CONST, "const"},
    {"backend", POOL, "pool"},
    {"frontend", SERVICE, "service"},
    {"listen", SERVICE, "service"},
    {"upstream", POOL, "pool"},
    {"default_backend", ELSE, "else ->"},
};

static const char *synonym(const struct parser *p, struct span span, const int *expected, int n)
{
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
        if (strlen(synonyms[i].theirs) == span.end - span.start && has(expected, n, synonyms[i].ours) &&
            memcmp(synonyms[i].theirs, p->text + span.start, span.end - span.start) == 0)
            return synonyms[i].text;
    return NULL;
}

static bool is_rule_word(const struct parser *p, int found, struct span span)
{
    static const int verdicts[] = {ACCEPT, DROP};
    const bool verdict = word_is_reserved(found) && word_may_start(found);
    return verdict || found == AUDIT || synonym(p, span, verdicts, 2);
}

/* The keyword that was meant, if a close one could stand here. */
static const char *meant(struct parser *p, struct span span, const int *expected, int n)
{
    const char *candidates[512];
    size_t count = 0;
    for (int i = 0; i < n && count < sizeof(candidates) / sizeof(candidates[0]); i++)
        if (token_is_word(expected[i])) candidates[count++] = token_name(expected[i]);
    size_t len = span.end - span.start;
    if (len > MAX_NAME) return NULL;
    return diag_nearest(arena_strndup(p->arena, p->text + span.start, len), candidates, count);
}

static void say_end(struct parser *p, struct span span, const int *expected, int n)
{
    struct text wanted = {.n = 0};
    if (has(expected, n, LBRACE)) {
        uint32_t next = p->pos;
        while (next < p->len && strchr(" \t\r\n", p->text[next])) next++;
        p->missing_brace = true;
        if (p->text[next] == '{') {
            diag(p->diags, E_BRACE_LINE, (struct span){span.file, next, next + 1},
                 "`{` must stand on the same line as its statement");
            diag_note(p->diags, span, "put it at the end of this line");
            return;
        }
    }
    if (has(expected, n, RPAREN) && p->unclosed_paren != UINT32_MAX) {
        struct span paren = {span.file, p->unclosed_paren, p->unclosed_paren + 1};
        diag(p->diags, E_PAREN, paren, "this `(` is not closed in its statement");
        return;
    }
    list_expected(expected, n, &wanted);
    diag(p->diags, E_END, span, "the statement ends too early: add %s", wanted.s);
}

/* The first word of a statement. */
static void say_start(struct parser *p, int found, struct span span, const int *expected, int n)
{
    const struct place *place = place_of(expected, n);
    const char *word = quote(p, span);
    if (place && place->starts && is_word(found)) {
        char text[128];
        snprintf(text, sizeof(text), place->starts, word);
        diag(p->diags, E_STATEMENT, span, "%s", text);
    } else if (place) {
        diag(p->diags, E_STATEMENT, span, "unexpected `%s`: write %s", word, place->what);
    } else {
        struct text wanted = {.n = 0};
        list_expected(expected, n, &wanted);
        diag(p->diags, E_STATEMENT, span, "unexpected `%s`: write %s", word, wanted.s);
    }
}

static void say_middle(struct parser *p, int found, struct span span, const int *expected, int n)
{
    struct text wanted = {.n = 0};
    const char *word = quote(p, span);
    bool name_wanted = n > ALL_NAMES && has(expected, n, NAME);
    if (word_is_reserved(found) && name_wanted && !takes_values(expected, n)) {
        diag(p->diags, E_RESERVED, span, "`%s` is a reserved word: choose another name", word);
        return;
    }
    list_expected(expected, n, &wanted);
    if (found == NL)
        diag(p->diags, E_SYNTAX, span, "unexpected `;`: write %s", wanted.s);
    else if (has(expected, n, NL) && n == 1)
        diag(p->diags, E_SYNTAX, span,
             "unexpected `%s`: the statement is complete before it, so write a new line or `;`", word);
    else
        diag(p->diags, E_SYNTAX, span, "unexpected `%s`: write %s", word, wanted.s);
}

/* The word before this place on its line, empty where there is none. */
static struct str word_before(const struct parser *p, struct span span)
{
    static const char ends[] = " \t\n,(){}=;";
    uint32_t end = span.start;
    while (end > 0 && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t')) end--;
    uint32_t start = end;
    while (start > 0 && end - start < MAX_NAME && !memchr(ends, p->text[start - 1], sizeof(ends))) start--;
    return (struct str){.s = p->text + start, .len = end - start};
}

/* What the statement was likely meant to be, where no single word says it. */
static void offer_form(struct parser *p, int found, struct span span, const int *expected, int n)
{
    static const int lists[] = {FROM, TO,     PORT, PROTO,     VLAN,    ETHER, FRAGMENT,
                                TTL,  LENGTH, DSCP, FLOWLABEL, OPTIONS, STATE, ON};
    const struct str before = word_before(p, span);
    const uint32_t at = (uint32_t)(before.s - p->text);
    const struct span before_span = {span.file, at, at + (uint32_t)before.len};
    if (span.end - span.start == 5 && memcmp(p->text + span.start, "quick", 5) == 0) {
        diag_suggest_removal(p->diags, span);
        diag_advise(p->diags, "leave it out: the first rule that matches decides");
    } else if (p->stmt.tokens == 1 && is_rule_word(p, found, span) && has(expected, n, FIREWALL))
        diag_advise(p->diags, "write rules inside `firewall NAME default drop { }` or `chain NAME { }`");
    else if (found == LBRACE && takes_values(expected, n))
        diag_advise(p->diags, "write the list without braces: a, b");
    else if (has(lists, (int)(sizeof(lists) / sizeof(lists[0])), found) && before.len == 3 &&
             memcmp(before.s, "not", 3) == 0) {
        diag_suggest(p->diags, span_join(before_span, span), "%s not", token_name(found));
        diag_advise(p->diags, "write `not` behind it: `%s not ...`", token_name(found));
    } else if (found >= INT && found <= COLON_WORD && has(expected, n, COMMA) && before.len && before.s[0] >= '0' &&
               before.s[0] <= '9') {
        diag_suggest(p->diags, (struct span){span.file, before_span.end, before_span.end}, ",");
        diag_advise(p->diags, "write a comma between the members of a list");
    }
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
    const char *near = is_word(found) ? synonym(p, span, expected, n) : NULL;
    if (!near && is_word(found) && (n <= ALL_NAMES || start)) near = meant(p, span, expected, n);
    if (near)
        diag_guess(p->diags, SPAN_NONE, "%s", near);
    else
        offer_form(p, found, span, expected, n);
    if (p->comma_nl.file != UINT32_MAX && !start)
        diag_note(p->diags, p->comma_nl, "the statement goes on after this comma");
    parser_panic(p);
}
