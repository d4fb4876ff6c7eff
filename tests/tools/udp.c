/* udp serve PORT NAME: sends back to each datagram the name, the sender's address and the length, from the address
 *     that the datagram was sent to, even if this machine has several.
 * udp ask ADDRESS PORT [SOURCE-PORT [BYTES,…]]: sends a request of each length and prints the reply, with five tries
 * of a second each. udp flows ADDRESS PORT FIRST COUNT: sends a request from each of COUNT source ports. udp refused
 * ADDRESS PORT: prints `refused` after an ICMP error, `nothing` after ten seconds, or the reply. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65535 };
static char text[MOST + 1];

static int fail(const char *what)
{
    fprintf(stderr, "udp: %s: %s\n", what, strerror(errno));
    return 1;
}

/* Replies leave from the requested address, by any interface. */
static void answer(int fd, const char *name)
{
    struct sockaddr_in6 peer;
    union {
        struct cmsghdr head;
        char bytes[256];
    } with;
    struct iovec data = {.iov_base = text, .iov_len = MOST};
    struct msghdr m = {.msg_name = &peer,
                       .msg_namelen = sizeof peer,
                       .msg_iov = &data,
                       .msg_iovlen = 1,
                       .msg_control = &with,
                       .msg_controllen = sizeof with};
    const ssize_t got = recvmsg(fd, &m, 0);
    if (got < 0) return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            ((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex = 0;
    char from[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &peer.sin6_addr, from, sizeof from);
    const bool v4 = strncmp(from, "::ffff:", 7) == 0;
    data.iov_len = (size_t)snprintf(text, sizeof text, "%s %s %zd", name, v4 ? from + 7 : from, got);
    sendmsg(fd, &m, 0);
}

static int serve(uint16_t port, const char *name)
{
    const int fd = socket(AF_INET6, SOCK_DGRAM, 0), off = 0, on = 1;
    const struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) ||
        bind(fd, (const struct sockaddr *)&here, sizeof here))
        return fail("serve");
    for (;;) answer(fd, name);
}

/* Open a socket that is connected there and waits that long; -1 on a failure. */
static int connected(const char *address, const char *port, uint16_t source, time_t seconds)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    const struct timeval patience = {.tv_sec = seconds};
    struct addrinfo *to;
    if (getaddrinfo(address, port, &wanted, &to)) return -1;
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(source)};
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(source)};
    const void *from = to->ai_family == AF_INET6 ? (const void *)&v6 : &v4;
    int fd = socket(to->ai_family, SOCK_DGRAM, 0);
    if (fd >= 0 && (bind(fd, from, to->ai_addrlen) || connect(fd, to->ai_addr, to->ai_addrlen) ||
                    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience))) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(to);
    return fd;
}

/* Send and print the reply. After a refusal it tries again, as after silence. */
static bool answered(int fd, size_t bytes)
{
    for (unsigned i = 0; i < 5; i++) {
        memset(text, 'x', bytes);
        const ssize_t sent = send(fd, text, bytes, 0);
        if (sent < 0 && errno != ECONNREFUSED) return false;
        const ssize_t got = sent < 0 ? -1 : recv(fd, text, MOST, 0);
        if (got < 0) continue;
        printf("%.*s\n", (int)got, text);
        return true;
    }
    return false;
}

static int ask(const char *address, const char *port, uint16_t source, const char *sizes)
{
    const int fd = connected(address, port, source, 1);
    bool all = true;
    if (fd < 0) return fail(address);
    for (const char *at = sizes; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const unsigned long bytes = strtoul(at, NULL, 10);
        all &= answered(fd, bytes < MOST ? bytes : MOST);
    }
    close(fd);
    return all ? 0 : 1;
}

static int flows(const char *address, const char *port, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) ask(address, port, (uint16_t)(first + i), "5");
    return 0;
}

static int refused(const char *address, const char *port)
{
    const int fd = connected(address, port, 0, 10);
    if (fd < 0) return fail(address);
    const ssize_t got = send(fd, "x", 1, 0) < 0 ? -1 : recv(fd, text, MOST, 0);
    if (got >= 0)
        printf("%.*s\n", (int)got, text);
    else if (errno == ECONNREFUSED || errno == EAGAIN)
        puts(errno == ECONNREFUSED ? "refused" : "nothing");
    else
        return fail(address);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[1] : "";
    if (!strcmp(what, "serve")) return serve((uint16_t)atoi(argv[2]), argv[3]);
    if (!strcmp(what, "ask"))
        return ask(argv[2], argv[3], (uint16_t)(argc > 4 ? atoi(argv[4]) : 0), argc > 5 ? argv[5] : "5");
    if (!strcmp(what, "flows") && argc > 5)
        return flows(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
    if (!strcmp(what, "refused")) return refused(argv[2], argv[3]);
    fputs("udp: serve PORT NAME, ask ADDRESS PORT [SOURCE-PORT [BYTES,…]], flows ADDRESS PORT FIRST COUNT or refused "
          "ADDRESS PORT\n",
          stderr);
    return 2;
}
