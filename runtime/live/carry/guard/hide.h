/* Guard rules: what is hidden from the host's stack. */
#pragma once

#include "runtime/live/carry/state.h"

/* For the program that runs and, for flows of earlier ones that drain, what lingers. Where they cannot be set, those
 * that were stay: a negative errno with one line in err. */
int hide_rules(struct carry *carry, char *err, size_t err_len);
/* The same, with that line told: the exit status. */
int hide_guard(struct carry *carry);
