/* The outgoing head of a message, while it is put together. A loop has one for all heads; the result is copied in front
 * of the body in its buffer, so that one write sends both. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "vm/stream/first.h"

enum { HEAD_TEXT_MAX = 2 * STREAM_MAX + 1024 }; /* the longest head, its Host once more, and all added fields */

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
