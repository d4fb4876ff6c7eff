/* Sockets of /proc/net/tcp and its siblings, a line each: "  0: 0100007F:EE48 00000000:0000 0A ..." */
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

/* True for a loopback address; its words are in host memory order */
static bool is_loopback(const char *addr, size_t len)
{
    if (len == 32)
        return !memcmp(addr, "000000000000000000000000", 24) && ntohl((uint32_t)strtoul(addr + 24, NULL, 16)) == 1;
    return ntohl((uint32_t)strtoul(addr, NULL, 16)) >> 24 == 127;
}

/* Return the port of a socket that receives from a link; 0: none */
static unsigned port_of(const char *line, const char *end, bool udp)
{
    const char *addr = memmem(line, (size_t)(end - line), ": ", 2);
    if (!addr) return 0;
    addr += 2;
    const char *colon = memchr(addr, ':', (size_t)(end - addr));
    if (!colon || (colon - addr != 8 && colon - addr != 32) || end - colon < 8 + (colon - addr) + 10) return 0;
    const size_t len = (size_t)(colon - addr);
    char *stop;
    char text[33] = "";
    const unsigned port = (unsigned)strtoul(colon + 1, &stop, 16);
    const unsigned state = (unsigned)strtoul(stop + 1 + len + 6, NULL, 16); /* after the remote address */
    memcpy(text, addr, len);
    if (is_loopback(text, len)) return 0;
    return !udp && (state == TIME_WAIT || state == CLOSED || state == SYN_RECEIVED) ? 0 : port;
}

struct found {
    uint64_t port[65536 / 64];
};

static void read_file(int fd, bool udp, struct found *f, char *bytes)
{
    size_t kept = 0;
    off_t at = 0;
    for (ssize_t n; (n = pread(fd, bytes + kept, READ - kept, at)) > 0;) {
        at += n;
        const char *line = bytes, *const end = bytes + kept + n;
        for (const char *nl; (nl = memchr(line, '\n', (size_t)(end - line))); line = nl + 1) {
            const unsigned port = port_of(line, nl, udp);
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
