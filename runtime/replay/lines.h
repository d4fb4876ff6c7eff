/* Verdict lines in frame order, each with the final verdict. While a frame is held, its line and all later lines
 * wait in a ring. It grows to the number of frames within the time that the vm holds a frame (100 ms), 20 bytes per
 * line, at most LINES_WAIT_MOST. Beyond that, or if memory is out, the oldest held frame's line has `held`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vm/vm.h"

enum { LINES_WAIT_MOST = 1 << 22 };

/* Print a due line. */
typedef void line_fn(void *arg, uint64_t frame, const struct verdict *v);

struct lines {
    line_fn *print;
    void *arg;
    size_t most; /* most lines that wait: LINES_WAIT_MOST; smaller in tests */
    struct verdict *ring;
    size_t room, begin, count;
    uint64_t first; /* number of the frame at `begin` */
};

/* Add the next frame's verdict, final or `held`. Frames come in order, without gaps. */
void lines_add(struct lines *l, uint64_t frame, const struct verdict *v);
/* Set the final verdict of a held frame. */
void lines_settle(struct lines *l, uint64_t frame, const struct verdict *v);
/* Print the first line without waiting longer. */
void lines_hurry(struct lines *l);
/* Print all waiting lines and free the ring. */
void lines_end(struct lines *l);
