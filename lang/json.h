/* JSON (RFC 8259) as it is written. The format has ' for ", so that it reads as what it writes:
 *
 *     json_print(out, "{'rule':%s,'packets':%llu,'down':%i}", name, packets, down); */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* As fprintf, by which gcc checks it, but
 *     '     is "
 *     %s    is a string, escaped and with its quotes, what is not UTF-8 as U+FFFD; NULL: null
 *     %.*s  is the same of so many bytes at most
 *     %i    is true or false
 * and of numbers there are %d %u %zu %lu %lld %llu %.3f %.9g. */
void json_print(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One value alone: the %s of json_print. */
void json_string(FILE *out, const char *text);

/* "," before all but the first of a list. */
static inline void json_next(FILE *out, size_t i)
{
    if (i) putc(',', out);
}

/* A string that is printed piece by piece: to the stream that json_words gives, until json_words_end writes it. */
struct json_words {
    FILE *in;
    char *text;
    size_t len;
};
FILE *json_words(struct json_words *w);
void json_words_end(struct json_words *w, FILE *out);
