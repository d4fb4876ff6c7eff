/* The commands: a function a row of command.def, which prints and returns the exit status. */
#pragma once

#include "runtime/preyctl/talk.h"

#define COMMAND(ident, ...) int command_##ident(struct talk *t);
#include "runtime/preyctl/command.def"

/* More arguments than the command takes are told: 0 or 2. */
int command_takes(const struct talk *t, unsigned least, unsigned most, const char *usage);

/* The program that runs, for program_put. NULL after a line that says why not. */
struct program *command_running(struct talk *t);
