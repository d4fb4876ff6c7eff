/* Sockets of /proc/net/tcp and its siblings */
#include "runtime/host/guard/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ = 1 << 16, TIME_WAIT = 6, CLOSED = 7, SYN_RECEIVED = 12 };

static const struct {
    const char *path;
    bool udp;
} files[SOCKETS_FILES] = {
    {"/proc/net/tcp", false}, {"/proc/net/tcp6", false}, {"/proc/net/udp", true}, {"/proc/net/udp6", true}};

void sockets_open(struct sockets *s)
{
    for (unsigned i = 0; i < SOCKETS_FILES; i++) s->fd[i] = open(files[i].path, O_RDONLY | O_CLOEXEC);
}

void sockets_close(struct sockets *s)
{
    for (unsigned i = 0; i < SOCKETS_FILES; i++)
        if (s->fd[i] >= 0) close(s->fd[i]);
}

bool socket_line_read(const char *line, struct socket_line *s)
{
    char *at;
    *s = (struct socket_line){0};
    (void)strtoul(line, &at, 10);
    if (at == line || strncmp(at, ": ", 2) != 0) return false;
    const char *addr = at + 2;
    const size_t len = strspn(addr, "0123456789ABCDEF");
    if ((len != 8 && len != 32) || addr[len] != ':') return false;
    for (size_t i = 0; i < len; i++)
        s->addr.word[i / 8] =
            s->addr.word[i / 8] << 4 | (uint32_t)(addr[i] <= '9' ? addr[i] - '0' : addr[i] - 'A' + 10);
    for (size_t i = 0; i < len / 8; i++) s->addr.word[i] = ntohl(s->addr.word[i]); /* in host memory order */
    s->addr.family = len == 8 ? 4 : 6;
    s->port = (unsigned)strtoul(addr + len + 1, &at, 16);
    at += strspn(at, " ");
    s->state = (unsigned)strtoul(at + strcspn(at, " \n"), &at, 16); /* after the remote address */
    s->rest = at;
    return true;
}

/* Return the port of a socket that receives from a link; 0: none */
static unsigned port_of(const char *line, bool udp)
{
    struct socket_line s;
    if (!socket_line_read(line, &s)) return 0;
    const uint32_t *w = s.addr.word;
    const bool loopback = s.addr.family == 4 ? w[0] >> 24 == 127 : !(w[0] | w[1] | w[2]) && w[3] == 1;
    const bool over = !udp && (s.state == TIME_WAIT || s.state == CLOSED || s.state == SYN_RECEIVED);
    return loopback || over ? 0 : s.port;
}

struct found {
    uint64_t port[65536 / 64];
};

static void read_file(int fd, bool udp, struct found *f, char *bytes)
{
    size_t kept = 0;
    off_t at = 0;
    for (ssize_t n; (n = pread(fd, bytes + kept, READ - 1 - kept, at)) > 0;) {
        at += n;
        const char *line = bytes, *const end = bytes + kept + n;
        bytes[kept + (size_t)n] = 0;
        for (const char *nl; (nl = memchr(line, '\n', (size_t)(end - line))); line = nl + 1) {
            const unsigned port = port_of(line, udp);
            if (port < 65536) f->port[port / 64] |= UINT64_C(1) << port % 64;
        }
        kept = (size_t)(end - line);
        memmove(bytes, line, kept);
    }
}

static bool in_ranges(unsigned port, const struct host_ports *ranges, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (ranges[i].lo <= port && port <= ranges[i].hi) return true;
    return false;
}

unsigned sockets_ports(const struct sockets *s, bool udp, const struct host_ports *ranges, unsigned count,
                       struct facts_port *all, unsigned most)
{
    struct found *f = calloc(1, sizeof *f + READ);
    unsigned n = 0;
    if (!f) return 0;
    for (unsigned i = 0; i < SOCKETS_FILES; i++)
        if (s->fd[i] >= 0 && files[i].udp == udp) read_file(s->fd[i], udp, f, (char *)(f + 1));
    for (unsigned port = 1; port < 65536 && n < most; port++)
        if (f->port[port / 64] >> port % 64 & 1 && in_ranges(port, ranges, count))
            all[n++] = (struct facts_port){(uint16_t)port, udp};
    free(f);
    return n;
}
