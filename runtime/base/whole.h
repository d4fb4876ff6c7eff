/* Writing and reading all of something, however few bytes the kernel takes or gives at once. */
#pragma once

#include <stddef.h>

/* `len` bytes into a file, a pipe or a socket that blocks; a signal does not end it. 0, or -errno: then some of them
 * may have been written. */
int write_whole(int fd, const void *bytes, size_t len);

/* All of a file, wherever its offset is, or what comes of a pipe up to its end; a zero behind it, the caller's to free.
 * NULL: errno says why; EFBIG: it is more than `most` bytes. */
char *read_whole(int fd, size_t most, size_t *len);
