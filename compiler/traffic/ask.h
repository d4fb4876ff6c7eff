/* preyc --ask: what would become of a packet, and why. */
#ifndef COMPILER_ASK_H
#define COMPILER_ASK_H

#include <stdbool.h>
#include <stdio.h>

struct program;

/* Explain each packet (in the notation of tests, with `on IF`) as if it were the first that this machine meets; `-`
 * stands for those that standard input has, a line each, where empty ones and those that begin with # are passed over.
 * Text, or with `json` an object a line. Returns 0, or -EINVAL after lines on standard error: a packet was none, and
 * the others were answered. */
int ask(struct program *p, const char *const packets[], unsigned count, bool json, FILE *out);

#endif
