/* See control.h. A socket without a listener is dead: connect is refused. */
#include "runtime/host/file/control.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/file/let_in.h"
#include "runtime/host/state.h"

enum { BACKLOG = 128 };

/* Make the path absolute, because it may be removed from another folder */
static int whole_path(const struct state *s, const char *path, struct sockaddr_un *a)
{
    char folder[PATH_MAX] = "";
    const char *own = state_path(s);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path && *path != '/' && !getcwd(folder, sizeof folder)) return -errno;
    const int len = path ? snprintf(a->sun_path, sizeof a->sun_path, "%s%s%s", folder, *folder ? "/" : "", path)
                         : snprintf(a->sun_path, sizeof a->sun_path, "%.*s.sock", (int)(strrchr(own, '.') - own), own);
    return len < (int)sizeof a->sun_path ? 0 : -ENAMETOOLONG;
}

/* True for a socket of this user without a listener */
static bool is_dead(const struct sockaddr_un *a)
{
    struct stat st;
    if (lstat(a->sun_path, &st) || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) return false;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const bool dead = connect(fd, (const struct sockaddr *)a, sizeof *a) && errno == ECONNREFUSED;
    close(fd);
    return dead;
}

/* Let the groups reach the socket: let them into the socket, and into prey's two folders if it is in them. */
static int groups_let_in(const struct sockaddr_un *a, const struct control_at *at)
{
    char folder[sizeof a->sun_path];
    int failed = 0;
    strcpy(folder, a->sun_path);
    for (unsigned i = 0; !at->path && i < 2 && !failed; i++) {
        *strrchr(folder, '/') = 0;
        failed = folder_let_in(folder, at->groups, at->group_count);
    }
    return failed ? failed : socket_let_in(a->sun_path, at->groups, at->group_count);
}

static int listen_at(const struct sockaddr_un *a, const struct control_at *at)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (is_dead(a)) unlink(a->sun_path);
    const mode_t before = umask(0177);
    int failed = bind(fd, (const struct sockaddr *)a, sizeof *a) ? -errno : 0;
    umask(before);
    const bool made = !failed;
    if (made) failed = groups_let_in(a, at);
    if (!failed && listen(fd, BACKLOG)) failed = -errno;
    if (!failed) return fd;
    if (made) unlink(a->sun_path);
    close(fd);
    return failed;
}

/* Note the name, then make the socket. */
static int listen_noted(struct state *s, const struct control_at *at, struct sockaddr_un *a)
{
    int fd = whole_path(s, at->path, a);
    if (!fd) fd = state_note(s, CHANGE_CONTROL, a->sun_path, "", "");
    return fd ? fd : listen_at(a, at);
}

int tap_listen(struct state *s, const char *path, char *err, size_t err_len)
{
    struct sockaddr_un a;
    const int fd = listen_noted(s, &(struct control_at){.path = path}, &a);
    if (fd < 0)
        snprintf(err, err_len, "--tap %.300s: %s", path,
                 fd == -EADDRINUSE     ? "the path is in use"
                 : fd == -ENAMETOOLONG ? "the path is too long for a socket"
                                       : strerror(-fd));
    return fd;
}

static void say_failed(const struct sockaddr_un *a, int failed, char *err, size_t err_len)
{
    if (failed == -EOPNOTSUPP)
        snprintf(err, err_len,
                 "control socket %s: its file system has no access control lists (ACLs), which --sets-group needs: "
                 "choose a path on another file system with --control PATH",
                 a->sun_path);
    else
        snprintf(err, err_len, "control socket %s: %s", a->sun_path, strerror(-failed));
}

int control_listen(struct state *s, const struct control_at *at, char *err, size_t err_len)
{
    struct sockaddr_un a;
    const int fd = listen_noted(s, at, &a);
    if (fd == -EADDRINUSE)
        snprintf(err, err_len, "control socket %s: the path is in use: choose another with --control PATH", a.sun_path);
    else if (fd == -ENAMETOOLONG)
        snprintf(err, err_len,
                 "control socket: the path is longer than %zu bytes, the system's limit: choose a shorter one with "
                 "--control PATH",
                 sizeof a.sun_path - 1);
    else if (fd < 0)
        say_failed(&a, fd, err, err_len);
    return fd;
}

/* Write the name of a control socket that is to replace another process's */
static void next_name(char *to, size_t len, const char *path) { snprintf(to, len, "%s.next", path); }

int control_listen_next(const struct state *s, const struct control_at *at, char *err, size_t err_len)
{
    struct sockaddr_un a;
    int fd = whole_path(s, at->path, &a);
    const size_t len = strlen(a.sun_path);
    if (!fd && len + sizeof ".next" > sizeof a.sun_path) fd = -ENAMETOOLONG;
    if (!fd) next_name(a.sun_path + len, sizeof a.sun_path - len, "");
    if (!fd) unlink(a.sun_path); /* left by a failed takeover */
    if (!fd) fd = listen_at(&a, at);
    if (fd < 0) say_failed(&a, fd, err, err_len);
    return fd;
}

void control_leave_next(const struct state *s, const char *path)
{
    struct sockaddr_un a;
    const size_t len = whole_path(s, path, &a) ? sizeof a.sun_path : strlen(a.sun_path);
    if (len + sizeof ".next" > sizeof a.sun_path) return;
    next_name(a.sun_path + len, sizeof a.sun_path - len, "");
    if (is_dead(&a)) unlink(a.sun_path);
}

int control_replace(const struct state *s, const char *path)
{
    struct sockaddr_un a;
    char next[sizeof a.sun_path + sizeof ".next"];
    const int failed = whole_path(s, path, &a);
    if (failed) return failed;
    next_name(next, sizeof next, a.sun_path);
    return rename(next, a.sun_path) ? -errno : 0;
}

int control_undo(const char *what, const char *before, const char *after)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(what) + sizeof ".next" <= sizeof a.sun_path) next_name(a.sun_path, sizeof a.sun_path, what);
    if (is_dead(&a)) unlink(a.sun_path); /* left by a killed takeover */
    snprintf(a.sun_path, sizeof a.sun_path, "%s", what);
    return is_dead(&a) && unlink(a.sun_path) ? -errno : 0;
}
