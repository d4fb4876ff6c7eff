/* Fuzzes the capture reader with any bytes. It never reads outside the file, and agrees with libpcap if libpcap
 * reads the bytes to the end. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/runtime/same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touched;

/* Read every byte of every frame, even if libpcap has given up. */
static void read_all(const char *path)
{
    char err[300];
    struct capture *c = capture_open(path, err, sizeof err);
    struct capture_frame f[7];
    unsigned n;
    while (c && (n = capture_batch(c, f, 7)) > 0)
        for (unsigned i = 0; i < n; i++)
            for (uint32_t at = 0; at < f[i].cap_len; at++) touched += f[i].data[at];
    capture_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[40];
    if (fd < 0) {
        fd = memfd_create("capture", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    const struct same r = capture_same(path, path);
    if (r.differ[0]) {
        fprintf(stderr, "%s\n", r.differ);
        abort();
    }
    if (r.peer_opened && !r.opened && !strstr(r.error, "link type")) {
        fprintf(stderr, "libpcap opens it, we do not: %s\n", r.error);
        abort();
    }
    read_all(path);
    return 0;
}
