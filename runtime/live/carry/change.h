/* Is another program on its way to the workers? */
#pragma once

#include "runtime/live/carry/state.h"

/* Is a change under way that some worker has not taken? Then nothing is published or printed. */
bool change_pending(const struct carry *carry);
/* Is what workers run, all of them, the program in force? Then their counters have its shape. */
bool change_settled(const struct carry *carry);
/* Of the program of that serial, which may be the one before; NULL: it is gone. */
const struct labels *change_labels(const struct carry *carry, uint64_t serial);
