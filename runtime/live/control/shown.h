/* --stats: the document over HTTP (runtime/stats/web.h). Nothing where nobody asked for it. */
#pragma once

#include "runtime/live/main/state.h"

/* The socket, by the parent. 0, or 2 after a line that says why not. */
int shown_open(struct live *l);
void shown_close(struct live *l);

int shown_fd(const struct live *l); /* polled for reading; -1: none */
/* At most so many milliseconds may pass until shown_step. */
int shown_wait_ms(const struct live *l, int most);
void shown_step(struct live *l);
