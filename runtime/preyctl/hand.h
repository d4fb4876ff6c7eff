/* Programs sent over the control socket as sealed files in memory. */
#pragma once

#include <stddef.h>

/* Copy bytes into such a file. Return its descriptor to send with a question, which the caller closes; -1 after a
 * complaint. */
int hand_bytes(const void *bytes, size_t len);
/* Copy the file of a compiled program. The receiver checks its content. */
int hand_file(const char *path);
