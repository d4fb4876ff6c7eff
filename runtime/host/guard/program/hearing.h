/* Guard matches of heard senders, and of packets hidden from them (runtime/host/guard/heard.h). */
#pragma once

#include "runtime/host/guard/program/narrowed.h"

/* Call `give` with matches that note the senders of packets in `m`: one for each possible family. */
void hearing_of(const struct program *p, const struct guard_match *m, narrowed_give *give, void *arg);
/* Call `give` with the match that hides the packets of `m`, a target's replies, from heard senders, wherever their
 * route leads. */
void hearing_answers(const struct guard_match *m, narrowed_give *give, void *arg);
/* Call `give` with both kinds of matches for a nat's map: for its outside addresses and its inside hosts, by protocol.
 */
void hearing_map(const struct program *p, const struct pbc_nat *n, narrowed_give *give, void *arg);
