/* --stats: the document over HTTP (runtime/stats/web.h). Nothing where nobody asked for it. */
#pragma once

#include "runtime/live/control/state.h"

/* The socket, by the parent. 0, or 2 after a line that says why not. */
int shown_open(struct control *control);
void shown_close(struct control *control);

int shown_fd(const struct control *control); /* polled for reading; -1: none */
/* At most so many milliseconds may pass until shown_step. */
int shown_wait_ms(const struct control *control, int most);
void shown_step(struct control *control);
