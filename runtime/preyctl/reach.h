/* Connection to the instance that is meant. */
#pragma once

#include "runtime/preyctl/command_line.h"

/* Return a connected descriptor: to --control, else to --name, else to the only instance in this network namespace. -1,
 * with one line in err. */
int reach(const struct command_line *line, char *err, size_t err_len);
