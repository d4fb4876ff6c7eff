/* The file of the command line, read again when it changes (--watch). */
#pragma once

#include "runtime/live/main/state.h"

/* From now on, if that was asked for. 0, or 2 after a line that says why not. */
int watch_begin(struct live *l);
/* Something happened in its folder. */
void watch_read(struct live *l, uint64_t now_ns);
/* What was refused while a program waited to be confirmed may be taken now: look, whatever the file was then. */
void watch_again(struct live *l);
/* Look, when that is due. */
void watch_step(struct live *l, uint64_t now_ns);
/* Until then; at most so long. */
int watch_wait_ms(const struct live *l, uint64_t now_ns, int most);
void watch_end(struct live *l);
