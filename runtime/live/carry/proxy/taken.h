/* Proxy loops in a takeover (live/control/takeover/): what they remember goes to the loops of the process that takes
 * over; their sessions stay. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Call each(…) for every listener of every loop, as long as it returns 0. Not during a change. Return what it returned
 * last. */
struct proxy_listen;
int taken_listeners(const struct carry *carry, int each(void *with, unsigned worker, const struct proxy_listen *l),
                    void *with);
/* Write what loops remember of clients, and what was counted of sessions that have ended, or read it into loops that
 * have no thread yet (keyed/archive.h). waits: wait for loops that write, which go on meanwhile; else nothing is
 * written. False: one does not go on, or the archive is bad. */
bool taken_archive(struct carry *carry, struct archive *a, bool waits);
/* Have all loops accept nothing more, and refer to no worker. False: one never came to that. */
bool taken_leave(const struct carry *carry);
/* Have all loops accept inline connections again that accept none since they have written. */
void taken_return(const struct carry *carry);
/* Return the number of sessions that go on here. */
uint32_t taken_sessions(const struct carry *carry);
