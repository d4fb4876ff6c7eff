/* The likely meaning behind an error of the grammar: by a near word, or by the shape of the text (habits.c: forms of
 * other tools); and the values or names that a place needs. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lang/lex/tokens.tab.h"
#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

#define STARTS_MAX 24 /* most words that may begin a statement and are still listed */

bool is_word_at(const struct parser *p, struct span span, const char *word)
{
    return strlen(word) == span.end - span.start && memcmp(word, p->text + span.start, strlen(word)) == 0;
}

/* Offer one of prey's words that was written as two: `flow label`. */
static bool offer_joined(struct parser *p, struct span span, const int *expected, int n)
{
    const size_t len = span.end - span.start, blanks = strspn(p->text + span.end, " \t");
    for (int i = 0; i < n; i++) {
        const char *name = token_is_word(expected[i]) ? token_name(expected[i]) : "";
        const size_t rest = strlen(name) > len ? strlen(name) - len : 0;
        const uint32_t at = span.end + (uint32_t)blanks;
        if (!blanks || !rest || memcmp(name, p->text + span.start, len) != 0) continue;
        if (strncmp(name + len, p->text + at, rest) != 0) continue;
        if (isalnum((unsigned char)p->text[at + rest]) || p->text[at + rest] == '_') continue;
        diag_guess(p->diags, (struct span){span.file, span.start, at + (uint32_t)rest}, "%s", name);
        return true;
    }
    return false;
}

/* If no word is near, offer all that may begin a statement, if they are few. */
static void offer_starts(struct parser *p, const int *expected, int n)
{
    char words[STARTS_MAX * (MAX_NAME + 8)];
    size_t len = 0;
    int count = 0, shown = 0;
    for (int i = 0; i < n; i++) count += token_is_word(expected[i]);
    if (count == 0 || count > STARTS_MAX) return;
    for (int i = 0; i < n; i++)
        if (token_is_word(expected[i]))
            len += (size_t)snprintf(words + len, sizeof(words) - len, "%s`%s`",
                                    shown++ == 0    ? ""
                                    : shown < count ? ", "
                                                    : " or ",
                                    token_name(expected[i]));
    diag_advise(p->diags, "begin with %s", words);
}

static bool is_rule_word(const struct parser *p, int found, struct span span)
{
    static const int verdicts[] = {ACCEPT, DROP};
    const bool verdict = word_is_reserved(found) && word_may_start(found);
    return verdict || found == AUDIT || synonym(p, span, verdicts, 2);
}

/* Return the keyword that was likely meant, if a near one could be here. */
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

static bool is_number(struct str word)
{
    uint64_t i;
    struct node range = {.kind = N_INT};
    return parse_uint(word.s, word.len, &i) == 0 || (word.len && parse_int_or_range(word.s, word.len, &range) == 0);
}

/* True for an address or `self`, without a port. */
static bool is_host(struct str word)
{
    const char *colon = memchr(word.s, ':', word.len), *end = word.s + word.len;
    const bool one_colon = colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1));
    return word.len && *word.s != '[' && !one_colon && !is_number(word);
}

/* True for parts of a test's step that belong to its verdict, not to its packets. */
static bool of_verdict(const struct parser *p, int found)
{
    const int step = p->stmt.tokens > 1 ? p->stmt.start[0].kind : 0;
    return step == EXPECT ? found == STATE || found == BY
                          : (step == NEVER || step == ALWAYS) && (found == STATE || found == OVER);
}

bool in_claim(const struct parser *p, const int *expected, int n)
{
    const int step = p->stmt.tokens > 1 ? p->stmt.start[0].kind : 0;
    return (step == NEVER || step == ALWAYS) && !expects(expected, n, COLON);
}

bool is_claim_flag(int found)
{
    static const int flags[] = {FLAGS, SYN, ACK, FIN, RST, PSH, URG, ECE, CWR};
    return expects(flags, (int)(sizeof(flags) / sizeof(flags[0])), found);
}

static bool in_settings(const struct parser *p)
{
    const int around = p->header.start[0].kind;
    return around == TIMEOUTS || around == LIMITS;
}

