/* An end requested over the control socket. */
#pragma once

#include "runtime/live/control/control_state.h"

/* True if the end was requested. */
bool stop_waits(const struct control *control);
/* Send the rest of the answer, if the end was requested. True: it is time to end. */
bool stop_step(struct control *control, uint64_t now_ns);
