/* Growing byte buffers, and a cursor over bytes. After a failed allocation a buffer stays as it is, with `failed`
 * set. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *at;
    size_t len, room;
    bool failed; /* an allocation failed: the content is incomplete */
};

/* Append a copy of `from`, or zeros if it is NULL. */
void bytes_put(struct bytes *b, const void *from, size_t len);
/* Append zeros up to the next multiple of `align`. */
void bytes_align(struct bytes *b, size_t align);
void bytes_fini(struct bytes *b);

/* Bytes read from front to back, never past their end. */
struct cursor {
    const uint8_t *at;
    size_t left;
};
/* Return the next `len` bytes and move on. NULL if fewer are left; every later call then returns NULL, too. */
const void *cursor_take(struct cursor *c, size_t len);
/* Copy the next `len` bytes to `to` and move on. False under the same condition. */
bool cursor_copy(struct cursor *c, void *to, size_t len);
