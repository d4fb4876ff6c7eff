/* File names are made only here, from numbers; the directory is checked, and locked while it is used */
#include "runtime/host/file/recordings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/files.h"

void recording_name(uint64_t number, char name[RECORDING_NAME])
{
    snprintf(name, RECORDING_NAME, "prey-%06llu.pcapng", (unsigned long long)number);
}

uint64_t recording_number(const char *name)
{
    char same[RECORDING_NAME];
    if (strncmp(name, "prey-", 5) != 0 || name[5] < '0' || name[5] > '9') return 0;
    errno = 0;
    const uint64_t number = strtoull(name + 5, NULL, 10);
    recording_name(number, same);
    return errno || strcmp(name, same) != 0 ? 0 : number;
}

uint64_t recording_there(int dir, const char *name, uint64_t *bytes)
{
    const uint64_t number = recording_number(name);
    struct stat st;
    if (!number || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) return 0;
    *bytes = (uint64_t)st.st_size;
    return number;
}

static DIR *list_folder(int dir)
{
    const int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const int failed = errno;
    if (!d && fd >= 0) close(fd);
    errno = failed;
    return d;
}

/* Limit the number of files, because the asking process may ask for any number. Return 0 or a negative errno. */
static int may_make(int dir)
{
    unsigned count = 0;
    DIR *d = list_folder(dir);
    if (!d) return -errno;
    for (const struct dirent *e; count < RECORDINGS_MOST && (e = readdir(d));) count += recording_number(e->d_name) > 0;
    closedir(d);
    return count < RECORDINGS_MOST ? 0 : -EDQUOT;
}

int record_open_file(int dir, uint64_t number, bool make)
{
    char name[RECORDING_NAME];
    const int refused = make ? may_make(dir) : 0;
    if (refused) return refused;
    recording_name(number, name);
    const int how = make ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY;
    const int fd = openat(dir, name, how | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : fd;
}

int record_shorten_file(int dir, uint64_t number, uint64_t bytes)
{
    char name[RECORDING_NAME];
    struct stat what;
    recording_name(number, name);
    const int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return -errno;
    int failed = fstat(fd, &what) ? -errno : !S_ISREG(what.st_mode) || bytes > (uint64_t)what.st_size ? -EINVAL : 0;
    if (!failed && ftruncate(fd, (off_t)bytes)) failed = -errno;
    close(fd);
    return failed;
}

void record_remove_file(int dir, uint64_t number)
{
    char name[RECORDING_NAME];
    recording_name(number, name);
    unlinkat(dir, name, 0);
}

int record_remove_spare(int dir, uint64_t number)
{
    bool newer = false, older = false, empty = false;
    DIR *d = list_folder(dir);
    if (!d) return -errno;
    for (const struct dirent *e; (e = readdir(d));) {
        uint64_t bytes;
        const uint64_t other = recording_there(dir, e->d_name, &bytes);
        newer |= other > number;
        older |= other && other < number;
        empty |= other && other == number && !bytes;
    }
    closedir(d);
    if ((older || !newer) && !empty) return -EPERM;
    record_remove_file(dir, number);
    return 0;
}

static int fail(char *err, size_t err_len, const char *path, int failed)
{
    snprintf(err, err_len, "%.200s: %s", path, strerror(-failed));
    return failed;
}

/* Check that only the owner can use the directory: recordings are private */
static int check_owner(int dir, const char *path, char *err, size_t err_len)
{
    struct stat st;
    if (fstat(dir, &st)) return fail(err, err_len, path, -errno);
    if (st.st_uid != geteuid()) {
        snprintf(err, err_len, "%.200s: the directory belongs to another user: name a directory of yours, or a new one",
                 path);
        return -EPERM;
    }
    if (!(st.st_mode & 077)) return 0;
    snprintf(err, err_len, "%.200s: other users may read the directory; to fix it, run: chmod 700 %.200s", path, path);
    return -EPERM;
}

/* Lock the directory until it is closed: otherwise two processes could use the same numbers */
static int lock_folder(int dir, const char *path, char *err, size_t err_len)
{
    if (!flock(dir, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) return 0; /* not every file system has locks */
    snprintf(err, err_len, "%.200s: another preyrun records in this directory", path);
    return -EBUSY;
}

int recordings_open(const char *path, bool make, char *err, size_t err_len)
{
    if (make && mkdir(path, 0700) && errno != EEXIST) return fail(err, err_len, path, -errno);
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return fail(err, err_len, path, -errno);
    int failed = make ? check_owner(dir, path, err, err_len) : 0;
    if (!failed && make) failed = lock_folder(dir, path, err, err_len);
    if (failed) close(dir);
    return failed ? failed : dir;
}

int recordings_look(const char *path, char *err, size_t err_len)
{
    char up[PATH_MAX];
    snprintf(up, sizeof up, "%s", path);
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 && errno != ENOENT) return fail(err, err_len, path, -errno);
    int failed = dir < 0 ? 0 : check_owner(dir, path, err, err_len);
    if (!failed && dir >= 0) failed = lock_folder(dir, path, err, err_len);
    if (dir >= 0) close(dir);
    if (failed) return failed;
    failed = folder_takes(dir < 0 ? dirname(up) : path);
    return failed ? fail(err, err_len, path, failed) : 0;
}

const char *recordings_mend(int failed)
{
    return failed == -ENOSPC ? "make room there, or name another directory" : "";
}
