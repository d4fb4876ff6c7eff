/* A process without a parent in prey: the service manager adopts it, and is notified of its end. */
#pragma once

#include <sys/types.h>

/* Fork twice. Return 0 in the new process, its pid in the caller, or a negative errno. *fd: in each process, its end
 * of a socket pair between the two, close-on-exec; unset on failure. */
pid_t fork_apart(int *fd);
