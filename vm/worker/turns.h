/* Judging one packet after the other, where flows, meters or fragments make each depend on the one before */
#pragma once

#include "vm/context/context.h"

/* Packets of a batch, a bit each */
struct turns {
    uint64_t todo;  /* well formed and in one piece */
    uint64_t plain; /* well formed, found by look_plain: their keys have not been parsed */
};

/* Find plain packets by their bytes alone, and begin their looks. Of such a packet's key only kind and length are set.
 * Return them, a bit each; 0: this batch needs its keys. */
uint64_t look_plain(const struct job *j, struct pkt *const pkts[], unsigned n);

/* Judge a batch whose keys are the vm's; `odd` judges what is not in t->todo, in its turn. */
typedef void odd_fn(const struct job *j, struct packet_ctx *c);
void run_in_turn(const struct job *j, struct pkt *const pkts[], unsigned n, const struct turns *t,
                 struct verdict verdicts[], odd_fn *odd);

/* Judge one well-formed packet without look-ups made ahead. */
void judge_in_turn(const struct job *j, struct packet_ctx *c);
/* The same, of a packet that the observers have seen already. */
void judge_unobserved(const struct job *j, struct packet_ctx *c);
