/* All log files of live traffic at once. */
#pragma once

#include "runtime/live/carry/state.h"

/* Open the event log and all access logs again, after files were moved away. Requests up to here are written to the old
 * files. */
void logs_again(struct carry *carry);
