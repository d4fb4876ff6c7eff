/* A stack of free buffers; a frame that is too long is counted to its end and dropped */
#include "runtime/io/pieces.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_AT = 146 }; /* at least IO_HEADROOM; places an IP header at a multiple of 32 bytes */

bool pieces_init(struct pieces *p, uint32_t frame_most, unsigned buffers)
{
    *p = (struct pieces){.frame_most = frame_most, .stride = (FRAME_AT + frame_most + 63) / 64 * 64};
    p->free = calloc(buffers, sizeof *p->free);
    p->memory = aligned_alloc(64, (size_t)buffers * p->stride);
    if (!p->free || !p->memory) return false;
    while (p->free_count < buffers) pieces_put(p, p->free_count);
    return true;
}

void pieces_fini(struct pieces *p)
{
    free(p->free);
    free(p->memory);
}

uint8_t *pieces_at(const struct pieces *p, uint32_t buffer)
{
    return p->memory + (size_t)buffer * p->stride + FRAME_AT;
}

void pieces_put(struct pieces *p, uint32_t buffer) { p->free[p->free_count++] = buffer; }

void pieces_add(struct pieces *p, struct half_taken *h, const uint8_t *bytes, uint32_t len)
{
    if (!h->begun) *h = (struct half_taken){.begun = true, .buffer = p->free[--p->free_count]};
    if (h->len + len <= p->frame_most) memcpy(pieces_at(p, h->buffer) + h->len, bytes, len);
    h->len += len; /* no overflow: the kernel's frames are below 64 KiB */
}

bool pieces_end(struct pieces *p, struct half_taken *h)
{
    h->begun = false;
    if (h->len <= p->frame_most) return true;
    pieces_put(p, h->buffer);
    return false;
}
