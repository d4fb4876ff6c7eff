/* Programs that go over the control socket: as files in memory that nobody can change any more. */
#pragma once

#include <stddef.h>

/* A descriptor to go with a question, the caller's to close; -1, and it was told why not. */
int hand_bytes(const void *bytes, size_t len);
/* The same of a compiled program's file, whatever it holds: who is asked looks at it. */
int hand_file(const char *path);
