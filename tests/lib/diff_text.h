/* The output of --diff for two programs. */
#pragma once

#include <stdbool.h>

struct program;

/* Return the text, or the JSON, on the heap; where a comparison fails, the reason. */
char *diff_text(struct program *old, struct program *new, bool json);
