/* Files: all of one written or read, however few bytes the kernel takes or gives at once; a program's name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* `len` bytes into a file, a pipe or a socket that blocks; a signal does not end it. 0, or -errno: then some of them
 * may have been written. */
int write_whole(int fd, const void *bytes, size_t len);

/* All of a file, wherever its offset is, or what comes of a pipe up to its end; a zero behind it, the caller's to free.
 * NULL: errno says why; EFBIG: it is more than `most` bytes. */
char *read_whole(int fd, size_t most, size_t *len);

/* Could this process make a file in that folder? 0 or a negative errno: -ENOSPC, nothing more fits there. */
int folder_takes(const char *path);

/* Is that the name of a compiled program? False of a file of rules (.prey): err says in a line what compiles it. */
bool rules_are_compiled(const char *path, char *err, size_t err_len);
