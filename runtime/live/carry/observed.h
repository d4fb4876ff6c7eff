/* Observed connections of a live run: their files are opened by the parent, and a thread writes them. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct parent;

/* Report to the parent the files of sessions that the first program names, which may have lines already. */
void observed_known(const struct carry *carry, struct parent *parent);
/* Make the thread's state, because a later program may observe, and open the first program's files. Call before the
 * workers are made. Return 0, or 2 after a complaint. */
int observed_open(struct carry *carry);
void observed_end(struct carry *carry); /* ends the thread, after the workers have ended */
/* Let the writing thread do most of its waiting work, while workers judge: a fifth of a second at most. */
void observed_ahead(const struct carry *carry);
/* Write the state of the files of continuing connections, while the workers are paused, or read it before they
 * begin. waits: write the connections, too, after waiting some milliseconds at most for the writing thread. */
void observed_archive(struct carry *carry, struct archive *a, bool waits);
/* If the thread was late (carry->observed_late): write its state once it has finished, for workers that no longer
 * judge. False: still late. */
bool observed_keep(struct carry *carry, struct archive *a);
/* Read that state, while workers judge, and let the thread begin; NULL: none came, which is reported. */
void observed_kept(struct carry *carry, struct archive *a);
/* Continue the files of the former process, which no longer judges; the workers must not have begun. */
void observed_go_on(struct carry *carry);
/* True if the program's files and streams could be opened; nothing is made. False, with one line in err. */
bool observed_look(const struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Report failures since the last call. */
void observed_tick(struct carry *carry);
