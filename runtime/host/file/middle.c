/* Sockets are opened by O_PATH and connected to through /proc/self/fd, so that no file can be exchanged in between */
#include "runtime/host/file/middle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/host/file/folder.h"

#define FOLDER "/run/prey"

struct middle_sockets {
    char *beside; /* folder of the program's file, without links, or NULL */
    struct known_paths known;
};

struct middle_sockets *middle_sockets_new(const char *program)
{
    struct middle_sockets *m = calloc(1, sizeof *m);
    if (m && program) m->beside = folder_of(program);
    return m;
}

void middle_sockets_free(struct middle_sockets *m)
{
    if (!m) return;
    known_fini(&m->known);
    free(m->beside);
    free(m);
}

void middle_sockets_know(struct middle_sockets *m, const char *path) { known_add(&m->known, path); }

/* Return the folder of a socket that is allowed, which the caller frees; NULL if no allowed socket exists */
static char *folder_for(const struct middle_sockets *m, const char *path)
{
    char *folder = folder_of(path);
    const bool may = folder && (known_has(&m->known, path) || folder_is_below(folder, FOLDER) ||
                                (m->beside && !strcmp(folder, m->beside)));
    if (may) return folder;
    free(folder);
    return NULL;
}

int middle_sockets_look(const struct middle_sockets *m, const char *path, char *err, size_t err_len)
{
    if (known_has(&m->known, path)) return 0;
    char *folder = folder_for(m, path);
    free(folder);
    if (folder) return 0;
    snprintf(err, err_len,
             "%.300s: a program's socket must be below " FOLDER
             ", in the folder of the program's file, or named by the "
             "rules that preyrun was started with",
             path);
    return -EACCES;
}

/* Connect to a socket that is open by O_PATH, so that no process can put another file in its place */
static int stream_to(int socket_fd)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct stat what;
    if (fstat(socket_fd, &what)) return -errno;
    if (!S_ISSOCK(what.st_mode)) return -ENOTSOCK;
    snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d", socket_fd);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (!connect(fd, (const struct sockaddr *)&to, sizeof to)) return fd;
    const int failed = -errno;
    close(fd);
    return failed;
}

static int open_path(const char *folder, const char *name)
{
    const int dir = folder_open(folder);
    if (dir < 0) return dir;
    const int fd = openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW), failed = -errno;
    close(dir);
    return fd < 0 ? failed : fd;
}

static int connect_two(int socket_fd, int fds[2])
{
    fds[0] = stream_to(socket_fd);
    if (fds[0] < 0) return fds[0];
    fds[1] = stream_to(socket_fd);
    if (fds[1] < 0) close(fds[0]);
    return fds[1] < 0 ? fds[1] : 0;
}

int middle_sockets_connect(const struct middle_sockets *m, const char *path, int fds[2], char *err, size_t err_len)
{
    const int refused = middle_sockets_look(m, path, err, err_len);
    if (refused) return refused;
    char *folder = folder_for(m, path);
    const int fd = folder ? open_path(folder, folder_name_in(path)) : -ENOENT;
    const int failed = fd < 0 ? fd : connect_two(fd, fds);
    free(folder);
    if (fd >= 0) close(fd);
    if (failed) snprintf(err, err_len, "%.300s: %s", path, strerror(-failed));
    return failed;
}
