/* Frames that came in pieces, gathered into buffers of one length: what is rewritten has to lie in one piece. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pieces {
    uint8_t *memory;
    uint32_t *free; /* buffers, a stack */
    uint32_t free_count, frame_most, stride;
};

/* A frame that is half taken, and how long it is so far. */
struct half_taken {
    bool begun;
    uint32_t buffer, len;
};

/* So many buffers for frames of so many bytes, each with IO_HEADROOM in front. False: memory is out; pieces_fini. */
bool pieces_init(struct pieces *p, uint32_t frame_most, unsigned buffers);
void pieces_fini(struct pieces *p);

/* One more piece behind those before; there must be a buffer. */
void pieces_add(struct pieces *p, struct half_taken *h, const uint8_t *bytes, uint32_t len);
/* It was the last one: the frame in h->buffer is the caller's to put back. False: it was too long, and is put back. */
bool pieces_end(struct pieces *p, struct half_taken *h);

uint8_t *pieces_at(const struct pieces *p, uint32_t buffer);
void pieces_put(struct pieces *p, uint32_t buffer);
