/* Is that the name of a compiled program? */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* False of a file of rules (.prey): err says in a line what compiles it. */
bool rules_are_compiled(const char *path, char *err, size_t err_len);
