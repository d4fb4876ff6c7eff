/* Replaces a file atomically: a reader finds either all old bytes or all new ones */
#pragma once

#include <stddef.h>

/* Replace a file, or a link's target; its mode stays. Return 0, or a negative errno with the file unchanged. */
int replace_file(const char *path, const void *bytes, size_t len);
