/* Copies of packets (`mirror`): the main thread's part of runtime/copies/. Programs without mirrors need none of it. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct parent;

/* Register the files of copies that the program of the start names. Call in the parent. */
void copied_known(const struct carry *carry, struct parent *parent);

/* Make the copies' state, and that of the first program, once workers exist. Return 0, or 2 after one line. */
int copied_open(struct carry *carry);
/* Follow the target devices. Call after changes of links. */
void copied_links(const struct carry *carry);
/* Return the reason against handing copies over; NULL: none. */
const char *copied_stay(const struct carry *carry);
/* Let the copying thread do most of its waiting work, while workers judge: a fifth of a second at most. */
void copied_ahead(const struct carry *carry);
/* Write the counters of copies while workers are paused, or read them before they begin. waits: wait some
 * milliseconds for the copying thread, so that the counters are complete. */
void copied_archive(const struct carry *carry, struct archive *a, bool waits);
/* End the thread. Call after workers have ended. */
void copied_end(struct carry *carry);
