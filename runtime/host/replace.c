/* See replace.h. Writes another file beside the old one, then renames it. */
#include "runtime/host/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/files.h"

/* Make the folder's entry survive a power cut; not every file system can sync a folder */
static void sync_folder(char *path)
{
    char *const slash = strrchr(path, '/');
    slash[slash == path] = 0;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

/* target: without links */
static int replace(const char *target, const void *bytes, size_t len)
{
    char beside[4096 + 8];
    struct stat st;
    if (stat(target, &st)) return -errno;
    if (!S_ISREG(st.st_mode)) return -EINVAL;
    if (snprintf(beside, sizeof beside, "%s.XXXXXX", target) >= (int)sizeof beside) return -ENAMETOOLONG;
    const int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) return -errno;
    int failed = write_whole(fd, bytes, len);
    if (!failed && fsync(fd)) failed = -errno;
    if (!failed && fchmod(fd, st.st_mode & 0777)) failed = -errno;
    if (close(fd) && !failed) failed = -errno;
    if (!failed && rename(beside, target)) failed = -errno;
    if (failed) unlink(beside);
    return failed;
}

int replace_file(const char *path, const void *bytes, size_t len)
{
    char *target = realpath(path, NULL);
    if (!target) return -errno;
    const int failed = replace(target, bytes, len);
    if (!failed) sync_folder(target);
    free(target);
    return failed;
}
