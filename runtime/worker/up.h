/* A worker's part beside the kernel executor: it handles packets that come up, and publishes the recipes that the
 * kernel may use. */
#pragma once

#include "runtime/worker/worker.h"

/* Return the kernel's findings on a packet that came by a noted port; none if the worker's program is not in force
 * there. */
struct vm_up up_of(const struct worker *w, const struct pkt *pkt);
/* Return 1 + the id in rules of the device by which a routed packet (KERNEL_ROUTED) came in; 0: it is unknown, or of
 * another program. */
uint16_t up_came(const struct worker *w, const struct pkt *pkt);
/* Put a batch on the worker's tape before it is judged, and its verdicts afterwards. Packets that come up are
 * recorded one by one (TAPE_SINGLE), because their verdicts depend on state that is not in the worker. */
void up_note(struct worker *w, unsigned n, uint64_t now_ns);
void up_note_verdicts(struct worker *w, unsigned n);
/* The same for a packet that this machine's stack has routed, before it is translated. */
void up_note_routed(struct worker *w, struct pkt *pkt, uint64_t now_ns);
void up_note_left(struct worker *w, const struct verdict *v);
/* Set up w->ways, by which recipes find port and MAC address. */
void up_init(struct worker *w);
/* Show a new snapshot or program to the vm, and publish the recipes that hold. */
void up_renew(struct worker *w, uint64_t now_ns);
/* Take the kernel's copies of frames. Return their number. Second function: called when another program is in force
 * there, and the mirrors are still those of its predecessor. */
unsigned up_copied(struct worker *w, uint64_t now_ns);
void up_copies_change(struct worker *w);
/* Withdraw all recipes, because another program is about to be put in force. */
void up_forget(const struct worker *w);
