/* `preyrun --replay DIR [OTHER.pbc]`: go again through what was recorded, worker by worker, and compare. */
#ifndef RUNTIME_RECORD_TOLD_RECORDING_H
#define RUNTIME_RECORD_TOLD_RECORDING_H

#include "runtime/base/options.h"

/* The exit status: 0; 1: the program that ran decides otherwise now; 2: trouble. */
int recording(const struct options *o);

#endif
