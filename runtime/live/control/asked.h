/* Questions over the control socket (ctl/question.def), answered from the main thread's state. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Open the socket through the parent. Return 0, or 2 after a line with the reason. */
int asked_open(struct control *control);
int asked_fd(const struct control *control); /* descriptor to poll for reading */
/* Handle questions. Call when the descriptor is ready, and once per second. */
void asked_step(struct control *control, uint64_t now_ns);
/* Send waiting answers, and take no more questions, because another process answers from now on. */
void asked_flush(struct control *control);
void asked_close(struct control *control);
