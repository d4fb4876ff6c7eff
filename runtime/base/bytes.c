/* Buffers double; both ends check lengths before they copy */
#include "runtime/base/bytes.h"

#include <stdlib.h>
#include <string.h>

static bool bytes_grow(struct bytes *b, size_t len)
{
    if (b->failed || len <= b->room - b->len) return !b->failed;
    size_t room = b->room ? b->room : 4096;
    while (room - b->len < len) room *= 2;
    uint8_t *more = realloc(b->at, room);
    b->failed = !more;
    if (!more) return false;
    b->at = more;
    b->room = room;
    return true;
}

void bytes_put(struct bytes *b, const void *from, size_t len)
{
    if (!len || !bytes_grow(b, len)) return;
    if (from)
        memcpy(b->at + b->len, from, len);
    else
        memset(b->at + b->len, 0, len);
    b->len += len;
}

void bytes_align(struct bytes *b, size_t align) { bytes_put(b, NULL, (align - b->len % align) % align); }

void bytes_fini(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){0};
}

const void *cursor_take(struct cursor *c, size_t len)
{
    const void *at = c->at;
    if (len > c->left) {
        c->left = 0;
        return NULL;
    }
    c->at += len;
    c->left -= len;
    return at;
}

bool cursor_copy(struct cursor *c, void *to, size_t len)
{
    const void *at = cursor_take(c, len);
    if (at && len) memcpy(to, at, len);
    return at;
}
