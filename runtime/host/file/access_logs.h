/* Access log files, opened for a process that may be hijacked: it names the files, and may write any bytes. So logs
 * must be in folders where such a file is harmless, and must not be files of other programs. */
#pragma once

#include <stddef.h>

struct access_logs; /* the known logs */

/* Make the set of known logs. program: path of the program's file, in whose folder logs may be, or NULL; also: another
 * allowed folder, or NULL. Both paths are resolved now. NULL: out of memory. */
struct access_logs *access_logs_new(const char *program, const char *also);
void access_logs_free(struct access_logs *a);

/* Allow a log that may have lines already, because an unrestricted process has named it */
void access_logs_know(struct access_logs *a, const char *path);

/* Open "syslog", or a regular file whose name ends in .log, in or below /var/log or `also`, or in the program's
 * folder. A relative name is resolved in the program's folder, else in the working directory. The file must be new,
 * empty, or known; it is known afterwards. Return a descriptor that appends, or a negative errno with one line in
 * err; the line is the same for a missing folder and a forbidden one. */
int access_logs_open(struct access_logs *a, const char *path, char *err, size_t err_len);

/* Test if access_logs_open would succeed, without making a file. Return its result, with the same line. */
int access_logs_look(const struct access_logs *a, const char *path, char *err, size_t err_len);

/* Rename a known log FILE to FILE.1, replacing an older one, and open a new FILE. Return the descriptor or a
 * negative errno with a line in err. */
int access_logs_turn(struct access_logs *a, const char *path, char *err, size_t err_len);
/* Return the path of a directory for bytes of connections, without links in front of its last part; the caller frees
 * it. NULL, with a line in err, if the place is forbidden. */
char *access_logs_folder(const struct access_logs *a, const char *path, char *err, size_t err_len);
