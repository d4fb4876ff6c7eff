/* The start: checks before anything is changed, and the opening of sockets. */
#pragma once

#include "runtime/live/main/state.h"

struct parent;

/* Load the program, and open the host's view. Return the exit status. */
int start_load(struct live *l);
/* With --on-exit closed, before what takes long: take the instance's name, and shut the interfaces of -i, unless judges
 * of a former run stand there. *p stays NULL where another process has the name, which the look tells. Return the exit
 * status. */
int start_shut(struct live *l, struct parent **p);
/* After the look: where this process judges, shut what judges of a former run have let in, and take those off. Return
 * the exit status. */
int start_shut_again(struct live *l, struct parent *p);
/* Check program, interfaces, and what cannot be enforced, before anything is changed. Return the exit status. */
int start_look(struct live *l);
/* Open sockets and make the workers, up to the point where they could run. Return the exit status. */
int start_open(struct live *l);
void start_close(struct live *l);
