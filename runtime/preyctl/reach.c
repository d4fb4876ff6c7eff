/* Search for an instance. Sockets of a network namespace are /run/prey/INODE/NAME.sock (runtime/host/state.h). */
#include "runtime/preyctl/reach.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) return -ENAMETOOLONG;
    strcpy(a.sun_path, path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (!connect(fd, (const struct sockaddr *)&a, sizeof a)) return fd;
    const int failed = -errno;
    close(fd);
    return failed;
}

/* Report that this user has no access to the socket or its folder. */
static void deny(const char *path, char *err, size_t err_len)
{
    snprintf(err, err_len,
             "permission denied: only root, the user who started preyrun, and groups of --sets-group may ask preyrun "
             "(%.300s); to ask as root, run preyctl with sudo",
             path);
}

static int reach_path(const char *path, char *err, size_t err_len)
{
    const int fd = connect_to(path);
    if (fd >= 0) return fd;
    if (fd == -ENOENT || fd == -ECONNREFUSED)
        snprintf(err, err_len, "no preyrun listens at %.300s", path);
    else if (fd == -EACCES)
        deny(path, err, err_len);
    else
        snprintf(err, err_len, "%.300s: %s", path, strerror(-fd));
    return -1;
}

struct found {
    char names[400];
    unsigned count;
    int fd; /* connection to the first instance; -1: none */
};

static int is_socket(const struct dirent *e)
{
    const size_t len = strlen(e->d_name);
    return len > strlen(".sock") && !strcmp(e->d_name + len - strlen(".sock"), ".sock");
}

static void look_at(struct found *f, const char *folder, const char *file)
{
    char path[400];
    snprintf(path, sizeof path, "%.100s/%.255s", folder, file);
    const int fd = connect_to(path);
    if (fd < 0) return; /* the socket is dead, or not prey's */
    const size_t used = strlen(f->names);
    snprintf(f->names + used, sizeof f->names - used, "%s%.*s", used ? ", " : "", (int)(strlen(file) - strlen(".sock")),
             file);
    f->count++;
    if (f->fd < 0)
        f->fd = fd;
    else
        close(fd);
}

static int reach_only(const char *folder, char *err, size_t err_len)
{
    struct found f = {.fd = -1};
    struct dirent **all = NULL;
    const int count = scandir(folder, &all, is_socket, alphasort), failed = errno;
    for (int i = 0; i < count; i++) {
        look_at(&f, folder, all[i]->d_name);
        free(all[i]);
    }
    free(all);
    if (f.count == 1) return f.fd;
    if (f.count) close(f.fd);
    if (f.count)
        snprintf(err, err_len, "several preyrun processes run here; choose one with --name: %s", f.names);
    else if (count < 0 && failed == EACCES)
        deny(folder, err, err_len);
    else
        snprintf(err, err_len, "no preyrun runs in this network namespace; to reach one elsewhere, use --control PATH");
    return -1;
}

/* Report the command that opens interfaces which a former run of the name left shut, if its record exists. */
static void say_left(const char *folder, const char *name, char *err, size_t err_len)
{
    char record[400];
    const size_t len = strlen(err);
    snprintf(record, sizeof record, "%s/%.255s.state", folder, name);
    if (access(record, F_OK)) return;
    snprintf(err + len, err_len - len,
             "; to open interfaces that an earlier run left shut, use preyrun --cleanup --name %s", name);
}

int reach(const struct command_line *line, char *err, size_t err_len)
{
    struct stat ns;
    char folder[100], path[400];
    if (line->control) return reach_path(line->control, err, err_len);
    if (stat("/proc/self/ns/net", &ns)) {
        snprintf(err, err_len, "/proc/self/ns/net: %s", strerror(errno));
        return -1;
    }
    snprintf(folder, sizeof folder, "/run/prey/%lu", (unsigned long)ns.st_ino);
    if (!line->name) return reach_only(folder, err, err_len);
    snprintf(path, sizeof path, "%s/%.255s.sock", folder, line->name);
    const int fd = reach_path(path, err, err_len);
    if (fd < 0) say_left(folder, line->name, err, err_len);
    return fd;
}
