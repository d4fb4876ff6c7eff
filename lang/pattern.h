/* The files that an `include` with a pattern names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lang/arena.h"

struct paths {
    char **path; /* of the heap; what it points to, of the arena */
    uint32_t count, cap;
};
bool is_pattern(const char *path);
/* The files that match the last part of `path`, in the order of their bytes; paths as they would be written. 0, or
 * -E2BIG where more than `most` match, another negative errno where the folder can't be read. out->path is the caller's
 * to free either way. */
int pattern_files(struct arena *arena, const char *path, uint32_t most, struct paths *out);
