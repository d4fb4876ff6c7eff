/* `preyrun --replay DIR [OTHER.pbc]`: run a recording again, worker by worker, and compare. */
#pragma once

#include "runtime/base/options/run_options.h"

/* Return the exit status: 0; 1: the recorded program decides differently now; 2: an error. */
int recording(const struct options *o);
