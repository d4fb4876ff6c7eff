/* Filters that come over the control socket. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/exchange/filter.h"
#include "runtime/live/control/state.h"

/* The filter that came with the call, or, where none came, one that takes all; filter_fini in any case. False: err says
 * in one line why it is refused. */
bool filtered(const struct control *control, struct call *c, struct filter *f, char *err, size_t err_len);
