/* Checks of a program before anything is made for it. */
#pragma once

#include "runtime/live/rules/state.h"

/* True if the loaded program of the file `name` is supported and can be enforced. again: the program ran before, so
 * enforcement is not checked here; gaps that new own addresses open are only told. False: `why` is one line. */
bool look_at_program(const struct rules *rules, const struct program *p, const char *name, bool again, char *why,
                     size_t len);
/* Load the program's file again, through the parent. NULL, with one line in err. */
struct program *look_again(const struct rules *rules, char *err, size_t err_len);
