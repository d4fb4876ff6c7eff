/* Guard rules, which hide packets from the host's stack. */
#pragma once

#include "runtime/live/carry/state.h"

/* Set guard rules for the running program and for the draining flows of earlier ones. On failure the old rules stay:
 * return a negative errno, with one line in err. */
int hide_rules(struct carry *carry, char *err, size_t err_len);
/* Set the guard rules, and report a failure. Return the exit status. */
int hide_guard(struct carry *carry);
