/* Being told when a file changes. */
#pragma once

#include <stdbool.h>

/* An inotify descriptor, of the file's folder, and, where it is a link, of its target's: it becomes readable when some
 * file there was written and closed, or was moved there. *linked: it is a link, so that any of them may be meant. Or a
 * negative errno: there is no such folder. */
int watch_file(const char *path, bool *linked);
