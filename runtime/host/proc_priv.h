/* Settings of the kernel, as files under /proc/sys */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Read a file's text, at most size - 1 bytes, zero-terminated. Return 0 or a negative errno. */
int proc_read(const char *path, char *text, size_t size);
int proc_write(const char *path, const char *text);
/* True for a setting that exists and is not 0 */
bool proc_is_on(const char *path);
