/* An end that is asked for over the control socket. */
#pragma once

#include "runtime/live/control/control_state.h"

/* True if the end was asked for. */
bool stop_waits(const struct control *control);
/* Send what is left of the answer, if the end was asked for. True: it is time to end. */
bool stop_step(struct control *control, uint64_t now_ns);
