/* Messages over a stream socket: a head gives the length of each request and answer */
#include "runtime/parent/between/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { FDS_MOST = 128 };
#define NS_PER_S UINT64_C(1000000000)

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int) * FDS_MOST)];
};

static void put_fds(struct msghdr *m, union control *c, const int fds[], unsigned count)
{
    memset(c, 0, sizeof *c);
    m->msg_control = c;
    m->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *h = CMSG_FIRSTHDR(m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(h), fds, sizeof(int) * count);
}

uint64_t channel_until(uint64_t wait_ns) { return clock_ns(CLOCK_MONOTONIC) + wait_ns; }

/* Wait until fd is ready for `events`. Return 0 or a negative errno. */
static int await(int fd, short events, uint64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        const uint64_t now = until_ns == CHANNEL_ANY ? 0 : clock_ns(CLOCK_MONOTONIC);
        const bool late =
            now >= until_ns; /* bytes that have already come count, because this process may have been stopped */
        const int wait_ms = until_ns == CHANNEL_ANY ? -1 : late ? 0 : (int)((until_ns - now) / 1000000 + 1);
        const int ready = poll(&p, 1, wait_ms);
        if (ready > 0) return 0;
        if (ready < 0 && errno != EINTR) return -errno;
        if (late) return -ETIMEDOUT;
    }
}

/* Move on by `n` bytes in the parts. Return the number of parts left, the first of them at *parts. */
static unsigned parts_after(struct iovec **parts, unsigned count, size_t n)
{
    for (; count && n >= (*parts)->iov_len; count--) n -= (*parts)++->iov_len;
    if (count) **parts = (struct iovec){(char *)(*parts)->iov_base + n, (*parts)->iov_len - n};
    return count;
}

int channel_send_parts(int fd, struct iovec parts[], unsigned left, const int fds[], unsigned count, uint64_t until_ns)
{
    union control control;
    if (count > FDS_MOST) return -E2BIG;
    for (left = parts_after(&parts, left, 0); left;) {
        struct msghdr m = {.msg_iov = parts, .msg_iovlen = left};
        if (count) put_fds(&m, &control, fds, count);
        const int failed = await(fd, POLLOUT, until_ns);
        if (failed) return failed;
        const ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) return errno == EPIPE || errno == ECONNRESET ? -ENODATA : -errno;
        count = 0; /* the descriptors went with the first byte */
        left = parts_after(&parts, left, (size_t)n);
    }
    return 0;
}

int channel_send(int fd, const void *bytes, size_t len, const int fds[], unsigned count, uint64_t until_ns)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    return channel_send_parts(fd, &part, 1, fds, count, until_ns);
}

/* Append the descriptors of one message to fds. False if some did not fit; those are closed. */
static bool take_fds(struct msghdr *m, int fds[], unsigned room, unsigned *count)
{
    bool fits = !(m->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        const size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int one;
            memcpy(&one, CMSG_DATA(h) + i * sizeof one, sizeof one);
            if (*count < room)
                fds[(*count)++] = one;
            else
                close(one);
            fits &= *count <= room && i < room;
        }
    }
    return fits;
}

int channel_receive(int fd, void *bytes, size_t len, int fds[], unsigned room, unsigned *count, uint64_t until_ns)
{
    union control control;
    bool fits = true;
    *count = 0;
    for (size_t got = 0; got < len;) {
        struct iovec part = {(char *)bytes + got, len - got};
        struct msghdr m = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        const int failed = await(fd, POLLIN, until_ns);
        if (failed) return failed;
        const ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return n == 0 || errno == ECONNRESET ? -ENODATA : -errno;
        fits &= take_fds(&m, fds, room, count);
        got += (size_t)n;
    }
    return fits ? 0 : -EPROTO;
}
