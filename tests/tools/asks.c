/* asks ADDRESS PORT COUNT AT_ONCE: sends COUNT requests over HTTP, each on a separate connection, with AT_ONCE of
 * them open at once. Prints how many got a complete reply with status 200, how many did not, and the reason for the
 * first of those. Each has 20 seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE_MOST = 1000, PATIENCE_S = 20 };

struct ask {
    int fd; /* -1: closed */
    bool sent;
    size_t got;
    char text[1024]; /* the complete reply, which is short */
    time_t since;
};

static struct sockaddr_storage to;
static socklen_t to_len;
static int queue;
static uint64_t begun, answered, failed, wanted;
static char why[200];

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void fail(const char *what, int error)
{
    if (!failed++) snprintf(why, sizeof why, "%s: %s, after %llu", what, strerror(error), (unsigned long long)answered);
}

static void end(struct ask *a)
{
    close(a->fd);
    a->fd = -1;
}

static void begin(struct ask *a)
{
    begun++;
    *a = (struct ask){.fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .since = now()};
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = a};
    if (a->fd < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, a->fd, &e)) {
        perror("asks");
        exit(2);
    }
    if (!connect(a->fd, (const struct sockaddr *)&to, to_len) || errno == EINPROGRESS) return;
    fail("connect", errno);
    end(a);
}

static void send_request(struct ask *a)
{
    static const char text[] = "GET / HTTP/1.0\r\n\r\n";
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (!error && send(a->fd, text, sizeof text - 1, MSG_NOSIGNAL) != sizeof text - 1) error = errno;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = a};
    if (!error && epoll_ctl(queue, EPOLL_CTL_MOD, a->fd, &e)) error = errno;
    a->sent = true;
    if (!error) return;
    fail("connect", error);
    end(a);
}

static void take_answer(struct ask *a)
{
    char text[4096];
    const ssize_t n = recv(a->fd, text, sizeof text, 0);
    if (n < 0 && errno == EAGAIN) return;
    for (ssize_t i = 0; i < n && a->got + 1 < sizeof a->text; i++) a->text[a->got++] = text[i];
    if (n > 0) return;
    const char *length = strcasestr(a->text, "\r\nContent-Length: "), *body = strstr(a->text, "\r\n\r\n");
    const bool good = !n && strstr(a->text, " 200 OK\r\n") && length && body &&
                      a->got == (size_t)(body + 4 - a->text) + strtoul(length + 18, NULL, 10);
    if (good)
        answered++;
    else
        fail(n ? "answer" : "no whole answer", n ? errno : 0);
    end(a);
}

static void give_up_old(struct ask all[], unsigned count)
{
    const time_t at = now();
    for (unsigned i = 0; i < count; i++) {
        if (all[i].fd < 0 || at - all[i].since < PATIENCE_S) continue;
        fail(all[i].sent ? "answer" : "connect", ETIMEDOUT);
        end(&all[i]);
    }
}

static bool address(const char *text, const char *port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&to;
    const uint16_t number = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = number;
        to_len = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = number;
        to_len = sizeof *v6;
    }
    return to_len;
}

int main(int argc, char *argv[])
{
    static struct ask all[AT_ONCE_MOST];
    struct epoll_event events[64];
    const unsigned count = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
    if (!count || count > AT_ONCE_MOST || !address(argv[1], argv[2])) {
        fprintf(stderr, "asks ADDRESS PORT COUNT AT_ONCE\n");
        return 2;
    }
    wanted = strtoull(argv[3], NULL, 10);
    queue = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) all[i].fd = -1;
    while (answered + failed < wanted) {
        for (unsigned i = 0; i < count && begun < wanted; i++)
            if (all[i].fd < 0) begin(&all[i]);
        const int n = epoll_wait(queue, events, 64, 1000);
        for (int i = 0; i < n; i++) {
            struct ask *a = events[i].data.ptr;
            if (a->sent)
                take_answer(a);
            else
                send_request(a);
        }
        give_up_old(all, count);
    }
    printf("%llu answered, %llu not%s%s\n", (unsigned long long)answered, (unsigned long long)failed,
           failed ? "; " : "", why);
    return 0;
}
