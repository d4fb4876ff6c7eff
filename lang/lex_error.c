/* What the lexer complains about: characters that cannot stand where they do, and text that is no UTF-8. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lang/lang_priv.h"
#include "lang/utf8.h"
#include "lang/parse.tab.h"

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

/* A comment takes part in nothing, but the file must still be text. A fault in it spoils no statement. */
void comment_check(struct parser *p, struct span span)
{
    const char *s = p->text + span.start;
    size_t len = span.end - span.start;
    size_t valid = utf8_valid_len(s, len);
    if (valid < len) {
        diag(p->diags, E_UTF8, (struct span){span.file, span.start + (uint32_t)valid, span.start + (uint32_t)valid + 1},
             "byte 0x%02x is not valid UTF-8", (unsigned char)s[valid]);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_control((unsigned char)s[i])) continue;
        struct span at = {span.file, span.start + (uint32_t)i, span.start + (uint32_t)i + 1};
        diag(p->diags, E_CONTROL, at, "control character 0x%02x in the text", (unsigned char)s[i]);
        return;
    }
}

static const char *character_hint(const char *s, size_t len)
{
    if (len >= 3 && (memcmp(s, "\xe2\x80\x9c", 3) == 0 || memcmp(s, "\xe2\x80\x9d", 3) == 0))
        return "strings stand between plain quotes: \"";
    if (len >= 3 && (memcmp(s, "\xe2\x80\x93", 3) == 0 || memcmp(s, "\xe2\x80\x94", 3) == 0))
        return "a range is written with a plain `-`";
    if (*s == '\'') return "strings stand between double quotes: \"";
    if (*s == '\\') return "it joins lines, as the last character of a line";
    if (*s == '!') return "write `not`";
    if (*s == '&') return "write `and`";
    if (*s == '|') return "write `,`";
    if (*s == '[') return "an IPv6 address with a port is written [2001:db8::1]:80";
    if (*s == '$' || *s == '@' || *s == '<') return "a name stands alone, without a sign before it";
    return NULL;
}

void bad_character(struct parser *p, struct token *t)
{
    const char *s = p->text + t->span.start;
    size_t n = utf8_next(s, p->len - t->span.start);
    unsigned char c = (unsigned char)*s;
    if (!p->panic) t->span.end = t->span.start + (uint32_t)(n ? n : 1);
    if (!n)
        lex_error(p, t, E_UTF8, "byte 0x%02x is not valid UTF-8", c);
    else if (is_control(c) || c == '\r')
        lex_error(p, t, E_CONTROL, "control character 0x%02x in the text", c);
    else if (utf8_invisible(s, n))
        lex_error(p, t, E_CHARACTER, "an invisible character (U+%04X) stands here", utf8_code(s, n));
    else
        lex_error(p, t, E_CHARACTER, "`%.*s` has no meaning in a rule file", (int)n, s);
    const char *hint = p->panic ? NULL : character_hint(s, n);
    if (hint) diag_fix(p->diags, "%s", hint);
}

bool blank_after_backslash(struct parser *p, struct token *t)
{
    char next = p->text[t->span.end];
    if (next == '\n' || next == '\r' || t->span.end == p->len) {
        if (!p->panic) {
            diag(p->diags, E_BACKSLASH, (struct span){t->span.file, t->span.start, t->span.start + 1},
                 "`\\` joins lines only as the very last character of its line");
            diag_fix(p->diags, "remove what follows it");
        }
        /* Meant as a continuation, and taken as one: the newline is skipped by hand in tokens.c. */
        t->kind = RAW_SKIPPED;
        return true;
    }
    t->span.end = t->span.start + 1;
    bad_character(p, t);
    return true;
}
