/* Cookies in a request's head (http.h). */
#include <string.h>

#include "vm/stream/http.h"

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static struct view trim(const uint8_t *from, const uint8_t *end)
{
    while (from < end && is_blank(*from)) from++;
    while (from < end && is_blank(end[-1])) end--;
    if (end - from >= 2 && *from == '"' && end[-1] == '"') from++, end--;
    return (struct view){.at = from, .len = (uint32_t)(end - from)};
}

/* Return the value of `NAME=VALUE` between two places; `at` NULL: another name. */
static struct view pair_value(const uint8_t *from, const uint8_t *end, const char *name)
{
    const uint8_t *equals = memchr(from, '=', (size_t)(end - from));
    if (!equals) return (struct view){0};
    const struct view n = trim(from, equals);
    return view_is(n, name) ? trim(equals + 1, end) : (struct view){0};
}

struct view cookie_value(const struct http_head *h, const uint8_t *bytes, const char *name)
{
    unsigned next = 0;
    struct view field;
    while (http_field_next(h, bytes, "cookie", &next, &field)) {
        const uint8_t *at = field.at, *end = field.at + field.len;
        while (at < end) {
            const uint8_t *semicolon = memchr(at, ';', (size_t)(end - at)), *stop = semicolon ? semicolon : end;
            const struct view v = pair_value(at, stop, name);
            if (v.at) return v;
            at = stop + 1;
        }
    }
    return (struct view){0};
}

uint64_t cookie_number(struct view v)
{
    uint64_t n = 0;
    if (v.len != 16) return 0;
    for (uint32_t i = 0; i < v.len; i++) {
        const uint8_t c = v.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return 0;
        n = n << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return n;
}
