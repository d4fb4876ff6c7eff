/* What services, pools and checks say besides where packets go, in the words of the language: for listings and
 * comparisons. What stands as if nothing were written is left out. */
#pragma once

#include <stdio.h>

#include "vm/program/program.h"

/* `idle`, `affinity`, `syn cookies`, `mss`, `announce` and what a proxy service says, each behind `between`. Not the
 * mode, nor bounds (`max flows`, `rate`). */
void service_print(const struct program *p, uint32_t service, const char *between, FILE *out);
/* Likewise of a pool: its check, `on down`, `retries`, `drain`, `slow start`. */
void pool_print(const struct program *p, uint32_t pool, const char *between, FILE *out);
/* A server's own check and MAC. */
void server_print(const struct program *p, uint32_t server, const char *between, FILE *out);
/* A duration: `2h4m`. */
void duration_print(uint64_t ns, FILE *out);
/* The kind of a check and all that it says, `between` its parts. */
void check_print(const struct program *p, uint32_t check, const char *between, FILE *out);
