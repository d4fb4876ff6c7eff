/* Writer of JSON (RFC 8259). The format has ' in place of ", so that it reads like its output:
 *
 *     json_print(out, "{'rule':%s,'packets':%llu,'down':%i}", name, packets, down); */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Print JSON. Like fprintf, and checked by gcc as such, but
 *     '     is "
 *     %s    is a string, escaped and with its quotes, invalid UTF-8 as U+FFFD; NULL: null
 *     %.*s  is the same with at most that many bytes
 *     %i    is true or false
 * and of numbers there are %d %u %zu %lu %lld %llu %.3f %.9g. */
void json_print(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Print a single string: the %s of json_print. */
void json_string(FILE *out, const char *text);

/* Print "," before each member of a list except the first. */
static inline void json_next(FILE *out, size_t i)
{
    if (i) putc(',', out);
}

/* A string printed part by part to the stream that json_words returns; json_words_end writes it. */
struct json_words {
    FILE *in;
    char *text;
    size_t len;
};
FILE *json_words(struct json_words *w);
void json_words_end(struct json_words *w, FILE *out);
