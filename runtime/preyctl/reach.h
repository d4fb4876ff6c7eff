/* Finding the instance that is meant, and its socket. */
#pragma once

#include "runtime/preyctl/command_line.h"

/* A descriptor that is connected: to --control, else to --name, else to the one instance that runs in this network
 * namespace. -1: err says in one line why not. */
int reach(const struct command_line *line, char *err, size_t err_len);
