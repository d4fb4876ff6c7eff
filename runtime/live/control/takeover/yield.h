/* The running side of a takeover, which yields. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;

/* descriptor with messages of the process that takes over; -1: none */
int yield_fd(const struct control *control);
uint64_t yield_due_ns(const struct control *control);
/* Handle messages of the process that takes over, when yield_fd is readable or yield_due_ns is past. True: that
 * process judges from now on, and this one ends. Workers are paused meanwhile, and go on unless the result is true. */
bool yield_step(struct control *control, uint64_t now_ns);
/* True once another process judges: then report and undo nothing at the end. */
bool yield_is_over(const struct control *control);
/* True if no process can take over from this instance; the reason, in words, names all missing parts. */
bool yield_lacks(const struct control *control, char *words, size_t len);
/* Return the longest time for sessions after the takeover, which that process has requested; 0: unlimited. yield_fd
 * is the socket to that process. */
/* Return the process that has taken over. */
long yield_process(const struct control *control);
uint64_t yield_drain_ns(const struct control *control);
/* True from the question until the other process has taken over, or has failed. */
bool yield_waits(const struct control *control);
void yield_fini(struct control *control);
