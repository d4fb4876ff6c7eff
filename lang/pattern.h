/* The files that an `include` with a pattern names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lang/arena.h"

struct paths {
    char **path; /* array in the heap, strings in the arena */
    uint32_t count, cap;
};
bool is_pattern(const char *path);
/* Find the files that match the last part of `path`, sorted by their bytes, with paths as a user would write them.
 * Return 0, -E2BIG if more than `most` match, or another negative errno if the folder can't be read. The caller frees
 * out->path in any case. */
int pattern_files(struct arena *arena, const char *path, uint32_t most, struct paths *out);
