/* Replay: a program judges a capture's frames by the capture's clock. */
#pragma once

#include "runtime/base/options/run_options.h"

/* Run the replay by its options; write results and errors. Return the exit status. */
int replay(const struct options *o);
