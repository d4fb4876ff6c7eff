/* See sinks.h. The system's log is a socket for datagrams of one line (RFC 3164, section 4.1.1: facility and
 * severity in front), the journal a socket for datagrams of fields (systemd.io/JOURNAL_NATIVE_PROTOCOL). libc's
 * syslog() and libsystemd's sd_journal_send() would open these sockets at times of their choice, and wait; here both
 * are under control. */
#include "runtime/host/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/base/files.h"

enum sink_kind sink_kind(const char *to)
{
    if (!to || !strcmp(to, "stderr")) return complain_to_journal() ? SINK_JOURNAL : SINK_STDERR;
    return strcmp(to, "syslog") != 0 ? SINK_FILE : SINK_SYSLOG;
}

static int socket_open(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
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
    int fd;
    switch (sink_kind(to)) {
    case SINK_SYSLOG: return socket_open(SINK_SYSLOG_SOCKET);
    case SINK_JOURNAL: fd = socket_open(SINK_JOURNAL_SOCKET); return fd < 0 ? STDERR_FILENO : fd;
    case SINK_FILE: return file_open(to);
    default: return STDERR_FILENO;
    }
}
