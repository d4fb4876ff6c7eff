/* Uses openat2(2), which follows no links, or else opens each part separately */
#include "runtime/host/file/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FOLDER_HOW = O_PATH | O_DIRECTORY | O_CLOEXEC };

char *folder_of(const char *path)
{
    char copy[PATH_MAX];
    return strlen(path) < sizeof copy ? realpath(dirname(strcpy(copy, path)), NULL) : NULL;
}

bool folder_is_below(const char *folder, const char *top)
{
    const size_t len = top ? strlen(top) : 0;
    return len && !strncmp(folder, top, len) && (!folder[len] || folder[len] == '/');
}

/* Open the folder part by part, if openat2 is forbidden (a container's filter of system calls). */
static int open_by_parts(char *path)
{
    int dir = open("/", FOLDER_HOW);
    for (char *rest, *part = strtok_r(path, "/", &rest); part && dir >= 0; part = strtok_r(NULL, "/", &rest)) {
        const int next = strcmp(part, "..") ? openat(dir, part, FOLDER_HOW | O_NOFOLLOW) : (errno = ELOOP, -1);
        const int failed = errno;
        close(dir);
        dir = next;
        errno = failed;
    }
    return dir < 0 ? (errno == ENOTDIR ? -ELOOP : -errno) : dir;
}

int folder_open(const char *folder)
{
    const struct open_how how = {.flags = FOLDER_HOW, .resolve = RESOLVE_NO_SYMLINKS};
    char copy[PATH_MAX];
    if (*folder != '/' || strlen(folder) >= sizeof copy) return -EINVAL;
    const long fd = syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof how);
    if (fd >= 0) return (int)fd;
    return errno == ENOSYS || errno == EPERM ? open_by_parts(strcpy(copy, folder)) : -errno;
}

bool known_has(const struct known_paths *k, const char *path)
{
    bool known = false;
    for (unsigned i = 0; i < k->count && !known; i++) known = !strcmp(k->all[i], path);
    return known;
}

void known_add(struct known_paths *k, const char *path)
{
    const bool full = k->count == sizeof k->all / sizeof *k->all;
    char *own = full || known_has(k, path) ? NULL : strdup(path);
    if (own) k->all[k->count++] = own;
}

void known_fini(struct known_paths *k)
{
    for (unsigned i = 0; i < k->count; i++) free(k->all[i]);
}

const char *folder_name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
