/* Ports of this machine's own addresses, which its own sockets and `masquerade` share out: what stays with the sockets,
 * which is told to guard rules and to the workers, and what both have come to want. */
#pragma once

#include "runtime/live/carry/state.h"

/* Sockets as they are before anything is changed, for this program; and the right to look at them later. */
void shared_ports_look(struct carry *carry, const struct program *p);
/* Another program takes the place of the one before: what sockets have of ports that it alone translates to stays
 * theirs, too. */
void shared_ports_widen(struct carry *carry, const struct program *before, const struct program *next);
/* Ask the parent for the program's, and learn what stays with this machine. 0, or a negative errno with one line in
 * err. */
int shared_ports_claim(struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Would that be refused? A negative errno with the same line in err. */
int shared_ports_would(const struct carry *carry, const struct program *p, char *err, size_t err_len);
/* As workers are to know them. */
struct facts_ports shared_ports_facts(const struct carry *carry);
/* Now and then: has a socket bound a port that translation may have? Who draws is told; it is counted
 * (limit.def). True: they are others, and are to be published. */
bool shared_ports_tick(struct carry *carry, uint64_t now_ns);
void shared_ports_fini(struct carry *carry);
