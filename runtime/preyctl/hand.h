/* Programs sent over the control socket as sealed files in memory. */
#pragma once

#include <stddef.h>

/* Return a descriptor to send with a question, which the caller closes; -1 after a complaint. */
int hand_bytes(const void *bytes, size_t len);
/* The same for the file of a compiled program. Its content is checked by the receiver. */
int hand_file(const char *path);
