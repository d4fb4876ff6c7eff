/* The table of borders is made once; at a byte that does not fit, the match falls back along it */
#include "runtime/check/seek.h"

#include <stdlib.h>
#include <string.h>

/* Return the length of the match if `byte` follows one of length `at` */
static uint32_t next_match(const struct seek *s, uint32_t at, uint8_t byte)
{
    while (at && s->want[at] != byte) at = s->back[at - 1];
    return s->want[at] == byte ? at + 1 : 0;
}

bool seek_init(struct seek *s, const uint8_t *want, uint32_t len)
{
    *s = (struct seek){.want = want, .len = len, .back = calloc(len, sizeof *s->back)};
    if (!s->back) return false;
    for (uint32_t i = 1; i < len; i++) s->back[i] = (uint16_t)next_match(s, s->back[i - 1], want[i]);
    return true;
}

void seek_fini(struct seek *s)
{
    free(s->back);
    s->back = NULL;
}

size_t seek_on(const struct seek *s, uint32_t *matched, const uint8_t *bytes, size_t n)
{
    uint32_t at = *matched;
    size_t i = 0;
    while (i < n && at < s->len) {
        if (!at) { /* most bytes begin no match */
            const uint8_t *first = memchr(bytes + i, s->want[0], n - i);
            i = first ? (size_t)(first - bytes) : n;
            if (!first) break;
        }
        at = next_match(s, at, bytes[i++]);
    }
    *matched = at;
    return i;
}
