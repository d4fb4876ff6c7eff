/* Settings of the kernel, as files under /proc/sys */
#pragma once

#include <stddef.h>

/* Read a file's text, at most size - 1 bytes, zero-terminated. Return 0 or a negative errno. */
int proc_read(const char *path, char *text, size_t size);
int proc_write(const char *path, const char *text);
