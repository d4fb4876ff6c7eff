/* Settings of the kernel: each is read or written in one go */
#include "runtime/host/proc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int proc_read(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t more = fd < 0 ? -1 : 1;
    while (more > 0 && len < size - 1) {
        more = read(fd, text + len, size - 1 - len);
        if (more > 0) len += (size_t)more;
    }
    const int failed = more < 0 ? -errno : 0;
    if (fd >= 0) close(fd);
    text[failed ? 0 : len] = 0;
    return failed;
}

bool proc_is_on(const char *path)
{
    char text[8];
    return !proc_read(path, text, sizeof text) && *text && *text != '0';
}

int proc_write(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    const size_t len = strlen(text);
    const ssize_t written = write(fd, text, len);
    const int failed = written == (ssize_t)len ? 0 : written < 0 ? -errno : -EIO;
    close(fd);
    return failed;
}
