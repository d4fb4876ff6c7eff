/* Another program, loaded over the control socket (`preyctl load`). A start, SIGHUP and --watch still read the file of
 * the command line, unless the program is saved there. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Begin a waiting load. No reload may be under way. */
void load_step(struct control *control);
void load_free(struct load *w);
