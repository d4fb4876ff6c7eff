/* Another program, asked for over the control socket (`preyctl load`). The file of the command line stays what a start,
 * SIGHUP and --watch read, but where it is to be saved. */
#pragma once

#include "runtime/live/control/state.h"

/* Begin with one that waits; no reload is under way. */
void load_step(struct control *control);
void load_fini(struct control *control);
