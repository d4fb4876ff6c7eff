/* A memfd with seals, so that the service can read it without trusting the client */
#include "runtime/preyctl/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/preyctl/talk.h"
#include "vm/pbc.h"

int hand_bytes(const void *bytes, size_t len)
{
    const int fd = memfd_create("prey program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int failed = fd < 0 ? -errno : write_whole(fd, bytes, len);
    if (!failed && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) failed = -errno;
    if (!failed) return fd;
    talk_complain("a memory file can't be created: %s", strerror(-failed));
    if (fd >= 0) close(fd);
    return -1;
}

int hand_file(const char *path)
{
    char err[500];
    if (!path_is_compiled(path, err, sizeof err)) {
        talk_complain("%s", err);
        return -1;
    }
    size_t len = 0;
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = from < 0 ? NULL : read_whole(from, 2 * PBC_SIZE_MAX - 1, &len);
    if (!bytes) talk_complain("%s: %s", path, strerror(errno));
    if (from >= 0) close(from);
    const int fd = bytes ? hand_bytes(bytes, len) : -1;
    free(bytes);
    return fd;
}
