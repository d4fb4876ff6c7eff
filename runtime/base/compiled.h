/* Is that the name of a compiled program? */
#ifndef RUNTIME_BASE_COMPILED_H
#define RUNTIME_BASE_COMPILED_H

#include <stdbool.h>
#include <stddef.h>

/* False of a file of rules (.prey): err says in a line what compiles it. */
bool rules_are_compiled(const char *path, char *err, size_t err_len);

#endif
