/* Bytes that grow. Without memory they stop growing, and say so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *at;
    size_t len, room;
    bool failed; /* something found no room: what is there is not whole */
};

/* Append a copy, or (NULL) zeros. */
void bytes_put(struct bytes *b, const void *from, size_t len);
/* Zeros up to the next multiple of `align`. */
void bytes_align(struct bytes *b, size_t align);
void bytes_fini(struct bytes *b);

/* What is read from front to back, never past its end. */
struct cursor {
    const uint8_t *at;
    size_t left;
};
/* The next so many bytes; NULL: there are fewer, and from now on none. */
const void *cursor_take(struct cursor *c, size_t len);
/* The same, copied. */
bool cursor_copy(struct cursor *c, void *to, size_t len);
