/* What a worker does beside the executor in the kernel: it goes on with packets that come up, and says which recipes
 * the kernel may follow. */
#pragma once

#include "runtime/worker/worker.h"

/* What the kernel knew of a packet that came by a noted port: of a program that is not in force there, nothing. */
struct vm_up up_of(const struct worker *w, const struct pkt *pkt);
/* A batch of them onto the worker's tape, before they are judged, and what became of it: what comes up is recorded
 * packet by packet (TAPE_SINGLE), for what else its verdicts hang on is not here. */
void up_note(struct worker *w, unsigned n, uint64_t now_ns);
void up_note_verdicts(struct worker *w, unsigned n);
/* Where packets of flows that are sent on leave, for their recipes. */
void up_init(struct worker *w);
/* The worker has another snapshot or program: its vm sees it, and the kernel is told which recipes hold. */
void up_renew(struct worker *w, uint64_t now_ns);
/* None does: another program is about to be put in force. */
void up_forget(const struct worker *w);
