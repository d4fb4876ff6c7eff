/* Verdict lines in frame order, each with the final verdict: while a frame is held, its line and all after it wait.
 *
 * What waits lies in a ring that grows to what comes within the time that the vm holds a frame (100 ms), 20 bytes a
 * line, at most LINES_WAIT_MOST lines. Where more come, or memory is out, the oldest held frame's line says `held`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vm/vm.h"

enum { LINES_WAIT_MOST = 1 << 22 };

/* A line that is due. */
typedef void line_fn(void *arg, uint64_t frame, const struct verdict *v);

struct lines {
    line_fn *print;
    void *arg;
    size_t most; /* LINES_WAIT_MOST; less in tests */
    struct verdict *ring;
    size_t room, begin, count;
    uint64_t first; /* frame of the line at `begin` */
};

/* The next frame's verdict, final or `held`. Frames come in order, none left out. */
void lines_add(struct lines *l, uint64_t frame, const struct verdict *v);
/* The final verdict of a frame that was held. */
void lines_settle(struct lines *l, uint64_t frame, const struct verdict *v);
/* The first line waits no longer. */
void lines_hurry(struct lines *l);
/* No more comes: print what waits. Frees the ring. */
void lines_end(struct lines *l);
