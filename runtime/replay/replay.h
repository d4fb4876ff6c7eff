/* Replay: a capture's frames judged by a program, the clock taken from the capture. */
#pragma once

#include "runtime/base/options.h"

/* Do all that the options say; results and errors are written. Returns the exit status. */
int replay(const struct options *o);
