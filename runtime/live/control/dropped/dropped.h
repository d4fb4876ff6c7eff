/* Senders whose packets were dropped, noted continuously for later questions (`preyctl dropped`). */
#pragma once

#include "runtime/live/control/control_state.h"

/* Take the workers' notes. Call once per second, and before an answer. */
void dropped_take(struct control *control);
/* Take a note of the kernel executor. */
void dropped_see(struct control *control, const struct drop_note *n);
void dropped_fini(struct control *control);
