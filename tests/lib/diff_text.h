/* The output of --diff for two programs. */
#pragma once

#include <stdbool.h>

struct program;

/* Return the comparison as text or JSON on the heap, or the reason if it fails. */
char *diff_text(struct program *old, struct program *new, bool json);
