/* What runs, into the file of the command line: so a start, SIGHUP and --watch read it, too. */
#pragma once

#include "runtime/live/control/state.h"

/* Can it be? Standard input cannot. */
bool saved_may(const struct control *control, char *err, size_t err_len);
/* Replace the file, at once and whole, by the parent. 0, or a negative errno with one line in err. */
int saved_write(struct control *control, char *err, size_t err_len);
