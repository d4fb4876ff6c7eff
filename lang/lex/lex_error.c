/* Errors of the lexer: misplaced characters, and text that is not UTF-8. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"
#include "lang/utf8.h"

void lex_error(struct parser *p, struct token *t, enum diag_code code, const char *fmt, ...)
{
    t->kind = YYerror;
    if (p->panic) return;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    diag(p->diags, code, t->span, "%s", text);
}

static bool is_control(unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f; }

/* Help with an invalid byte: name its letter in Latin-1 (ISO 8859-1), in which the file was likely saved. */
static void help_with_byte(struct parser *p, unsigned char c)
{
    const char letter[] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)), '\0'};
    if (c >= 0xa0)
        diag_advise(p->diags, "the byte is `%s` in Latin-1; to convert the file, run: iconv -f latin1 -t utf-8",
                    letter);
    else
        diag_advise(p->diags, "save the file as UTF-8");
}

/* Check that a comment is text. A fault in it does not spoil the statement. */
void comment_check(struct parser *p, struct span span)
{
    const char *s = p->text + span.start;
    size_t len = span.end - span.start;
    size_t valid = utf8_valid_len(s, len);
    if (valid < len) {
        diag(p->diags, E_UTF8, (struct span){span.file, span.start + (uint32_t)valid, span.start + (uint32_t)valid + 1},
             "byte 0x%02x isn't valid UTF-8", (unsigned char)s[valid]);
        help_with_byte(p, (unsigned char)s[valid]);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_control((unsigned char)s[i])) continue;
        struct span at = {span.file, span.start + (uint32_t)i, span.start + (uint32_t)i + 1};
        diag(p->diags, E_CONTROL, at, "remove the control character 0x%02x", (unsigned char)s[i]);
        return;
    }
}

bool offer_range(struct parser *p, struct span sign)
{
    const bool more = p->text[sign.start] == '>', equal = p->text[sign.start + 1] == '=';
    const struct span word = next_word(p, sign.start + 1 + equal);
    const struct span whole = {sign.file, sign.start, word.end};
    uint64_t n;
    if (!word_number(p, word, &n) || (!equal && n == (more ? UINT64_MAX : 0))) return false;
    if (more)
        diag_suggest(p->diags, whole, "%llu-", (unsigned long long)(equal ? n : n + 1));
    else
        diag_suggest(p->diags, whole, "-%llu", (unsigned long long)(equal ? n : n - 1));
    return true;
}

/* True if the word is right before that place of the text. */
static bool is_behind(const struct parser *p, uint32_t at, const char *word)
{
    const size_t len = strlen(word);
    while (at > 0 && (p->text[at - 1] == ' ' || p->text[at - 1] == '\t')) at--;
    const bool stands = at >= len && !strncmp(p->text + at - len, word, len);
    return stands && (at == len || strchr(" \t\n;{", p->text[at - len - 1]));
}

/* Help with `*`, which means all addresses or ports in other tools. */
static bool offer_star(struct parser *p, struct span span)
{
    if (p->text[span.start] != '*') return false;
    if (p->stmt.start[0].kind == SERVICE && is_behind(p, span.start, "on"))
        diag_advise(p->diags, "write `self` for all addresses of this machine, `any` for every address");
    else if (is_behind(p, span.start, "from") || is_behind(p, span.start, "to"))
        diag_suggest(p->diags, span, "any");
    else
        diag_advise(p->diags, "remove this condition: all packets match without it");
    return true;
}

/* Offer the likely meaning of a character without a meaning. An edit replaces the character, or `!x` for `!`. */
static void help_with_character(struct parser *p, struct span span)
{
    static const struct {
        const char *character, *edit, *advice;
    } rows[] = {
        {"\xe2\x80\x9c", NULL, "write strings in plain quotes: \""},
        {"\xe2\x80\x9d", NULL, "write strings in plain quotes: \""},
        {"\xe2\x80\x93", "-", NULL},
        {"\xe2\x80\x94", "-", NULL},
        {"'", NULL, "write strings in double quotes: \""},
        {"\\", NULL, "`\\` joins two lines if it is the last character of the first"},
        {"!=", "not ", NULL},
        {"!", "not ", NULL},
        {"&&", "and", NULL},
        {"&", "and", NULL},
        {"||", ",", NULL},
        {"|", ",", NULL},
        {"[", NULL, "write an IPv6 address with a port as [2001:db8::1]:80"},
        {"$", "", NULL},
        {"@", "", NULL},
        {"+", NULL, "write a pattern as a string with `*`: \"eth*\""},
        {"<", NULL, "write the name without a sign before it"},
        {">", "->", NULL},
    };
    if (strchr("<>", p->text[span.start]) && offer_range(p, span)) return;
    if (offer_star(p, span)) return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t len = strlen(rows[i].character);
        if (strncmp(p->text + span.start, rows[i].character, len) != 0) continue;
        if (rows[i].edit)
            diag_suggest(p->diags, (struct span){span.file, span.start, span.start + (uint32_t)len}, "%s",
                         rows[i].edit);
        else
            diag_advise(p->diags, "%s", rows[i].advice);
        return;
    }
}

void bad_character(struct parser *p, struct token *t)
{
    const char *s = p->text + t->span.start;
    size_t n = utf8_next(s, p->len - t->span.start);
    unsigned char c = (unsigned char)*s;
    if (!p->panic) t->span.end = t->span.start + (uint32_t)(n ? n : 1);
    if (!n)
        lex_error(p, t, E_UTF8, "byte 0x%02x isn't valid UTF-8", c);
    else if (is_control(c) || c == '\r')
        lex_error(p, t, E_CONTROL, "remove the control character 0x%02x", c);
    else if (utf8_invisible(s, n))
        lex_error(p, t, E_CHARACTER, "remove the invisible character U+%04X", utf8_code(s, n));
    else
        lex_error(p, t, E_CHARACTER, "the rule language has no `%.*s`", (int)n, s);
    if (p->panic) return;
    if (n)
        help_with_character(p, t->span);
    else
        help_with_byte(p, c);
}

bool blank_after_backslash(struct parser *p, struct token *t)
{
    char next = p->text[t->span.end];
    if (next == '\n' || next == '\r' || t->span.end == p->len) {
        if (!p->panic) {
            diag(p->diags, E_BACKSLASH, (struct span){t->span.file, t->span.start, t->span.start + 1},
                 "`\\` joins lines only as the last character of its line");
            diag_suggest_removal(p->diags, (struct span){t->span.file, t->span.start + 1, t->span.end});
            diag_advise(p->diags, "remove the blanks or the comment after `\\`");
        }
        /* The `\` is treated as the continuation that it was meant to be: tokens.c skips the newline. */
        t->kind = RAW_SKIPPED;
        return true;
    }
    t->span.end = t->span.start + 1;
    bad_character(p, t);
    return true;
}
