/* Servers by name: a program with the names' present addresses. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Return the program with these addresses, or p itself, with a reference that the caller puts. It is p if no address
 * differs, or if the new program can't be made, which is reported. */
struct program *named_program(const struct rules *rules, struct program *p);
/* Report which servers of the program in force have other addresses than in its predecessor. */
void named_tell(const struct rules *rules, const struct program *before);
