/* A client that names its target by an instruction (docs/guide/reference/language/client-data.md), in C:
 * instruct ADDRESS PORT TARGET TARGETS-PORT LINES. It sends the instruction with its length and checksum, then LINES
 * lines, which the target must send back while more are on their way. Then it closes its sending side and waits for
 * `bye`. It prints how many lines came back unchanged. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 100, LINE = 64, SUM_DIGITS = 2, BASE = 100, WAIT_MS = 60000 };

/* Write the instruction: two digits of its total length, the target, two digits of the sum of all bytes before. */
static size_t instruction(char *to, const char *host, const char *port)
{
    char target[MOST];
    const char *form = strchr(host, ':') ? "[%s]:%s" : "%s:%s";
    const int len = snprintf(target, sizeof target, form, host, port);
    int n = snprintf(to, MOST, "%02d%s", len + 2 * SUM_DIGITS, target);
    unsigned sum = 0;
    for (int i = 0; i < n; i++) sum += (unsigned char)to[i];
    return (size_t)(n + snprintf(to + n, (size_t)(MOST - n), "%02u", sum % BASE));
}

static int connected(const char *host, const char *port)
{
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = a4.sin_port};
    const bool v6 = inet_pton(AF_INET6, host, &a6.sin6_addr) == 1;
    if (!v6 && inet_pton(AF_INET, host, &a4.sin_addr) != 1) return -1;
    const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    const struct sockaddr *to = v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    if (!connect(fd, to, v6 ? sizeof a6 : sizeof a4)) return fd;
    close(fd);
    return -1;
}

/* Write line `i` into 64 bytes; its length differs from line to line. */
static size_t line_of(char *to, unsigned i)
{
    return (size_t)snprintf(to, LINE, "line %u %.*s\n", i, (int)(i % 40), "----------------------------------------");
}

/* Send as much of the lines as fits, from *sent on; *at: bytes of that line already sent. False if the connection is
 * lost. */
static bool send_some(int fd, unsigned *sent, size_t *at)
{
    char line[LINE];
    const size_t len = line_of(line, *sent);
    const ssize_t n = send(fd, line + *at, len - *at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return false;
    *at += (size_t)n;
    if (*at < len) return true;
    (*sent)++;
    *at = 0;
    return true;
}

/* Compare received bytes with the expected lines, and then with `bye`. False at a difference. */
static bool take(char *got, size_t *len, unsigned *good, unsigned lines, bool *bye)
{
    char want[LINE];
    for (;;) {
        const size_t due = *good < lines ? line_of(want, *good) : (size_t)snprintf(want, sizeof want, "bye\n");
        if (*len < due) return true;
        if (*bye || memcmp(got, want, due)) return false;
        *bye = *good == lines;
        if (!*bye) (*good)++;
        memmove(got, got + due, *len -= due);
    }
}

/* Exchange the lines. Returns how many came back unchanged. */
static unsigned exchange(int fd, unsigned lines, bool *bye)
{
    char got[4096];
    size_t len = 0, at = 0;
    unsigned sent = 0, good = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = (short)(POLLIN | (sent < lines ? POLLOUT : 0))};
        if (poll(&p, 1, WAIT_MS) <= 0) return good;
        if (p.revents & POLLOUT && !send_some(fd, &sent, &at)) return good;
        if (sent == lines && p.events & POLLOUT) shutdown(fd, SHUT_WR);
        if (!(p.revents & (POLLIN | POLLHUP | POLLERR))) continue;
        const ssize_t n = read(fd, got + len, sizeof got - len);
        if (n <= 0) return good;
        len += (size_t)n;
        if (!take(got, &len, &good, lines, bye)) return good;
    }
}

int main(int argc, char **argv)
{
    char says[MOST];
    bool bye = false;
    if (argc != 6) {
        fprintf(stderr, "usage: %s ADDRESS PORT TARGET TARGETS-PORT LINES\n", argv[0]);
        return 2;
    }
    const unsigned lines = (unsigned)strtoul(argv[5], NULL, 10);
    const size_t len = instruction(says, argv[3], argv[4]);
    const int fd = connected(argv[1], argv[2]);
    if (fd < 0 || send(fd, says, len, MSG_NOSIGNAL) != (ssize_t)len) {
        perror(argv[1]);
        return 1;
    }
    const unsigned good = exchange(fd, lines, &bye);
    printf("%u of %u lines%s\n", good, lines, bye ? ", bye" : "");
    close(fd);
    return good != lines || !bye;
}
