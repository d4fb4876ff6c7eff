/* The parts of a program that are enforced here, and the parts that can only be watched. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Find the rule that may drop packets that this process could only watch. False if there is none. */
bool enforce_watched(const struct carry *carry, const struct program *p, char *what, size_t len);
/* Report if rules of the running program can now only be watched. Call after a change of own addresses. */
void enforce_watched_now(struct carry *carry);
/* True if this process, or the kernel if it was chosen, enforces the whole program. False: `why` names the gap. */
bool enforce_all(const struct carry *carry, const struct program *p, char *why, size_t len);
/* True if prey forwards packets between interfaces under this program, in place of the host. The program must have a
 * `forward` firewall; or the host must forward packets, and a firewall must judge them. */
bool enforce_routes(const struct carry *carry, const struct program *p);
/* Return the families (enum routed_family) whose accepted packets the worker routes: both, or with only a nat those
 * that this machine forwards. */
uint8_t enforce_routed(const struct carry *carry, const struct program *p);
/* True if an interface that prey does not serve is up. Loopback, prey's tun devices and ports of served bridges and
 * bonds lead nowhere, and don't count. */
bool enforce_elsewhere(const struct carry *carry);
bool enforce_cuts(const struct program *p);
