/* The file of the command line, read again when it changes (--watch). */
#pragma once

#include "runtime/live/control/state.h"

/* From now on, if that was asked for. 0, or 2 after a line that says why not. */
int watch_begin(struct control *control);
/* Something happened in its folder. */
void watch_read(struct control *control, uint64_t now_ns);
/* What was refused while a program waited to be confirmed may be taken now: look, whatever the file was then. */
void watch_again(struct control *control);
/* Look, when that is due. */
void watch_step(struct control *control, uint64_t now_ns);
/* Until then; at most so long. */
int watch_wait_ms(const struct control *control, uint64_t now_ns, int most);
void watch_end(struct control *control);
