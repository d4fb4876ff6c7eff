#include "runtime/preyctl/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/compiled.h"
#include "runtime/base/whole.h"
#include "runtime/preyctl/talk.h"
#include "vm/pbc.h"

int hand_bytes(const void *bytes, size_t len)
{
    const int fd = memfd_create("prey program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int failed = fd < 0 ? -errno : write_whole(fd, bytes, len);
    if (!failed && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) failed = -errno;
    if (!failed) return fd;
    talk_complain("a file in memory cannot be made: %s", strerror(-failed));
    if (fd >= 0) close(fd);
    return -1;
}

/* As much as there is room for; false: errno says why not. */
static bool fill(int fd, char *bytes, size_t room, size_t *len)
{
    while (*len < room) {
        const ssize_t n = read(fd, bytes + *len, room - *len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        *len += (size_t)n;
    }
    return true;
}

/* All of it, on the heap. NULL: errno says why not. */
static char *read_all(int fd, size_t *len)
{
    char *bytes = NULL;
    for (size_t room = 1 << 20; room <= 2 * PBC_SIZE_MAX; room *= 2) {
        char *more = realloc(bytes, room);
        if (!more) break;
        bytes = more;
        if (!fill(fd, bytes, room, len)) break;
        if (*len < room) return bytes;
        errno = EFBIG;
    }
    free(bytes);
    return NULL;
}

int hand_file(const char *path)
{
    char err[500];
    if (!rules_are_compiled(path, err, sizeof err)) {
        talk_complain("%s", err);
        return -1;
    }
    size_t len = 0;
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = from < 0 ? NULL : read_all(from, &len);
    if (!bytes) talk_complain("%s: %s", path, strerror(errno));
    if (from >= 0) close(from);
    const int fd = bytes ? hand_bytes(bytes, len) : -1;
    free(bytes);
    return fd;
}
