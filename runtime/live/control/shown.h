/* --stats: the document over HTTP (runtime/stats/web.h). Without --stats nothing happens. */
#pragma once

#include "runtime/live/control/state.h"

/* Open the socket through the parent. Return 0, or 2 after a line with the reason. */
int shown_open(struct control *control);
void shown_close(struct control *control);

int shown_fd(const struct control *control); /* polled for reading; -1: none */
/* Return the milliseconds until shown_step is due; at most `most`. */
int shown_wait_ms(const struct control *control, int most);
void shown_step(struct control *control);
