/* A file replaced by other bytes: who reads it finds all of the old or all of the new. */
#pragma once

#include <stddef.h>

/* The file keeps its mode; a link stays a link, and its target is replaced. 0, or a negative errno: it is as it was. */
int replace_file(const char *path, const void *bytes, size_t len);
