/* How far a capture is read: one line on standard error where that is a terminal, rewritten in place. */
#pragma once

#include <stdbool.h>

#include "runtime/capture/capture.h"

struct progress {
    bool on, shown;
    unsigned calls;
    uint64_t begin_ns, next_ns;
};

/* wanted: nothing else is printed meanwhile. */
void progress_begin(struct progress *p, bool wanted);
/* So many frames are read; to be called once a batch. */
void progress_step(struct progress *p, const struct capture *c, uint64_t frames);
/* The same where nothing has come for a while. */
void progress_wait(struct progress *p, const struct capture *c, uint64_t frames);
/* Take the line back. */
void progress_end(struct progress *p);
