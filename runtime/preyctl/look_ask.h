/* Options of `trace`, `capture`, `talkers`, `flows` and `dropped`: a filter, and bounds. */
#pragma once

#include "runtime/preyctl/talk.h"

/* Ask the question, with the filter in the arguments and the bounds of its options. From then on SIGINT and SIGTERM
 * ask the service to end a `trace` or `capture`, whose answer is still read (talk_next). Return 0, or 2 after lines
 * with the reason. */
int look_ask(struct talk *t, enum question q, const char *usage);
