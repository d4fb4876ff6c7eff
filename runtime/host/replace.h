/* A file replaced by other bytes: who reads it finds all of the old or all of the new. */
#ifndef RUNTIME_HOST_REPLACE_H
#define RUNTIME_HOST_REPLACE_H

#include <stddef.h>

/* The file keeps its mode; a link stays a link, and its target is replaced. 0, or a negative errno: it is as it was. */
int replace_file(const char *path, const void *bytes, size_t len);

#endif
