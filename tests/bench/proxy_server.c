/* The server of bench-proxy, as cheap as possible because it shares its CPU with the client:
 *
 *     proxy_server SHORT ECHO HTTP
 *
 * listens on these ports. SHORT: 1,000 bytes for any request, then the end. ECHO: sends back what it receives. HTTP:
 * a reply of 1,000 bytes to each request without a body. One thread; prints `ready`. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KINDS = 3, EVENTS = 256, BODY = 1000, DESCRIPTORS = 70000 };
enum kind { LISTENER, SHORT, ECHO, HTTP };

static uint8_t kinds[DESCRIPTORS], serves[DESCRIPTORS]; /* by descriptor; serves: the kind that a listener serves */
static char answer[BODY + 200], in[65536];
static size_t answer_len;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) fail("epoll_ctl");
}

static void listen_on(int epoll, const char *port, enum kind kind)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) || listen(fd, 65535)) fail(port);
    serves[fd] = (uint8_t)kind;
    watch(epoll, fd);
}

static void serve(int fd)
{
    const ssize_t n = recv(fd, in, sizeof in, 0);
    ssize_t sent = n;
    if (n > 0 && kinds[fd] == ECHO) sent = send(fd, in, (size_t)n, MSG_NOSIGNAL);
    if (n > 0 && kinds[fd] == SHORT) sent = send(fd, answer, BODY, MSG_NOSIGNAL);
    for (ssize_t at = 0; n > 0 && kinds[fd] == HTTP && at + 4 <= n; at++)
        if (!memcmp(in + at, "\r\n\r\n", 4)) sent = send(fd, answer, answer_len, MSG_NOSIGNAL);
    if (n <= 0 || sent < 0 || kinds[fd] == SHORT) close(fd);
}

static void accept_all(int epoll, int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, 0)) >= 0;) {
        if (fd >= DESCRIPTORS) fail("too many connections");
        kinds[fd] = serves[listener];
        watch(epoll, fd);
    }
}

int main(int argc, char **argv)
{
    const int epoll = epoll_create1(0);
    if (argc < 1 + KINDS) return 2;
    for (int i = 0; i < KINDS; i++) listen_on(epoll, argv[1 + i], (enum kind)(SHORT + i));
    answer_len =
        (size_t)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%0*d", BODY, BODY, 0);
    printf("ready\n");
    fflush(stdout);
    for (struct epoll_event events[EVENTS];;) {
        const int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            const int fd = events[i].data.fd;
            if (kinds[fd] == LISTENER)
                accept_all(epoll, fd);
            else
                serve(fd);
        }
    }
}
