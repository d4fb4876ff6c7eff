/* Which captures are read, and what is said of the machine that they are of. */
#ifndef COMPILER_READING_H
#define COMPILER_READING_H

#include "compiler/traffic/traffic.h"
#include "runtime/capture/capture.h"
#include "runtime/options.h"
#include "runtime/replay/progress.h"

struct reading {
    struct options options; /* the same for runtime/replay/ */
    struct capture *capture;
    struct facts self;     /* this machine's addresses */
    uint64_t frames, most; /* given out by this pass; at most */
    bool stopped;          /* by a signal, which ends what is read and no more */
    struct progress progress;
};

/* 0, or -1 after a line on standard error; reading_close in either case. */
int reading_open(struct reading *r, const struct traffic *t);
void reading_close(struct reading *r);
/* The next frame; false at the end, at a fault, and after the signal that ended it. */
bool reading_next(struct reading *r, struct capture_frame *f);
/* From the first frame once more, as far as it was read. False: it cannot be read twice. */
bool reading_again(struct reading *r);
/* Why not all of it was read, as a clause; "": it was. */
const char *reading_unread(const struct reading *r);
/* Nothing more will be read now. After a line on standard error if the capture could not be read to its end: -1; else 0. */
int reading_end(struct reading *r);

#endif
