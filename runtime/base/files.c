/* Loops around read(2) and write(2); an append that the disk cuts short is kept and finished by the next one */
#include "runtime/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Write the bytes after the first *done, and move *done on. Return 0 or -errno. */
static int write_on(int fd, const void *bytes, size_t len, size_t *done)
{
    while (*done < len) {
        const ssize_t n = write(fd, (const char *)bytes + *done, len - *done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n ? -errno : -EIO;
        *done += (size_t)n;
    }
    return 0;
}

int write_whole(int fd, const void *bytes, size_t len)
{
    size_t done = 0;
    return write_on(fd, bytes, len, &done);
}

/* Handle a write of which the disk took only `done` bytes. Return 0 if the rest waits, else the error. */
static int append_part(struct appended *a, int fd, const void *bytes, size_t len, size_t done, int failed)
{
    struct stat st;
    if (a->cuts) {
        if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size >= (off_t)done)
            (void)!ftruncate(fd, st.st_size - (off_t)done);
        return failed;
    }
    a->len = len - done;
    a->rest = malloc(a->len);
    if (!a->rest) return failed;
    memcpy(a->rest, (const char *)bytes + done, a->len);
    return 0;
}

/* Write the pending bytes. */
static int append_rest(struct appended *a, int fd)
{
    size_t done = 0;
    if (!a->rest) return 0;
    const int failed = write_on(fd, a->rest, a->len, &done);
    a->len -= done;
    if (failed) {
        memmove(a->rest, (char *)a->rest + done, a->len);
        return failed;
    }
    free(a->rest);
    a->rest = NULL;
    return 0;
}

int append_whole(struct appended *a, int fd, const void *bytes, size_t len)
{
    size_t done = 0;
    int failed = append_rest(a, fd);
    if (failed) return failed;
    failed = write_on(fd, bytes, len, &done);
    return failed && done ? append_part(a, fd, bytes, len, done, failed) : failed;
}

size_t append_end(struct appended *a, int fd)
{
    const size_t lost = append_rest(a, fd) ? a->len : 0;
    free(a->rest);
    a->rest = NULL;
    return lost;
}

int open_refused(int failed, const char *path, char *err, size_t err_len)
{
    snprintf(err, err_len, "%.400s: %s", path, failed == -ENODEV ? "not a regular file" : strerror(-failed));
    return failed;
}

int open_turned(const char *path, int flags, bool turn, char *err, size_t err_len)
{
    char before[PATH_MAX + 2];
    struct stat st;
    snprintf(before, sizeof before, "%s.1", path);
    if (turn && rename(path, before) && errno != ENOENT) return open_refused(-errno, path, err, err_len);
    const int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0) return open_refused(errno == ENXIO ? -ENODEV : -errno, path, err, err_len);
    const int failed = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -ENODEV;
    if (failed) close(fd);
    return failed ? open_refused(failed, path, err, err_len) : fd;
}

char *read_whole(int fd, size_t most, size_t *len)
{
    size_t room = 0;
    char *text = NULL;
    for (*len = 0;;) {
        if (*len == room) {
            room = room < most / 2 ? 2 * room + 65536 : most + 1;
            char *more = *len > most ? NULL : realloc(text, room + 1);
            if (*len > most) errno = EFBIG;
            if (!more) break;
            text = more;
        }
        ssize_t n = pread(fd, text + *len, room - *len, (off_t)*len);
        if (n < 0 && errno == ESPIPE) n = read(fd, text + *len, room - *len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        *len += (size_t)n;
        text[*len] = 0;
        if (n == 0) return text;
    }
    free(text);
    return NULL;
}

int close_failed(int fd)
{
    const int failed = -errno;
    close(fd);
    return failed;
}

int folder_takes(const char *path)
{
    struct statvfs at;
    if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) || statvfs(path, &at)) return -errno;
    const bool room = geteuid() ? at.f_bavail : at.f_bfree; /* bfree counts blocks reserved for root, too */
    const bool names = at.f_ffree || !at.f_files;           /* some file systems report no inode counts */
    return (room || !at.f_blocks) && names ? 0 : -ENOSPC;
}

bool path_is_compiled(const char *path, char *err, size_t err_len)
{
    const size_t len = strlen(path), tail = strlen(".prey");
    if (len <= tail || strcmp(path + len - tail, ".prey") != 0 || faccessat(AT_FDCWD, path, F_OK, AT_EACCESS))
        return true;
    snprintf(err, err_len, "%.200s is a rule file, not a compiled program; compile it first: preyc %.200s -o %.*s.pbc",
             path, path, (int)(len - tail), path);
    return false;
}
