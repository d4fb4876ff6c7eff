/* The parts of a program that are enforced here, and those that can only be watched. */
#pragma once

#include "runtime/live/carry/state.h"

/* The rule that may drop what this process could only watch; false: none may. */
bool enforce_watched(const struct carry *carry, const struct program *p, char *what, size_t len);
/* Own addresses have changed: say so where that holds of the program that runs, which did not hold before. */
void enforce_watched_now(struct carry *carry);
/* Does this process enforce all of the program, or the kernel, as was chosen? False: `why` says where it does not. */
bool enforce_all(const struct carry *carry, const struct program *p, char *why, size_t len);
/* Is what crosses from one interface given to another the program's to send on? Where a firewall judges it, and either
 * the host's stack forwards packets, whose place prey takes then, or a `forward` firewall says so. */
bool enforce_routes(const struct carry *carry, const struct program *p);
bool enforce_cuts(const struct program *p);
