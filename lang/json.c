/* Strings are written in runs of plain bytes with escapes between them, values by the conversions of the format */
#include "lang/json.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"
#include "lang/utf8.h"

/* True for a byte that needs no escape in a string. */
static bool is_plain_char(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

/* Print one escaped code point; return its bytes. */
static size_t put_char(FILE *out, const char *s, size_t len)
{
    const size_t n = utf8_next(s, len);
    const unsigned char c = (unsigned char)*s;
    if (!n)
        fputs("\\ufffd", out);
    else if (c == '"' || c == '\\')
        fprintf(out, "\\%c", c);
    else if (c < 0x20)
        fprintf(out, "\\u%04x", c);
    else
        fwrite(s, 1, n, out);
    return n ? n : 1;
}

static void put_string(FILE *out, const char *s, size_t len)
{
    putc('"', out);
    for (size_t at = 0, from = 0; at < len; from = at) {
        while (at < len && is_plain_char((unsigned char)s[at])) at++;
        fwrite(s + from, 1, at - from, out);
        if (at < len) at += put_char(out, s + at, len - at);
    }
    putc('"', out);
}

void json_string(FILE *out, const char *text)
{
    if (text)
        put_string(out, text, strlen(text));
    else
        fputs("null", out);
}

/* A va_list that functions can pass on and use again. */
struct values {
    va_list left;
};

/* Print the next argument by the conversion `spec`. */
static void put_value(FILE *out, const char *spec, struct values *v)
{
    switch (spec[strlen(spec) - 1]) {
    case 's': {
        const size_t most = spec[1] == '.' ? (size_t)va_arg(v->left, int) : SIZE_MAX;
        const char *text = va_arg(v->left, const char *);
        text ? put_string(out, text, strnlen(text, most)) : json_string(out, NULL);
        break;
    }
    case 'i': fputs(va_arg(v->left, int) ? "true" : "false", out); break;
    case 'f':
    case 'g': fprintf(out, spec, va_arg(v->left, double)); break;
    default:
        if (spec[1] == 'u' || spec[1] == 'd')
            fprintf(out, spec, va_arg(v->left, unsigned));
        else
            fprintf(out, spec, va_arg(v->left, uint64_t));
    }
}

void json_print(FILE *out, const char *fmt, ...)
{
    struct values v;
    va_start(v.left, fmt);
    for (; *fmt; fmt++) {
        if (*fmt == '%') {
            char spec[8] = "";
            const size_t len = strcspn(fmt, "sduifg") + 1;
            memcpy(spec, fmt, len < sizeof spec ? len : sizeof spec - 1);
            put_value(out, spec, &v);
            fmt += len - 1;
        } else {
            putc(*fmt == '\'' ? '"' : *fmt, out);
        }
    }
    va_end(v.left);
}

FILE *json_words(struct json_words *w) { return w->in = heap_stream(&w->text, &w->len); }

void json_words_end(struct json_words *w, FILE *out)
{
    heap_stream_end(w->in);
    put_string(out, w->text, w->len);
    free(w->text);
}
