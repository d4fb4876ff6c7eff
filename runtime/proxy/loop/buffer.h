/* Bytes on their way, in user space: memory that is held only while it has bytes.
 *
 *      | room for a longer head |  gone  | from … to: not yet written |  room  |
 *                                        ^ from                       ^ to     ^ size
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "runtime/proxy/loop/slab.h"

enum { BUFFER_FRONT = 256 }; /* most bytes that an HTTP head may grow by (message_lay) while its body stays */

struct buffer {
    uint32_t from, to, size;
    uint8_t bytes[];
};

static inline uint32_t buffer_len(const struct buffer *b) { return b->to - b->from; }
static inline uint32_t buffer_room(const struct buffer *b) { return b->size - b->to; }
static inline uint8_t *buffer_at(struct buffer *b) { return b->bytes + b->from; }

/* Make a slab of buffers of that many bytes besides their front */
static inline void buffers_init(struct slab *s, uint32_t bytes, uint32_t most)
{
    slab_init(s, sizeof(struct buffer) + BUFFER_FRONT + bytes, most);
}

/* Return an empty buffer with its front free; NULL: none left */
static inline struct buffer *buffer_take(struct slab *s)
{
    struct buffer *b = slab_take(s);
    if (b)
        *b = (struct buffer){
            .from = BUFFER_FRONT, .to = BUFFER_FRONT, .size = s->size - (uint32_t)sizeof(struct buffer)};
    return b;
}
