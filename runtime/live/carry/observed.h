/* Observed connections of a live run: their files are opened by the parent, and a thread writes them. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct parent;

/* Report to the parent which files of sessions may have lines already: those of the first program. */
void observed_known(const struct carry *carry, struct parent *parent);
/* Make the thread's state, since a later program may watch, and open the first program's files, before the workers are
 * made. 0, or 2 after a complaint. */
int observed_open(struct carry *carry);
void observed_end(struct carry *carry); /* after the workers */
/* Have the writing thread do most of what waits, while workers judge: a fifth of a second at most. */
void observed_ahead(const struct carry *carry);
/* Write what is known of the files of connections that go on, while the workers are paused, or read it before they
 * begin; waits: with the connections, for which the writing thread is waited for some milliseconds at most. */
void observed_archive(struct carry *carry, struct archive *a, bool waits);
/* Write what the thread knows once it has done all, where it was late (carry->observed_late), of workers that judge no
 * more. False: it is still late. */
bool observed_keep(struct carry *carry, struct archive *a);
/* Read that, while workers judge, and let the thread begin; NULL: it did not come, which is reported. */
void observed_kept(struct carry *carry, struct archive *a);
/* Go on with the files of the process before, which judges no more; the workers have not begun. */
void observed_go_on(struct carry *carry);
/* Test if that would succeed; nothing is made. */
bool observed_look(const struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Report what failed since the last call. */
void observed_tick(struct carry *carry);
