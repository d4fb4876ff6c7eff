/* Options of a command's own, among its arguments. */
#pragma once

#include "runtime/preyctl/command_line.h"

/* Take `name` out of the arguments. False: it is not among them. */
bool argument_flag(struct command_line *l, const char *name);
/* The same of `name VALUE` or `name=VALUE`. NULL: it is not among them; "": the value is missing. */
const char *argument_value(struct command_line *l, const char *name);
/* What begins with `-` and was not taken; NULL: nothing. */
const char *argument_unknown(const struct command_line *l);
