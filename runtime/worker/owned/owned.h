/* Owners of packets if several workers share the arriving ones. A packet is judged here, or handed over to its
 * owner; a fragment has no owner and waits until the first fragment of its datagram has come. */
#pragma once

#include "runtime/worker/worker.h"

/* Initialise, if cfg.workers is above 1. Return 0 or -ENOMEM. */
int owned_init(struct worker *w);
void owned_fini(struct worker *w);

/* Parse packets, at most VM_BATCH, into vm_keys, and hand over those of other workers. Return the number of this
 * worker's, which are then in pkts[0 …], with *parsed. */
unsigned owned_deal(struct worker *w, struct pkt *pkts[], unsigned n, struct vm_parsed *parsed, uint64_t now);
/* Take at most VM_BATCH packets that worker `from` has handed over. Those of this worker are in own[0 … *count-1],
 * parsed, valid until handover_release. Return the number taken. */
unsigned owned_handed(struct worker *w, unsigned from, struct pkt *own[], unsigned *count, struct vm_parsed *parsed,
                      uint64_t now);
/* Lend a worker the recipes that it asks for, also by the n packets last taken from it, which have left. */
void owned_lend(struct worker *w, unsigned to, unsigned n, uint64_t now);
/* Return waiting fragments of this worker whose first fragment has come, or will not come. The caller returns them
 * to the pool. */
unsigned owned_waited(struct worker *w, struct pkt *own[FRAGMENTS_WAIT_MOST], uint64_t now);

/* Wake the sleeping workers that were handed something. */
void owned_wake(struct worker *w);
/* True if this worker was handed something. */
bool owned_waits(const struct worker *w);
