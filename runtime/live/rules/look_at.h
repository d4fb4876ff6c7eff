/* Checks of a program before anything is made for it. */
#pragma once

#include "runtime/live/rules/state.h"

/* True if the loaded program of the file `name` is supported and can be enforced. again: it ran before, and enforcement
 * is not checked: changed own addresses are told instead. False: `why` is one line. */
bool look_at_program(const struct rules *rules, const struct program *p, const char *name, bool again, char *why,
                     size_t len);
/* Load the program's file again, through the parent. NULL, with one line in err. */
struct program *look_again(const struct rules *rules, char *err, size_t err_len);
