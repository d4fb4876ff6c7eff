/* One direction of a session: bytes from one side to the other, unchanged, up to the end or a number of bytes.
 *
 *      from ─▶ [ a buffer, held while something is in it ] ─▶ to        small parts: two system calls
 *      from ─▶ [ a pipe, held while something is in it   ] ─▶ to        large ones: the kernel moves them
 *
 * At most one buffer or one pipe of bytes is unwritten; then nothing more is read, so a slow reader slows its sender
 * (backpressure). After the last byte `to` gets the end, and the other direction goes on (half-close). */
#pragma once

#include "runtime/proxy/loop/buffer.h"
#include "runtime/proxy/loop/pipe.h"
#include "runtime/proxy/loop/side.h"

#define WAY_ALL UINT64_MAX

struct way {
    struct side *from, *to;
    struct buffer *buffer; /* bytes read but not written; NULL: none */
    struct pipe *pipe;     /* the same, in a pipe */
    struct pipes *pipes;   /* pool of pipes; NULL: all bytes are copied */
    uint64_t left;         /* number of bytes still to read; WAY_ALL: up to the end */
    uint64_t moved;        /* number of bytes written */
    bool keeps_open;       /* the end of `from` is not passed on to `to` */
    bool splices;          /* the last read filled its buffer: the next uses a pipe */
    uint8_t small;         /* number of small parts in a row, for which copying is as fast */
};

enum way_result {
    WAY_WAITS,     /* waits for a side, whose event runs the owner's task */
    WAY_AGAIN,     /* others get their turn: call again soon (loop_again) */
    WAY_DONE,      /* everything is written: `left` is 0, or the end was passed on */
    WAY_CUT,       /* the end came before `left` was 0 (never with WAY_ALL) */
    WAY_NO_BUFFER, /* out of memory for a buffer */
    WAY_FROM,      /* a side has failed */
    WAY_TO,
    WAY_BAD, /* bad framing, or a full buffer; only for messages (http/message.h) */
};

/* Move all that can be moved now */
enum way_result way_move(struct way *w, struct slab *buffers);
/* Write the bytes already read, without reading. WAY_DONE: everything is written. */
enum way_result way_write(struct way *w, struct slab *buffers);
/* Free the buffer and the pipe */
void way_fini(struct way *w, struct slab *buffers);
