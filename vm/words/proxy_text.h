/* What proxy services say, in the words of the language: for listings and comparisons. Lists are written out, whatever
 * they are called. */
#pragma once

#include <stdio.h>

#include "vm/program/program.h"

/* A condition that a connection's first bytes meet: `sni "a.example", "*.b.example"`. */
void stream_cond_print(const struct program *p, const struct pbc_cond *c, FILE *out);
/* Options of a proxy service, each behind `between`; nothing where it says none. */
void proxy_print(const struct program *p, uint32_t service, const char *between, FILE *out);
