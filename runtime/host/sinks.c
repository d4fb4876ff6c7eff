/* See sinks.h. The system's log is a socket that takes a line a datagram (RFC 3164, section 4.1.1: facility and
 * severity in front). libc's syslog() would open that socket and the time zone's file at times of its choice; here both
 * are under control. */
#include "runtime/host/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/file.h"

enum sink_kind sink_kind(const char *to)
{
    if (!to || !strcmp(to, "stderr")) return SINK_STDERR;
    return strcmp(to, "syslog") != 0 ? SINK_FILE : SINK_SYSLOG;
}

static int syslog_open(void)
{
    const struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = SINK_SYSLOG_SOCKET};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !connect(fd, (const struct sockaddr *)&at, sizeof at)) return fd < 0 ? -errno : fd;
    return close_failed(fd);
}

static int file_open(const char *path)
{
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    return fd < 0 ? -errno : fd;
}

int sink_descriptor(const char *to)
{
    switch (sink_kind(to)) {
    case SINK_SYSLOG: return syslog_open();
    case SINK_FILE: return file_open(to);
    default: return STDERR_FILENO;
    }
}
