/* The start after a stop by `systemctl restart`: there may be a keeper (runtime/parent/keeper.h) to take over from. */
#pragma once

#include <stdbool.h>

#include "runtime/live/main/live_priv.h"

/* Fork if there is a keeper. Return true in the process that is to take over, with *fd for parent_is_heir. The
 * process that the service manager started waits, and ends once the other one judges. False: an ordinary start,
 * because there is no keeper, or no longer. */
bool heir_begin(int *fd);

/* Put the program's file in force, as any start would, after this process has taken over the former program. READY
 * waits for that, and a refusal ends the start. */
void heir_rules(struct live *l);
