/* The head of a message as it is sent on, put together. A loop has one and uses it for each head; it is then laid
 * before the body's bytes in their buffer, so that one write sends both. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "vm/stream/first.h"

enum { HEAD_TEXT_MAX = STREAM_MAX + 1024 }; /* a head, and more than is ever added to it */

struct head_text {
    uint32_t n;
    uint8_t bytes[HEAD_TEXT_MAX];
};

static inline void head_add(struct head_text *t, const void *bytes, uint32_t len)
{
    if (len > HEAD_TEXT_MAX - t->n) return;
    if (len) memcpy(t->bytes + t->n, bytes, len);
    t->n += len;
}

static inline void head_say(struct head_text *t, const char *text) { head_add(t, text, (uint32_t)strlen(text)); }
