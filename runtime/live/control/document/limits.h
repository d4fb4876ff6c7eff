/* Reports of limits that were reached. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Report each limit when it is reached, then at most every ten seconds, with the count since the last line. Call
 * once per second. `last`: report the rest. */
void limits_tell(struct control *control, bool last);

/* Treat the former instance's counts as already reported. No worker may have a thread yet. */
void limits_go_on(struct control *control);

struct cJSON;
/* Add the number of times that each limit was reached since the start, as `limits`. */
void limits_add(const struct control *control, struct cJSON *root);
