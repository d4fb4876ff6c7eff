/* Frames that came in pieces, gathered into buffers of equal length: a rewritten frame must be contiguous. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pieces {
    uint8_t *memory;
    uint32_t *free; /* stack of free buffers */
    uint32_t free_count, frame_most, stride;
};

/* A frame in progress, and its length so far. */
struct half_taken {
    bool begun;
    uint32_t buffer, len;
};

/* Make buffers for frames of `frame_most` bytes, each with IO_HEADROOM in front. False: no memory; call pieces_fini. */
bool pieces_init(struct pieces *p, uint32_t frame_most, unsigned buffers);
void pieces_fini(struct pieces *p);

/* Append a piece; there must be a free buffer. */
void pieces_add(struct pieces *p, struct half_taken *h, const uint8_t *bytes, uint32_t len);
/* End the frame. True: it is in h->buffer, which the caller returns. False: it was too long, and its buffer is
 * returned. */
bool pieces_end(struct pieces *p, struct half_taken *h);

uint8_t *pieces_at(const struct pieces *p, uint32_t buffer);
void pieces_put(struct pieces *p, uint32_t buffer);
