/* Files of access logs, opened for a process that may be in an attacker's hands: it names them, and writes to them what
 * it likes. So they lie where nobody takes such a file for anything else, and no file of others is one. */
#pragma once

#include <stddef.h>

struct access_logs; /* which are known */

/* program: path of the program's file, beside which they may lie, or NULL; also: a folder besides, or NULL. Both are
 * looked up now. NULL: memory is out. */
struct access_logs *access_logs_new(const char *program, const char *also);
void access_logs_free(struct access_logs *a);

/* This one may hold lines already: whoever may write everywhere has named it. */
void access_logs_know(struct access_logs *a, const char *path);

/* "syslog", or a regular file whose name ends in .log, in or below /var/log or `also`, or right beside the program: one
 * that was not there, is empty, or is known; from then on it is. A descriptor that appends, or a negative errno with
 * one line in err, which is the same for a folder that is not there and for one where they may not lie. */
int access_logs_open(struct access_logs *a, const char *path, char *err, size_t err_len);

/* Would that one be opened? Nothing is made. 0, or what access_logs_open would return, with its line. */
int access_logs_look(const struct access_logs *a, const char *path, char *err, size_t err_len);
