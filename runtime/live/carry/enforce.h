/* The parts of a program that are enforced here, and the parts that can only be watched. */
#pragma once

#include "runtime/live/carry/state.h"

/* Find the rule that may drop packets that this process could only watch. False: there is none. */
bool enforce_watched(const struct carry *carry, const struct program *p, char *what, size_t len);
/* After a change of own addresses, tell if rules of the running program can now only be watched. */
void enforce_watched_now(struct carry *carry);
/* True if this process, or the kernel if it was chosen, enforces the whole program. False: `why` names the gap. */
bool enforce_all(const struct carry *carry, const struct program *p, char *why, size_t len);
/* True if the program sends on what crosses from one interface to another. That needs a firewall that judges it, and
 * either a host stack that forwards packets, whose place prey takes, or a `forward` firewall. */
bool enforce_routes(const struct carry *carry, const struct program *p);
bool enforce_cuts(const struct program *p);
