/* The file of the control socket */
#pragma once

#include <stddef.h>

#include "runtime/base/options/sets_group.h"

struct state;

/* Path of the control socket, and who may connect. */
struct control_at {
    const char *path; /* NULL: NAME.sock beside the state file */
    const struct sets_group
        *groups; /* groups admitted beside the owner, who may also pass the folders of that default */
    unsigned group_count;
};

/* Listen on a Unix socket at `path`, only for its owner (0600) and the groups. A dead process's socket is replaced,
 * any other file is not. The name is recorded and removed on undo. Return the descriptor, which the caller closes,
 * or a negative errno and one line in err. */
int control_listen(struct state *s, const struct control_at *at, char *err, size_t err_len);
/* The same beside the socket of another process, which control_replace atomically replaces, so that there is always
 * a socket. Nothing is recorded. */
int control_listen_next(const struct state *s, const struct control_at *at, char *err, size_t err_len);
int control_replace(const struct state *s, const char *path); /* 0, or a negative errno */
/* Remove the unused socket of control_listen_next, once nothing listens there. */
void control_leave_next(const struct state *s, const char *path);
/* The same for a socket of --tap, at `path`. */
int tap_listen(struct state *s, const char *path, char *err, size_t err_len);
