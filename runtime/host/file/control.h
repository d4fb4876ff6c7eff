/* The file of the control socket. */
#pragma once

#include <stddef.h>

struct state;

/* A Unix socket that listens at `path`, for its owner alone (0600); NULL: beside the state file, as NAME.sock. What a
 * dead process left there gives way, nothing else does. It is recorded, and its name goes when that is undone. The
 * descriptor, the caller's to close, or a negative errno and one line in err. */
int control_listen(struct state *s, const char *path, char *err, size_t err_len);
