/* The start: checks before anything is changed, and the opening of sockets. */
#pragma once

#include "runtime/live/main/state.h"

/* Check program, interfaces, and what cannot be enforced, before anything is changed. Return the exit status. */
int start_look(struct live *l);
/* Open sockets and make the workers, up to the point where they could run. Return the exit status. */
int start_open(struct live *l);
void start_close(struct live *l);
