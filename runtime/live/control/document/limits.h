/* Telling of limits that workers reached. */
#pragma once

#include "runtime/live/control/state.h"

/* Each second: of each limit a line when it is reached, then at most one in ten seconds, with how often since. `last`:
 * all that was not told yet. */
void limits_tell(struct control *control, bool last);

/* The number of times that each was reached since the start, into `limits`. */
struct cJSON;
void limits_add(const struct control *control, struct cJSON *root);
