/* The captures that a command reads, and the addresses of the machine that they were taken on. */
#pragma once

#include "compiler/traffic/traffic.h"
#include "runtime/base/options.h"
#include "runtime/capture/capture.h"
#include "runtime/report/given/progress.h"

struct reading {
    struct options options; /* the same for runtime/replay/ */
    struct capture *capture;
    struct facts self; /* this machine's addresses: of --self, else as recordings of preyrun tell them on the way */
    unsigned self_changes;
    bool said; /* --self was given, or all of it was read before */
    bool short_of_memory;
    struct route_options routes;
    uint64_t frames, most; /* frames given out by this pass; where the pass ends */
    bool stopped;          /* by a signal */
    struct progress progress;
};

/* 0, or -1 after a line on standard error; reading_close in either case. */
int reading_open(struct reading *r, const struct traffic *t);
void reading_close(struct reading *r);
/* The next frame; false at the end, at a fault, and after the signal that ended it. */
bool reading_next(struct reading *r, struct capture_frame *f);
/* Did preyrun itself send this frame? Its recordings hold what came and what it made of that; of other captures, read
 * with them, nobody says so. */
bool reading_sent(const struct capture_frame *f);
/* Begin again at the first frame, to end where the last pass ended. False: it cannot be read twice. */
bool reading_again(struct reading *r);
/* The reason why part of the capture is unread, as a clause; "" where all was read. */
const char *reading_unread(const struct reading *r);
/* End the pass. 0; or -1 after a line on standard error, where the capture could not be read to its end. */
int reading_end(struct reading *r);
