/* The captures that a command reads, and the addresses of the machine on which they were taken. */
#pragma once

#include "compiler/traffic/traffic.h"
#include "runtime/base/options/run_options.h"
#include "runtime/capture/capture.h"
#include "runtime/report/given/progress.h"

struct reading {
    struct options options; /* the command's options in the form of runtime/replay/ */
    struct capture *capture;
    struct facts self; /* this machine's addresses, from --self or from recordings of preyrun */
    unsigned self_changes;
    bool said; /* true if --self was given, or an earlier pass read all addresses */
    bool short_of_memory;
    struct route_options routes;
    uint64_t frames, most; /* frames read in this pass; end of the pass */
    bool stopped;          /* true if a signal ended the pass */
    struct progress progress;
};

/* Return 0, or -1 after a line on standard error; call reading_close in either case. */
int reading_open(struct reading *r, const struct traffic *t);
void reading_close(struct reading *r);
/* Read the next frame; false at the end, at a fault, and after a signal. */
bool reading_next(struct reading *r, struct capture_frame *f);
/* True if preyrun itself sent this frame. Only its recordings show this: they hold arriving and sent frames. */
bool reading_sent(const struct capture_frame *f);
/* Begin again at the first frame, to end at the end of the last pass. False: a source cannot be read twice. */
bool reading_again(struct reading *r);
/* Return the reason why part of the capture is unread, as a clause; "" if all was read. */
const char *reading_unread(const struct reading *r);
/* End the pass. Return 0, or -1 after a line on standard error if the capture could not be read to its end. */
int reading_end(struct reading *r);
