/* The process in the middle ends immediately; its pid would be of no use, so the new one sends its own */
#include "runtime/parent/between/apart.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/parent/between/channel.h"

#define SAYS_NS UINT64_C(5000000000)

/* In the process in the middle: continue as the new one, or end. */
static void go_on(int fd)
{
    const pid_t again = fork();
    if (again) _exit(again < 0);
    const pid_t pid = getpid();
    if (channel_send(fd, &pid, sizeof pid, NULL, 0, channel_until(SAYS_NS))) _exit(1);
}

pid_t fork_apart(int *fd)
{
    int pair[2];
    unsigned none;
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return -errno;
    fflush(NULL); /* otherwise the new process writes buffered output again */
    const pid_t between = fork();
    const int why = errno;
    close(pair[between == 0 ? 0 : 1]);
    *fd = pair[between == 0 ? 1 : 0];
    if (!between) {
        go_on(*fd);
        return 0;
    }
    if (between > 0) waitpid(between, NULL, 0);
    const int failed =
        between < 0 ? -why : channel_receive(*fd, &pid, sizeof pid, NULL, 0, &none, channel_until(SAYS_NS));
    if (!failed && pid > 0) return pid;
    close(*fd);
    return failed ? failed : -EAGAIN;
}
