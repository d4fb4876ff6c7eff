/* Guard matches of who is heard, and of what is hidden from them (runtime/host/guard/heard.h). */
#pragma once

#include "runtime/host/guard/program/narrowed.h"

/* Call `give` with the matches that hear whoever sends what `m` holds: one for each family that m may be of. */
void hearing_of(const struct program *p, const struct guard_match *m, narrowed_give *give, void *arg);
/* Call `give` with the match that hides from them what `m` holds, a target's answers, wherever their route leads. */
void hearing_answers(const struct guard_match *m, narrowed_give *give, void *arg);
/* Call `give` with both for a map: its outside addresses and its inside hosts, by protocol. */
void hearing_map(const struct program *p, const struct pbc_nat *n, narrowed_give *give, void *arg);
