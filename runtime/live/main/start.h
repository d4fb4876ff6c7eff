/* The start: what is looked at before anything is changed, and what is opened. */
#pragma once

#include "runtime/live/main/state.h"

/* Look before anything is changed: the program, the interfaces, what cannot be enforced. The exit status. */
int start_look(struct live *l);
/* Sockets and the worker, up to where it could run. */
int start_open(struct live *l);
void start_close(struct live *l);
