/* Notification when a file changes */
#pragma once

#include <stdbool.h>

/* Return an inotify descriptor for the file's folder and, for a link, its target's folder, or a negative errno if
 * there is no folder. It is readable when some file there was written and closed, or moved there. *linked: the file
 * is a link, so the event may be for any of these files. */
int watch_file(const char *path, bool *linked);
