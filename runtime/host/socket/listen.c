/* Errors of bind(2) in plain words; a group of sockets shares clients by a filter of their addresses */
#include "runtime/host/socket/listen.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/base/sockaddr.h"
#include "runtime/host/socket/alive.h"

enum { BACKLOG = 64, BACKLOG_PROXY = 65535 /* the system caps it */ };

/* Make a listening socket. `ready` sets further options before bind. */
static int listening(const struct sockaddr *at, int backlog, bool ready(int fd, int family))
{
    const int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    if (fd < 0) return -errno;
    const socklen_t len = at->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->sa_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if ((!ready || ready(fd, at->sa_family)) && !bind(fd, at, len) && !listen(fd, backlog)) return fd;
    return close_failed(fd);
}

static void listen_fault(int failed, const char *text, char *err, size_t err_len)
{
    if (failed == -EADDRINUSE)
        snprintf(err, err_len, "%s: another program listens there; to find it, run: ss -ltnp", text);
    else if (failed == -EADDRNOTAVAIL)
        snprintf(err, err_len, "%s: this machine has no such address", text);
    else
        snprintf(err, err_len, "%s: %s", text, strerror(-failed));
}

int listen_tcp(const struct sockaddr *at, const char *text, char *err, size_t err_len)
{
    const int fd = listening(at, BACKLOG, NULL);
    if (fd < 0) listen_fault(fd, text, err, err_len);
    return fd;
}

static bool of_proxy(int fd, int family)
{
    const int on = 1, unproven = 1024;
    socket_keep_alive(fd);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &unproven, sizeof unproven);
    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    return !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) &&
           !(family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on)
                                : setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on));
}

int listen_proxy(const struct host_addr *addr, uint16_t port, char *err, size_t err_len)
{
    union sockaddr_any at;
    char name[HOST_ADDR_TEXT], text[HOST_ADDR_TEXT + 8];
    sockaddr_of(&at, addr->family, addr->word, port);
    const int fd = listening(&at.any, BACKLOG_PROXY, of_proxy);
    if (fd >= 0) return fd;
    snprintf(text, sizeof text, addr->family == 6 ? "[%s]:%u" : "%s:%u", host_addr_text(addr, name), port);
    listen_fault(fd, text, err, err_len);
    return fd;
}

int listen_again(int fd) { return listen(fd, BACKLOG_PROXY) ? -errno : 0; }

bool listen_does(int fd)
{
    int is = 1;
    socklen_t len = sizeof is;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &len) || is;
}

int listen_no_more(int fd) { return shutdown(fd, SHUT_RD) ? -errno : 0; }

enum { CLIENT_SHIFT = 16 };
#define CLIENT_FACTOR 2654435761u /* Knuth, "The Art of Computer Programming", 6.4 */

unsigned listen_member(const uint32_t addr[4], bool v6, unsigned count)
{
    return count ? (addr[v6 ? 3 : 0] * CLIENT_FACTOR >> CLIENT_SHIFT) % count : 0;
}

/* Attach a program in classic BPF, which gives the index of the group's socket as listen_member does. */
int listen_by_client(int fd, bool v6, unsigned count)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + (v6 ? 20 : 12)), /* the address's last word */
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, CLIENT_FACTOR),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, CLIENT_SHIFT),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) ? -errno : 0;
}
