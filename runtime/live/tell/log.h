/* The log of --log: where what is told goes. */
#pragma once

#include "runtime/live/main/state.h"

/* By whoever has the rights for it. The exit status. */
int log_open(struct live *l);

/* Its file or socket once more, by the parent: the file was moved away, or the system's log restarted. */
void log_again(struct live *l);
