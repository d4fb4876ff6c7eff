/* Writing all of something, however few bytes the kernel takes at once. */
#pragma once

#include <stddef.h>

/* `len` bytes into a file, a pipe or a socket that blocks; a signal does not end it. 0, or -errno: then some of them
 * may have been written. */
int write_whole(int fd, const void *bytes, size_t len);