/* Offer for `proxy { first 2s }`: a setting has its words and its value on one line. */
static void offer_flat_setting(struct parser *p, struct str word, struct span brace)
{
    uint32_t from = brace.end, end;
    from += (uint32_t)strspn(p->text + from, " \t");
    end = from + (uint32_t)strcspn(p->text + from, "#;{}\r\n");
    while (end > from && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t')) end--;
    if (end == from)
        diag_advise(p->diags, "write a setting on one line, without braces: `proxy first 2s`");
    else
        diag_advise(p->diags, "write the setting without braces: `%.*s %s`", (int)word.len, word.s,
                    quote(p, (struct span){brace.file, from, end}));
}

/* Offer the likely form of the statement if no single word is the cause. */
static bool offer_form(struct parser *p, int found, struct span span, const int *expected, int n)
{
    static const int lists[] = {
        FROM, TO, PORT, VLAN, ETHER, FRAGMENT, OPTIONS, STATE, ON,
#define IP_NUMBER(token, text, values, wanted) token,
#include "lang/words/word.def"
    };
    const struct str before = word_before(p, span.start);
    const uint32_t at = (uint32_t)(before.s - p->text);
    const struct span before_span = {span.file, at, at + (uint32_t)before.len};
    const bool number = found == INT || found == RANGE, word = found == NAME || token_is_word(found);
    const bool address = found == ADDR || found == PREFIX || found == ADDR_RANGE;
    if (number && expects(expected, n, PORT) && !is_number(before)) {
        diag_suggest(p->diags, span, "port %s", quote(p, span));
    } else if (found == INT && is_host(before) &&
               (expects(expected, n, PAYLOAD) || (expects(expected, n, ARROW) && expects(expected, n, COLON)))) {
        const char *open = memchr(before.s, ':', before.len) ? "[" : "";
        diag_suggest(p->diags, span_join(before_span, span), "%s%.*s%s:%s", open, (int)before.len, before.s,
                     *open ? "]" : "", quote(p, span));
    } else if (word && n == 1 && expects(expected, n, STRING)) {
        diag_suggest(p->diags, span, "\"%s\"", quote(p, span));
    } else if (found == PORT && (p->stmt.start[0].kind == SERVER || p->stmt.start[0].kind == SERVERS ||
                                 p->stmt.start[0].kind == FORWARD)) {
        diag_advise(p->diags, "write the port after the address: 10.0.0.11:80");
    } else if (is_word_at(p, span, "quick")) {
        diag_suggest_removal(p->diags, span);
        diag_advise(p->diags, "remove `quick`: the first rule that matches decides");
    } else if (p->stmt.tokens > 1 && p->stmt.start[0].kind == ALLOW) {
        diag_advise(p->diags, "`allow` takes codes of warnings; write rules in `firewall NAME default drop { }`");
    } else if (p->stmt.tokens == 1 && is_rule_word(p, found, span) && expects(expected, n, FIREWALL)) {
        diag_advise(p->diags, "write rules inside `firewall NAME default drop { }` or `chain NAME { }`");
    } else if (in_claim(p, expected, n) && is_claim_flag(found)) {
        diag_advise(p->diags, "write `state new` before the colon: `%s VERDICT state new: ...`",
                    token_name(p->stmt.start[0].kind));
    } else if (of_verdict(p, found) && !expects(expected, n, COLON)) {
        diag_advise(p->diags, "write this condition between the verdict and the colon: `%s VERDICT %s ...: ...`",
                    token_name(p->stmt.start[0].kind), token_name(found));
    } else if (found == LBRACE && takes_values(expected, n) && in_settings(p)) {
        offer_flat_setting(p, before, span);
    } else if (found == LBRACE && takes_values(expected, n)) {
        diag_advise(p->diags, "write the list without braces: a, b");
    } else if (expects(lists, (int)(sizeof(lists) / sizeof(lists[0])), found) && before.len == 3 &&
               memcmp(before.s, "not", 3) == 0) {
        diag_suggest(p->diags, span_join(before_span, span), "%s not", token_name(found));
        diag_advise(p->diags, "write `not` after this word: `%s not ...`", token_name(found));
    } else if (expects(expected, n, COMMA) && before.len &&
               ((found >= INT && found <= COLON_WORD && before.s[0] >= '0' && before.s[0] <= '9') ||
                (found == STRING && before.s[before.len - 1] == '"'))) {
        diag_suggest(p->diags, (struct span){span.file, before_span.end, before_span.end}, ",");
        diag_advise(p->diags, "write a comma between the members of a list");
    } else if (address && expects(expected, n, FROM) && expects(expected, n, TO)) {
        diag_advise(p->diags, "write `from %s` or `to %s`", quote(p, span), quote(p, span));
    } else if (found == COMMA && p->stmt.start[0].kind == FORWARD && expects(expected, n, NL)) {
        diag_advise(p->diags, "a `forward` has one target; to balance over servers, write a service with a pool");
    } else {
        return false;
    }
    return true;
}

void offer_meant(struct parser *p, int found, struct span span, const int *expected, int n)
{
    const bool start = p->stmt.tokens == 1, word = found == NAME || token_is_word(found);
    const char *near = word ? synonym(p, span, expected, n) : NULL;
    if (!near && (offer_habit(p, found, span, expected, n) || (word && offer_joined(p, span, expected, n)))) return;
    if (!near && word && (n <= ALL_NAMES || start)) near = meant(p, span, expected, n);
    if (near)
        diag_guess(p->diags, SPAN_NONE, "%s", near);
    else if (!offer_form(p, found, span, expected, n) && start && word)
        offer_starts(p, expected, n);
}

static const struct {
    int first, before, word;
    const char *what;
} wanted[] = {
#define WANTED(first, before, word, what) {first, before, word, what},
#include "lang/parse/wanted.def"
};

struct str word_before(const struct parser *p, uint32_t end)
{
    static const char ends[] = " \t\n,(){}=;";
    while (end > 0 && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t')) end--;
    uint32_t start = end;
    while (start > 0 && end - start < MAX_NAME && !memchr(ends, p->text[start - 1], sizeof(ends))) start--;
    return (struct str){.s = p->text + start, .len = end - start};
}

static int token_of(const struct parser *p, struct str word)
{
    if (word.len == 2 && memcmp(word.s, "->", 2) == 0) return ARROW;
    if (word.len == 3 && memcmp(word.s, "<->", 3) == 0) return MAPS_TO;
    if (word.len) return word_find(word.s, word.len);
    return word.s > p->text && word.s[-1] == '=' ? EQ : NAME;
}

const char *wanted_at(const struct parser *p, uint32_t at)
{
    const struct str word = word_before(p, at), before = word_before(p, (uint32_t)(word.s - p->text));
    const int first = p->stmt.start[0].kind, word_kind = token_of(p, word), before_kind = token_of(p, before);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if ((!wanted[i].first || wanted[i].first == first) && (!wanted[i].before || wanted[i].before == before_kind) &&
            (!wanted[i].word || wanted[i].word == word_kind))
            return wanted[i].what;
    return NULL;
}
