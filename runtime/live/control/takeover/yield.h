/* The side of a takeover that runs already, and lets go. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;

/* Descriptor on which the process that takes over speaks; -1: nobody takes over */
int yield_fd(const struct control *control);
uint64_t yield_due_ns(const struct control *control);
/* Hear that process, when yield_fd is readable or yield_due_ns is past. True: it judges from now on, and this process
 * ends. Workers stand still meanwhile, and go on unless the result is true. */
bool yield_step(struct control *control, uint64_t now_ns);
/* True once another process judges: nothing is to be reported or undone at the end. */
bool yield_is_over(const struct control *control);
/* True if nobody can take over from this instance, and why, in words: all that lacks. */
bool yield_lacks(const struct control *control, char *words, size_t len);
/* How long sessions may go on at most once it is over, as that process reports; 0: as long as they last. yield_fd is
 * the socket to that process. */
/* Return the process that has taken over. */
long yield_process(const struct control *control);
uint64_t yield_drain_ns(const struct control *control);
/* True from the question on until the other process has taken over, or has failed to. */
bool yield_waits(const struct control *control);
void yield_fini(struct control *control);
