/* A program that is to run, looked at before anything is made for it. */
#pragma once

#include "runtime/live/rules/state.h"

/* One that is loaded, of the file called so: what is not supported, what cannot be enforced; of one that ran already
 * (again) that is not asked, for own addresses may have changed since, which is told. False: `why` says it. */
bool look_at_program(const struct rules *rules, const struct program *p, const char *name, bool again, char *why,
                     size_t len);
/* The program's file once more, by the parent. NULL, with one line in err. */
struct program *look_again(const struct rules *rules, char *err, size_t err_len);
