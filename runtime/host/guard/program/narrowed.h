/* Guard matches of a nat's statement, narrowed by its conditions: the host's stack gets packets outside of the
 * statement. */
#pragma once

#include "runtime/host/guard/guard.h"
#include "vm/program/program.h"

/* Call `give` with matches that together are `m` for the packets that meet the statement's sources and conditions.
 * For `forward any` they leave out packets from and to its target. False: out of memory. */
typedef void narrowed_give(void *arg, const struct guard_match *m);
bool narrowed(const struct program *p, const struct pbc_nat *n, const struct guard_match *m, narrowed_give *give,
              void *arg);

/* True if matches have room for the devices of all statements: GUARD_BUT_MOST behind `not`, otherwise
 * GUARD_DEVICES_MOST. spares_sent: forwarded packets are not hidden (guarded_spare_sent). False: `why` is one line. */
bool narrowed_fits(const struct program *p, bool spares_sent, char *why, size_t len);
