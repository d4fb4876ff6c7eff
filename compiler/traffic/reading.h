/* Which captures are read, and what is said of the machine that they are of. */
#ifndef COMPILER_READING_H
#define COMPILER_READING_H

#include "compiler/traffic/traffic.h"
#include "runtime/capture/capture.h"
#include "runtime/options.h"

struct reading {
    struct options options; /* the same for runtime/replay/ */
    struct capture *capture;
    struct facts self; /* this machine's addresses */
};

/* 0, or -1 after a line on standard error; reading_close in either case. */
int reading_open(struct reading *r, const struct traffic *t);
void reading_close(struct reading *r);
/* After a line on standard error if the capture could not be read to its end: -1; else 0. */
int reading_end(const struct reading *r);

#endif
