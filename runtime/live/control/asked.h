/* What is asked over the control socket (ctl/question.def), answered from what the main thread holds. */
#pragma once

#include "runtime/live/main/state.h"

/* The socket, by the parent. 0, or 2 after a line that says why not. */
int asked_open(struct live *l);
int asked_fd(const struct live *l); /* polled for reading */
/* When that is ready, and once a second. */
void asked_step(struct live *l, uint64_t now_ns);
void asked_close(struct live *l);
