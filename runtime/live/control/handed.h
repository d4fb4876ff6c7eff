/* Files in memory that come over the control socket with a question: a program, or a filter. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/exchange/filter.h"
#include "runtime/live/control/state.h"

/* The program that came with the call, verified; at most so many bytes. It has to be sealed, so that neither reading it
 * waits for anybody nor its sender changes it meanwhile. NULL: err says why not. */
struct program *handed_program(struct call *c, size_t most, char *err, size_t err_len);
/* The filter that came with the call, or, where none came, one that takes all; filter_fini in any case. False: err says
 * in one line why it is refused. */
bool handed_filter(const struct control *control, struct call *c, struct filter *f, char *err, size_t err_len);
