/* A process that waits, with the privileges that the parent gives up, to become another preyrun with the same
 * command line: the parent starts that once the service has crashed. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define STARTER_NAME "prey-starter" /* name of the process while it waits */
#define STARTER_SOCKET                                                                                                 \
    "PREYRUN_AFTER_A_CRASH" /* environment variable with the sockets by which that preyrun takes over and reports its  \
                               end */

struct starter {
    int fd;    /* socket to the process; -1: there is no process */
    pid_t pid; /* the process that will be that preyrun */
};

/* Start the process; call it first, because it keeps open descriptors. On failure, fd is -1 with errno. */
struct starter starter_begin(void);
/* Make the process become that preyrun, which uses this socket; the descriptor stays the caller's. Return 0 or a
 * negative errno. */
int starter_start(const struct starter *s, int with);
/* Give it this process's standard output and error, which a takeover has exchanged: otherwise it would keep those of
 * `preyctl takeover` open. Return 0 or a negative errno. */
int starter_streams(const struct starter *s);
/* In such a preyrun: return the socket by which it takes over, once; -1: not such a preyrun. */
int starter_socket(void);
/* Report the exit status to the process that started it; NULL: another process reports it. */
void starter_said(const int32_t *status);
/* Close the descriptor; the process ends if no other process holds it. */
void starter_leave(struct starter *s);
