#include "runtime/base/whole.h"

#include <errno.h>
#include <unistd.h>

int write_whole(int fd, const void *bytes, size_t len)
{
    const char *from = bytes;

    while (len) {
        const ssize_t n = write(fd, from, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n ? -errno : -EIO;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}
