/* Replaces a file atomically: a reader finds all of the old bytes or all of the new */
#pragma once

#include <stddef.h>

/* Replace a file, or a link's target; its mode stays. Return 0, or a negative errno with the file unchanged. */
int replace_file(const char *path, const void *bytes, size_t len);
