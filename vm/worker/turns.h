/* Judging one packet after the other, where flows, meters or fragments make each depend on the one before */
#pragma once

#include "vm/context/context.h"

/* Judge a parsed batch, whose keys are the vm's. The packets of `todo` are well formed and in one piece; `odd` judges
 * the others in their turn. */
typedef void odd_fn(const struct job *j, struct packet_ctx *c);
void run_in_turn(const struct job *j, struct pkt *const pkts[], unsigned n, uint64_t todo, struct verdict verdicts[],
                 odd_fn *odd);

/* Judge one well-formed packet without look-ups made ahead. */
void judge_in_turn(const struct job *j, struct packet_ctx *c);
/* The same, of a packet that the observers have seen already. */
void judge_unwatched(const struct job *j, struct packet_ctx *c);
