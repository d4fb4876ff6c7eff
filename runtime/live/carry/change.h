/* The change to another program, until all workers have taken it. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* True if some worker has not taken the change under way. Do not publish or print then. */
bool change_pending(const struct carry *carry);
/* True if all workers run the program in force. Their counters then have its shape. */
bool change_settled(const struct carry *carry);
/* Return the labels of the current or the previous program if it has that serial; NULL: neither has it. */
const struct labels *change_labels(const struct carry *carry, uint64_t serial);
