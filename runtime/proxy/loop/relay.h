/* One direction of a session: bytes from one side to the other, as they are, until the end or so many.
 *
 *      from ─▶ [ a buffer, held while something is in it ] ─▶ to        small pieces: two system calls
 *      from ─▶ [ a pipe, likewise                        ] ─▶ to        large ones: the kernel moves them
 *
 * What is not written yet is at most one buffer, or one pipe: then nothing more is read, so a slow reader slows its
 * sender (backpressure). After the last byte the other side is told, and the other direction goes on (half-close). */
#pragma once

#include "runtime/proxy/loop/buffer.h"
#include "runtime/proxy/loop/pipe.h"
#include "runtime/proxy/loop/side.h"

#define WAY_ALL UINT64_MAX

struct way {
    struct side *from, *to;
    struct buffer *buffer; /* read, not yet written; NULL: nothing is */
    struct pipe *pipe;     /* likewise */
    struct pipes *pipes;   /* where pipes come from; NULL: all is copied */
    uint64_t left;         /* bytes that are still to be read; WAY_ALL: until the end */
    uint64_t moved;        /* that were written */
    bool keeps_open;       /* the end of `from` is not told to `to` */
    bool splices;          /* the last read filled its buffer: the next goes to a pipe */
    uint8_t small;         /* pieces in a row that a copy would have moved as well */
};

enum way_result {
    WAY_WAITS,     /* for one of its sides: its owner's task is run */
    WAY_AGAIN,     /* others shall have their turn: call again soon (loop_again) */
    WAY_DONE,      /* all was written: `left` is 0, or the end came and was told */
    WAY_CUT,       /* the end came before `left` was 0 (not of WAY_ALL) */
    WAY_NO_BUFFER, /* none is free, for memory is out */
    WAY_FROM,      /* a side has failed: *err, a negative errno */
    WAY_TO,
};

/* Move what can be moved now. *err is set with WAY_FROM and WAY_TO. */
enum way_result way_move(struct way *w, struct slab *buffers, int *err);
/* Give back what it holds. */
void way_fini(struct way *w, struct slab *buffers);
