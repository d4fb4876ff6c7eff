/* --stats: the document over HTTP (runtime/stats/web.h). Without --stats nothing happens. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Open the socket through the parent. Return 0, or 2 after a line with the reason. */
int shown_open(struct control *control);

int shown_fd(const struct control *control); /* descriptor to poll for reading; -1: none */
/* Return the time at which shown_step is due; UINT64_MAX: no --stats. */
uint64_t shown_due_ns(const struct control *control, uint64_t now_ns);
void shown_step(struct control *control);
