/* The login user comes from /proc/PID/loginuid, which the kernel's audit keeps */
#include "runtime/host/file/login.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

uint32_t login_of(pid_t pid)
{
    char path[40], text[16];
    if (pid <= 0) return LOGIN_NONE; /* a process of another PID namespace has pid 0 */
    snprintf(path, sizeof path, "/proc/%d/loginuid", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return LOGIN_NONE;
    text[n] = 0;
    return (uint32_t)strtoul(text, NULL, 10);
}
