/* Proxy loops in a takeover (live/control/takeover/): their memory goes to the loops of the process that takes over;
 * their sessions stay. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Call each(…) for every listener of every loop, as long as it returns 0. Not during a change. Return its last
 * result. */
struct proxy_listen;
int taken_listeners(const struct carry *carry, int each(void *with, unsigned worker, const struct proxy_listen *l),
                    void *with);
/* Write the loops' memory of clients, and counts of ended sessions, or read them into loops that have no thread yet
 * (keyed/archive.h). waits: wait until loops have written, while they continue; otherwise nothing is written. False:
 * a loop hangs, or the archive is bad. */
bool taken_archive(struct carry *carry, struct archive *a, bool waits);
/* Make all loops stop accepting, and drop references to workers. False: a loop hangs. */
bool taken_leave(const struct carry *carry);
/* Let loops accept inline connections again, after they stopped in order to write. */
void taken_return(const struct carry *carry);
/* Return the number of sessions that continue here. */
uint32_t taken_sessions(const struct carry *carry);
