/* One packet after the other, where flows, meters or fragments make the next depend on the last. */
#pragma once

#include "vm/context/context.h"

/* Judge a parsed batch of which the packets of `todo` are well formed and in one piece; the rest by `odd`, in its turn.
 */
typedef void odd_fn(const struct job *j, struct packet_ctx *c);
void run_in_turn(const struct job *j, unsigned n, uint64_t todo, odd_fn *odd);

/* One well-formed packet, of which nothing was looked up ahead. */
void judge_in_turn(const struct job *j, struct packet_ctx *c);
