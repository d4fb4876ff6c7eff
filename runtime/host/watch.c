/* See watch.h. Folders are watched, not the file, which editors and preyc replace by another. */
#include "runtime/host/watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "runtime/host/file/folder.h"

/* Watch the path's folder. Return the watch's number, or a negative errno. */
static int watch_add(int fd, const char *path)
{
    char folder[PATH_MAX];
    if (strlen(path) >= sizeof folder) return -ENAMETOOLONG;
    strcpy(folder, path);
    const int wd = inotify_add_watch(fd, dirname(folder),
                                     IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    return wd < 0 ? -errno : wd;
}

int watch_file(const char *path, bool *linked)
{
    const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return -errno;
    char *target = realpath(path, NULL); /* NULL: missing now */
    const int first = watch_add(fd, path), second = target ? watch_add(fd, target) : first;
    *linked = target && (first != second || strcmp(folder_name_in(path), folder_name_in(target)) != 0);
    free(target);
    if (first >= 0 || second >= 0) return fd;
    close(fd);
    return first;
}
