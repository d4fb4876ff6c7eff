/* Replay: a capture's frames judged by a program, the clock taken from the capture. */
#ifndef RUNTIME_REPLAY_REPLAY_H
#define RUNTIME_REPLAY_REPLAY_H

#include "runtime/base/options.h"

/* Do all that the options say; results and errors are written. Returns the exit status. */
int replay(const struct options *o);

#endif
