/* `preyrun --replay DIR [OTHER.pbc]`: go again through what was recorded, worker by worker, and compare. */
#pragma once

#include "runtime/base/options.h"

/* The exit status: 0; 1: the program that ran decides otherwise now; 2: trouble. */
int recording(const struct options *o);
