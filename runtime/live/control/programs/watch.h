/* Reload of the command line's file when it changes (--watch). */
#pragma once

#include "runtime/live/control/control_state.h"

/* Begin to watch, if requested. Return 0, or 2 after a line with the reason. */
int watch_begin(struct control *control);
/* Read events in the file's folder, and note those about the file. */
void watch_read(struct control *control, uint64_t now_ns);
/* Look again even without a change, because a file refused during a wait for confirmation may now be taken. */
void watch_again(struct control *control);
/* Look at the file if that is due. */
void watch_step(struct control *control, uint64_t now_ns);
/* Return the time of the next look; UINT64_MAX: no event, or a reload is under way. */
uint64_t watch_due_ns(const struct control *control);
void watch_end(struct control *control);
