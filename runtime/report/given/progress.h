/* Progress in reading a capture: one line on standard error, if that is a terminal, rewritten in place. */
#pragma once

#include <stdbool.h>

#include "runtime/capture/capture.h"

struct progress {
    bool on, shown;
    unsigned calls;
    uint64_t begin_ns, next_ns;
};

/* Begin. wanted: true if nothing else is printed meanwhile. */
void progress_begin(struct progress *p, bool wanted);
/* Show the number of frames read; called once per batch. */
void progress_step(struct progress *p, const struct capture *c, uint64_t frames);
/* Show the number after some time without frames. */
void progress_wait(struct progress *p, const struct capture *c, uint64_t frames);
/* Erase the line. */
void progress_end(struct progress *p);
