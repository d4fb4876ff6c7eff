/* What the program that deals out frames to workers (runtime/io/steer/deal.h) is told. */
#pragma once

#include "runtime/live/main/state.h"

/* Where its tables are; from what was made for a port, before that is opened. */
void dealt_take(struct live *l, struct io_made *made);
void dealt_world(struct live *l); /* after facts or owners have changed */
void dealt_close(struct live *l);
