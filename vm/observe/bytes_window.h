/* Bytes of one half that are kept, by their offsets: those that came out of order, those that the other side may not
 * have yet (so that a segment which differs is noticed), and first bytes that are still read.
 *
 *      low ---- told ---- next      hole      ahead
 *       |  kept  |  kept   |                |  kept  |          at most WINDOW_BYTES from low on
 *
 * If a byte waiting behind a hole comes twice, `overlaps` chooses the copy that counts: the first; the last; or the
 * one that Linux takes (queue.c). Reported bytes stay.
 *
 * Chunks are at multiples of their size; a directory, itself a chunk, finds each in one step. */
#pragma once

#include "vm/observe/chunks.h"
#include "vm/pbc.h"

enum { WINDOW_CHUNKS = CHUNK_BYTES / 4, WINDOW_BYTES = WINDOW_CHUNKS * CHUNK_BYTES };

struct window {
    uint64_t low;   /* lowest offset that may be kept: a multiple of CHUNK_BYTES */
    uint32_t dir;   /* directory of chunks; CHUNK_NONE: nothing is kept */
    uint32_t count; /* number of chunks kept, without the directory */
};

/* A stretch of bytes in which a segment differs from what came before */
struct differs {
    uint64_t from, to; /* offsets of the first byte and behind the last; equal: none */
};

/* Keep `n` bytes from offset `at` on, all within [low, low + WINDOW_BYTES). Those before `told` are only compared.
 * Return how many were kept or compared: fewer if memory is short. */
uint32_t window_add(struct window *w, struct chunks *all, uint64_t at, const uint8_t *bytes, uint32_t n,
                    enum pbc_overlaps overlaps, uint64_t told, struct differs *d);
/* Return the contiguous bytes kept from `at` on; *n is their number, 0: none. */
const uint8_t *window_run(const struct window *w, const struct chunks *all, uint64_t at, uint32_t *n);
/* Return the first offset from `at` on whose byte is kept; UINT64_MAX: none. */
uint64_t window_first(const struct window *w, const struct chunks *all, uint64_t at);
/* Drop the complete chunks before an offset; `low` becomes that offset, rounded down. */
void window_drop(struct window *w, struct chunks *all, uint64_t before);
/* Return the chunk with that offset; NULL: none is kept. window_reserve adds the chunk if there is memory for it and
 * enough for others; window_keep adds it in any case, for bytes from an archive. */
struct chunk *window_chunk(const struct window *w, const struct chunks *all, uint64_t at);
struct chunk *window_keep(struct window *w, struct chunks *all, uint64_t at);
struct chunk *window_reserve(struct window *w, struct chunks *all, uint64_t at);
void window_clear(struct window *w, struct chunks *all, uint64_t low);

/* queue.c: the order of segments that wait behind a hole, as in Linux */

/* Place of a new segment in the queue */
struct queue_place {
    uint64_t kept;   /* first offset at which the new bytes count; the segment's end if it is dropped */
    uint64_t behind; /* pieces that end behind this offset, and within the segment, are dropped */
    bool replaces;   /* the segment takes the place of the one before, which ends at `behind` */
    bool prolongs;   /* the segment continues where the one before ends */
};

/* Find the place of the segment [at, to), at > told: everything before `told` has left the queue, and no segment
 * reaches over `told`. */
struct queue_place queue_look(const struct window *w, const struct chunks *all, uint64_t told, uint64_t at,
                              uint64_t to);
/* Add the segment at that place in the queue. All chunks of the segment are kept. */
void queue_put(const struct window *w, const struct chunks *all, uint64_t told, uint64_t at, uint64_t to,
               const struct queue_place *q);
