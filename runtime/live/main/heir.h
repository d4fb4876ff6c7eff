/* The start after a stop by `systemctl restart`: a keeper (runtime/parent/keeper.h) may be there to take over from. */
#pragma once

#include <stdbool.h>

#include "runtime/live/main/live_priv.h"

/* Fork if a keeper is there. Return true in the process that shall take over: it gets *fd for parent_is_heir. The
 * process that the service manager has started waits meanwhile, and ends once the other one judges; it returns false
 * where this is an ordinary start: there is no keeper, or there is none any more. */
bool heir_begin(int *fd);

/* Put the program's file in force, as any start would, now that this process judges by the program of before. READY
 * waits for it, and the start ends if it is refused. */
void heir_rules(struct live *l);
