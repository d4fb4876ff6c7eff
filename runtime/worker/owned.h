/* Whose a packet is, where several workers share what arrives: this one's to judge, another's, to whom it is handed
 * over, or, a piece of a datagram whose first has not come, nobody's yet. */
#pragma once

#include "runtime/worker/worker.h"

/* Where cfg.workers is above 1. 0 or -ENOMEM. */
int owned_init(struct worker *w);
void owned_fini(struct worker *w);

/* Is the packet this worker's? Else it was handed over, or waits as a copy. */
bool owned_here(struct worker *w, struct pkt *pkt, uint64_t now);
/* What worker `from` has handed over, at most VM_BATCH. own[0 … *count-1]: of these, this worker's, which hold until
 * handover_release. Returns how many there were. */
unsigned owned_handed(struct worker *w, unsigned from, struct pkt *own[], unsigned *count, uint64_t now);
/* Pieces that have waited, and are this worker's: their first has come, or never came. The caller's to put back. */
unsigned owned_waited(struct worker *w, struct pkt *own[PIECES_WAIT_MOST], uint64_t now);

/* Whoever was handed something and sleeps. */
void owned_wake(struct worker *w);
/* Was this worker handed something? */
bool owned_waits(const struct worker *w);
