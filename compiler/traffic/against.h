/* preyc --against: a capture by two programs, and what the second does otherwise. */
#pragma once

#include <stdio.h>

#include "compiler/traffic/traffic.h"

struct program;

/* Print each pair of rules, or defaults, that decides frames of the captures differently, and each pair of servers that
 * gets the same ones: how many frames and flows, and the first frame. Returns 0 where nothing is judged or sent
 * otherwise, 1 where something is, -1 after a line on standard error. names: of the files. */
int against(struct program *old, struct program *new, const char *const names[2], const struct traffic *t, FILE *out);
