/* flock(2) marks an owner; a file that was meanwhile removed is not used */
#include "runtime/host/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_MOST (1u << 20) /* bytes of a state file */

bool state_is_name(const char *name)
{
    const size_t len = strlen(name);
    if (len == 0 || len > 64 || name[0] == '.') return false;
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/') return false;
    return true;
}

int state_folder(const char *run, char path[PATH_MAX])
{
    struct stat ns;
    if (stat("/proc/self/ns/net", &ns)) return -errno;
    const int len = snprintf(path, PATH_MAX, "%s/%lu", run, (unsigned long)ns.st_ino);
    return len < PATH_MAX - 80 ? 0 : -ENAMETOOLONG;
}

int state_path_of(const char *run, const char *name, char path[PATH_MAX])
{
    const int failed = state_is_name(name) ? state_folder(run, path) : -EINVAL;
    if (!failed) snprintf(path + strlen(path), 80, "/%s.state", name);
    return failed;
}

int state_make_folder(const char *run, const char *name, char path[PATH_MAX])
{
    int failed = state_path_of(run, name, path);
    if (failed) return failed;
    char *const slash = strrchr(path, '/');
    if (mkdir(run, 0755) && errno != EEXIST) failed = -errno;
    *slash = 0;
    if (!failed && mkdir(path, 0700) && errno != EEXIST) failed = -errno;
    *slash = '/';
    return failed;
}

bool state_is_current(int fd, const char *path)
{
    struct stat a, b;
    return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int state_take(const char *path, int flags)
{
    for (;;) {
        const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
        if (fd < 0) return -errno;
        const int failed = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
        if (!failed && state_is_current(fd, path)) return fd;
        close(fd);
        if (failed) return failed;
    }
}

char *state_read(int fd)
{
    char *text = malloc(STATE_MOST + 1);
    if (!text) return NULL;
    const ssize_t len = pread(fd, text, STATE_MOST, 0);
    text[len > 0 ? len : 0] = 0;
    return text;
}

char *state_read_at(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *text = fd >= 0 ? state_read(fd) : NULL;
    if (fd >= 0) close(fd);
    return text;
}

long state_owner_of(const char *path)
{
    char *text = state_read_at(path);
    const long pid = state_number(text, "pid\t");
    free(text);
    return pid;
}

bool state_is_owned(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool owned = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
    if (fd >= 0) close(fd);
    return owned;
}

long state_number(const char *text, const char *word)
{
    long found = 0;
    for (const char *line = text; line && !found; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, word, strlen(word))) found = strtol(line + strlen(word), NULL, 10);
    }
    return found;
}

void state_cut(char *line, char *word[4])
{
    word[0] = line + 1;
    for (int i = 1; i < 4; i++) {
        char *tab = word[i - 1] ? strchr(word[i - 1], '\t') : NULL;
        if (tab) *tab = 0;
        word[i] = tab ? tab + 1 : NULL;
    }
}

bool state_is_line(const char *line)
{
    unsigned tabs = 0, ends = 0;
    for (const char *c = line; *c; c++) {
        tabs += *c == '\t';
        ends += *c == '\n';
    }
    return tabs == 3 && ends == 1;
}

int state_append(int fd, const char *line)
{
    const off_t end = lseek(fd, 0, SEEK_END), len = (off_t)strlen(line);
    if (end < 0) return -errno;
    if (end + len > STATE_MOST) return -EFBIG;
    const ssize_t written = pwrite(fd, line, (size_t)len, end);
    if (written == len) return 0;
    const int failed = written < 0 ? -errno : -ENOSPC;
    return ftruncate(fd, end) ? -errno : failed;
}

bool state_has_line(int fd, const char *line)
{
    char *text = state_read(fd);
    bool found = false;
    for (const char *at = text; at && !found; at = strchr(at, '\n')) {
        at += *at == '\n';
        found = !strncmp(at, line, strlen(line));
    }
    free(text);
    return found;
}

bool state_instance(const char *file, char name[80])
{
    if (sscanf(file, "%79[^/]", name) != 1) return false;
    char *end = strrchr(name, '.');
    if (!end || strcmp(end, ".state") != 0) return false;
    *end = 0;
    return true;
}
