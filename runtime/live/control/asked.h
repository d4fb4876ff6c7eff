/* Questions over the control socket (ctl/question.def), answered from what the main thread holds. */
#pragma once

#include "runtime/live/control/state.h"

/* The socket, by the parent. 0, or 2 after a line that says why not. */
int asked_open(struct control *control);
int asked_fd(const struct control *control); /* polled for reading */
/* When that is ready, and once a second. */
void asked_step(struct control *control, uint64_t now_ns);
void asked_close(struct control *control);
