/* Servers by name: a program with the addresses that names have now. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Return the program with these addresses; the caller puts it. p itself, held, where no address differs, or where it
 * can't be made. tells: it is to be in force, so addresses that are new are told, and what went wrong. */
struct program *named_program(const struct rules *rules, struct program *p, bool tells);
