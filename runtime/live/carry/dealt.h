/* What the program that deals out frames to workers (runtime/io/steer/deal.h) is told. */
#pragma once

#include "runtime/live/carry/state.h"

/* Where its tables are; from what was made for a port, before that is opened. */
void dealt_take(struct carry *carry, struct io_made *made);
void dealt_world(struct carry *carry); /* after facts or owners have changed */
void dealt_close(struct carry *carry);
