/* Sockets of programs in the middle (`-> program "SOCKET"`). This process connects to them for a process that may be
 * hijacked, which names the socket and talks to the process that listens. So the socket must be named by the rules
 * of the start, or be in a folder for such sockets; otherwise a hijacked process could talk to any service of the
 * host, with this process's credentials. */
#pragma once

#include <stddef.h>

struct middle_sockets; /* the known sockets */

/* Make the set. program: path of the program's file, in whose folder sockets may be, or NULL. NULL: out of memory. */
struct middle_sockets *middle_sockets_new(const char *program);
void middle_sockets_free(struct middle_sockets *m); /* NULL is fine */

/* Allow a socket, because an unrestricted process has named it */
void middle_sockets_know(struct middle_sockets *m, const char *path);

/* Test if a socket may be connected to: it is known, below /run/prey, or in the program's folder. Return 0, or a
 * negative errno with one line in err. */
int middle_sockets_look(const struct middle_sockets *m, const char *path, char *err, size_t err_len);
/* Connect two streams to such a socket, non-blocking. Return 0, or a negative errno with one line in err. */
int middle_sockets_connect(const struct middle_sockets *m, const char *path, int fds[2], char *err, size_t err_len);
