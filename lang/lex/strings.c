/* Quoted values: strings with their escapes undone, and hex bytes. */
#include <ctype.h>
#include <string.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"
#include "lang/utf8.h"

static void give_text(struct parser *p, struct token *t, int kind, enum node_kind node_kind, char *s, size_t len)
{
    t->kind = kind;
    t->node = node_new(p->arena, node_kind, t->span);
    t->node->v = (struct value){.kind = VALUE_STR, .str = {s, len}};
}

/* Report an error at `len` bytes from `at`; the token is lost. */
static void error_inside(struct parser *p, struct token *t, enum diag_code code, const char *at, size_t len,
                         const char *what)
{
    struct span whole = t->span;
    t->span.start = (uint32_t)(at - p->text);
    t->span.end = t->span.start + (uint32_t)len;
    lex_error(p, t, code, "%s", what);
    t->span = whole;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo the escape at s (a backslash). Return the bytes read, 0 for a bad escape. */
static size_t unescape(const char *s, size_t len, char *out)
{
    if (len < 2) return 0;
    switch (s[1]) {
    case '"':
    case '\\': *out = s[1]; return 2;
    case 'n': *out = '\n'; return 2;
    case 't': *out = '\t'; return 2;
    case 'r': *out = '\r'; return 2;
    case '0': /* `\012` would be read as octal by many */
        *out = '\0';
        return len > 2 && isdigit((unsigned char)s[2]) ? 0 : 2;
    case 'x':
        if (len < 4 || hex_digit(s[2]) < 0 || hex_digit(s[3]) < 0) return 0;
        *out = (char)(hex_digit(s[2]) * 16 + hex_digit(s[3]));
        return 4;
    default: return 0;
    }
}

/* Copy with escapes undone. NULL: an error was reported. */
static char *undo_escapes(struct parser *p, struct token *t, const char *s, size_t len, size_t *out_len)
{
    char *out = arena_alloc(p->arena, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        size_t step = c == '\\' ? unescape(s + i, len - i, &out[n]) : utf8_next(s + i, len - i);
        if (c == '\\' && !step) {
            size_t width = i + 1 < len ? 1 + utf8_next(s + i + 1, len - i - 1) : 1;
            error_inside(p, t, E_ESCAPE, s + i, width,
                         "the escapes in a string are \\\" \\\\ \\n \\r \\t \\0 and \\xHH");
            return NULL;
        }
        if (!step) {
            error_inside(p, t, E_UTF8, s + i, 1, "the string isn't valid UTF-8: write other bytes as \\xHH");
            return NULL;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            error_inside(p, t, E_CONTROL, s + i, 1, "write a control character in a string as \\xHH");
            return NULL;
        }
        if (c != '\\') memcpy(out + n, s + i, step);
        n += c == '\\' ? 1 : step;
        i += step;
    }
    *out_len = n;
    return out;
}

/* Report a missing quote. If the line is a block's header, give its `{` back, so that the complete block is skipped. */
static void unterminated(struct parser *p, struct token *t, const char *s, size_t len, enum diag_code code)
{
    struct span whole = t->span;
    t->span.end = t->span.start + (code == E_HEX ? 2 : 1);
    lex_error(p, t, E_STRING, "this quote isn't closed on its line");
    t->span = whole;
    while (len && isspace((unsigned char)s[len - 1])) len--;
    if (len && s[len - 1] == '{') {
        uint32_t at = (uint32_t)(s + len - 1 - p->text);
        p->ahead = (struct token){.kind = LBRACE, .span = {p->file, at, at + 1}};
    }
}

void value_string(struct parser *p, const char *s, size_t len, bool closed, struct token *t)
{
    t->kind = RAW_SKIPPED;
    if (p->panic) return;
    if (!closed) {
        unterminated(p, t, s, len, E_STRING);
    } else if (len > MAX_STRING) {
        lex_error(p, t, E_TOO_LONG, "the string has %zu bytes, but strings have at most %d", len, MAX_STRING);
    } else {
        size_t out_len;
        char *out = undo_escapes(p, t, s, len, &out_len);
        if (out) give_text(p, t, STRING, N_STRING, out, out_len);
    }
}

void value_bytes(struct parser *p, const char *s, size_t len, bool closed, struct token *t)
{
    t->kind = RAW_SKIPPED;
    if (p->panic) return;
    if (!closed) {
        unterminated(p, t, s, len, E_HEX);
        return;
    }
    if (len > MAX_STRING) {
        lex_error(p, t, E_TOO_LONG, "the hex bytes have %zu characters, but at most %d are possible", len, MAX_STRING);
        return;
    }
    char *out = arena_alloc(p->arena, len / 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] == ' ' || s[i] == '\t') {
            i++;
            continue;
        }
        if (i + 1 >= len || hex_digit(s[i]) < 0 || hex_digit(s[i + 1]) < 0) {
            size_t width = utf8_next(s + i, len - i);
            error_inside(p, t, E_HEX, s + i, width ? width : 1, "write hex bytes as pairs of digits: x\"16 03 01\"");
            return;
        }
        out[n++] = (char)(hex_digit(s[i]) * 16 + hex_digit(s[i + 1]));
        i += 2;
    }
    give_text(p, t, BYTES, N_BYTES, out, n);
}
