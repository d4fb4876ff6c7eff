/* The option --confirm of commands that put another program in force. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/preyctl/command_line.h"

/* Take --confirm out of the arguments and add its time to the question. False after a line with the reason. */
bool trial_take(struct command_line *l, cJSON *question);
