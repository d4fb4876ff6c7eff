/* Questions that put another program in force, and their option --confirm. */
#pragma once

#include "runtime/preyctl/talk.h"

/* Ask the question and free it, with the program of a file unless that is NULL, and print the answer once that
 * program runs. Return the exit status. */
int put_in_force(struct talk *t, cJSON *question, const char *file);
/* Take --confirm out of the arguments and add its time to the question. False after a line with the reason. */
bool trial_take(struct command_line *l, cJSON *question);
