/* Logs are allowed in /var/log, in a folder that the start names, and in the program's own; no link is followed */
#include "runtime/host/file/access_logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/host/file/folder.h"
#include "runtime/host/sinks.h"

enum { REGULAR_OPEN = O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW };

struct access_logs {
    char *beside, *also; /* absolute paths without links, or NULL */
    struct known_paths known;
};

struct access_logs *access_logs_new(const char *program, const char *also)
{
    struct access_logs *a = calloc(1, sizeof *a);
    if (a && program) a->beside = folder_of(program);
    if (a && also) a->also = realpath(also, NULL);
    return a;
}

void access_logs_free(struct access_logs *a)
{
    if (!a) return;
    known_fini(&a->known);
    free(a->beside);
    free(a->also);
    free(a);
}

void access_logs_know(struct access_logs *a, const char *path) { known_add(&a->known, path); }

static bool may_lie(const struct access_logs *a, const char *folder)
{
    char *logs = realpath("/var/log", NULL);
    const bool may =
        folder_is_below(folder, logs) || folder_is_below(folder, a->also) || (a->beside && !strcmp(folder, a->beside));
    free(logs);
    return may;
}

static bool is_copies(const char *path)
{
    const size_t len = strlen(path);
    return len > 7 && !strcmp(path + len - 7, ".pcapng");
}

/* Open a log in the folder, whose path has no link; a file of copies is opened for reading, too, to look at its end */
static int open_log(const char *folder, const char *name, bool known)
{
    struct stat what;
    const int dir = folder_open(folder);
    if (dir < 0) return dir;
    const int how = REGULAR_OPEN | (is_copies(name) ? O_RDWR : O_WRONLY);
    int fd = openat(dir, name, how | O_CREAT | O_EXCL, 0640);
    if (fd < 0 && errno == EEXIST) fd = openat(dir, name, how);
    int failed = fd < 0 ? -errno : fstat(fd, &what) ? -errno : 0;
    close(dir);
    if (!failed && !S_ISREG(what.st_mode)) failed = -EINVAL;
    if (!failed && what.st_size && !known) failed = -EEXIST;
    if (failed && fd >= 0) close(fd);
    return failed ? failed : fd;
}

/* Return the real folder of a file, which the caller frees; a relative name is resolved in the program's folder. */
static char *folder_from(const struct access_logs *a, const char *path)
{
    char *whole = NULL, *folder;
    if (*path == '/' || !a->beside) return folder_of(path);
    if (asprintf(&whole, "%s/%s", a->beside, path) < 0) return NULL;
    folder = folder_of(whole);
    free(whole);
    return folder;
}

static int log_fault(int failed, const char *path, char *err, size_t err_len)
{
    const char *why = strerror(-failed);
    if (failed == -EINVAL) why = "not a regular file";
    if (failed == -EEXIST)
        why = "the file has lines of another program: move the file away, or restart preyrun with these rules";
    snprintf(err, err_len, "%.300s: %s", path, why);
    return failed;
}

/* Return the folder for an access log, which the caller frees. NULL if the folder or the name is not allowed, with a
 * line in err and *failed set. */
static char *folder_for(const struct access_logs *a, const char *path, int *failed, char *err, size_t err_len)
{
    const size_t len = strlen(path);
    *failed = -EINVAL;
    const bool log = len > 4 && !strcmp(path + len - 4, ".log"), lines = len > 6 && !strcmp(path + len - 6, ".jsonl");
    if (!log && !lines && !is_copies(path)) {
        snprintf(err, err_len, "%.300s: the name of an access log must end in .log, .jsonl or .pcapng", path);
        return NULL;
    }
    char *folder = folder_from(a, path);
    if (folder && may_lie(a, folder)) return folder;
    free(folder);
    *failed = -EACCES;
    snprintf(err, err_len,
             "%.300s: %s must be below /var/log, in the folder of the program's file, or below "
             "the folder of "
             "--access-logs",
             path, is_copies(path) ? "a file of copies" : "an access log");
    return NULL;
}

int access_logs_open(struct access_logs *a, const char *path, char *err, size_t err_len)
{
    int fd;
    if (sink_kind(path) == SINK_SYSLOG) {
        fd = sink_descriptor(path);
        return fd < 0 ? log_fault(fd, path, err, err_len) : fd;
    }
    char *folder = folder_for(a, path, &fd, err, err_len);
    if (!folder) return fd;
    fd = open_log(folder, folder_name_in(path), known_has(&a->known, path));
    if (fd < 0)
        log_fault(fd, path, err, err_len);
    else
        access_logs_know(a, path);
    free(folder);
    return fd;
}

int access_logs_look(const struct access_logs *a, const char *path, char *err, size_t err_len)
{
    struct stat what;
    int failed = 0;
    if (sink_kind(path) == SINK_SYSLOG) return 0;
    char *folder = folder_for(a, path, &failed, err, err_len);
    if (!folder) return failed;
    const int dir = folder_open(folder);
    failed = dir < 0 ? dir : 0;
    if (!failed && fstatat(dir, folder_name_in(path), &what, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISLNK(what.st_mode))
            failed = -ELOOP;
        else if (!S_ISREG(what.st_mode))
            failed = -EINVAL;
        else if (what.st_size && !known_has(&a->known, path))
            failed = -EEXIST;
    }
    if (dir >= 0) close(dir);
    free(folder);
    return failed ? log_fault(failed, path, err, err_len) : 0;
}

int access_logs_turn(struct access_logs *a, const char *path, char *err, size_t err_len)
{
    char before[NAME_MAX + 1];
    int failed = 0;
    char *folder = folder_for(a, path, &failed, err, err_len);
    if (!folder) return failed;
    const char *name = folder_name_in(path);
    const int len = snprintf(before, sizeof before, "%s.1", name);
    const int dir = folder_open(folder);
    failed = dir < 0 ? dir : len >= (int)sizeof before ? -ENAMETOOLONG : 0;
    if (!failed && !known_has(&a->known, path)) failed = -EEXIST;
    if (!failed && renameat(dir, name, dir, before) && errno != ENOENT) failed = -errno;
    if (dir >= 0) close(dir);
    if (!failed) failed = open_log(folder, name, true);
    free(folder);
    return failed < 0 ? log_fault(failed, path, err, err_len) : failed;
}

char *access_logs_folder(const struct access_logs *a, const char *path, char *err, size_t err_len)
{
    const char *name = folder_name_in(path);
    char *folder = folder_from(a, path), *whole = NULL;
    const bool named = *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    if (!folder || !named || !may_lie(a, folder))
        snprintf(err, err_len,
                 "%.300s: bytes of connections must be below /var/log, in the folder of the program's file, or below "
                 "the folder of --access-logs",
                 path);
    else if (asprintf(&whole, "%s/%s", folder, name) < 0)
        whole = NULL;
    free(folder);
    return whole;
}
