/* The commands, one function for each row of command.def, which prints and returns the exit status. */
#pragma once

#include "runtime/preyctl/talk.h"

#define COMMAND(ident, ...) int command_##ident(struct talk *t);
#include "runtime/preyctl/command.def"

/* Check the number of arguments against its bounds. Return 0, or 2 after a complaint. */
int command_takes(const struct talk *t, unsigned least, unsigned most, const char *usage);

/* Return the running program, which the caller releases with program_put. NULL after a line with the reason. */
struct program *command_running(struct talk *t);
