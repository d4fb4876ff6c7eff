/* The client of bench-proxy: connections through a balancer, their number per second, and the CPU time that each
 * took there.
 *
 *     proxy_client short|echo|http ADDRESS PORT CONNECTIONS SECONDS RATE PID...
 *     proxy_client idle ADDRESS PORT CONNECTIONS PID...
 *     proxy_client cpu PID...
 *
 * short: each sends 100 bytes, reads to the end and closes; echo: 64 bytes there and back, kept alive; http: a
 * GET, kept alive, in turn of a.example and b.example. CONNECTIONS are open at once. RATE 0: each reply starts the
 * next request; else RATE requests per second, whose latency includes the wait for a free connection. Prints the
 * replies per second, CPU nanoseconds of each in the processes PID, and the latency's median, 99 % and 99.9 % in
 * microseconds.
 *
 * idle: opens CONNECTIONS; each echoes once and rests. Prints how many are open, and the bytes of memory that each
 * took in the processes PID. cpu: prints the CPU nanoseconds that they have used. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/bench.h"

enum { MOST = 4000000, EVENTS = 256, ECHO = 64, ASK = 100, WARM_NS = 200000000, WARM_SMALL_NS = 20000000 };
enum kind { SHORT, ECHOES, HTTP };

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t)) return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the balancer's resources ---- */

static uint64_t cpu_of(char *const pids[])
{
    uint64_t sum = 0;
    clockid_t id;
    for (; *pids; pids++)
        if (!clock_getcpuclockid(atoi(*pids), &id)) sum += clock_of(id);
    return sum;
}

/* Return the bytes of private memory of the processes. Rings of packet sockets are left out, because they belong to
 * the kernel from the start and are touched slot by slot. */
static uint64_t memory_of(char *const pids[])
{
    uint64_t sum = 0;
    for (; *pids; pids++) {
        char path[50], line[400], of[16] = "";
        unsigned long long kib;
        snprintf(path, sizeof path, "/proc/%s/smaps", *pids);
        FILE *f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) {
            /* "7f00-7f10 rw-s 00000000 00:09 5690 socket:[5690]", then lines about it */
            if (strchr("0123456789abcdef", line[0]) && sscanf(line, "%*s %*s %*s %*s %*s %15s", of) != 1) of[0] = 0;
            if (strncmp(of, "socket:", 7) && sscanf(line, "Private_Dirty: %llu", &kib) == 1) sum += 1024 * kib;
        }
        if (f) fclose(f);
    }
    return sum;
}

/* ---- connections ---- */

struct conn {
    int fd;
    bool waits;         /* SHORT: waits for its connection */
    size_t got, wanted; /* bytes of the reply; wanted 0: unknown yet */
    uint64_t due, asked;
    struct conn *next; /* next resting one */
};

struct load {
    enum kind kind;
    int epoll;
    struct sockaddr_in to;
    struct conn *resting;
    uint64_t interval, next_due, answered, failed;
    unsigned turn;
    uint32_t *took; /* nanoseconds of each request, at most MOST */
};

static int dial(const struct load *l, int flags)
{
    const int fd = socket(AF_INET, SOCK_STREAM | flags, 0), one = 1;
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&l->to, sizeof l->to) && errno != EINPROGRESS) fail("connect");
    return fd;
}

static void watch(const struct load *l, struct conn *c)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e)) fail("epoll_ctl");
}

static void rest(struct load *l, struct conn *c)
{
    c->next = l->resting;
    l->resting = c;
}

static void ask(struct load *l, struct conn *c, uint64_t now)
{
    static const char bytes[ASK];
    static const char *const gets[] = {"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
                                       "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"};
    c->got = 0;
    c->asked = l->interval ? l->next_due : now;
    c->wanted = l->kind == ECHOES ? ECHO : 0;
    if (l->kind == SHORT) {
        c->fd = dial(l, SOCK_NONBLOCK);
        c->waits = true;
        watch(l, c);
        return;
    }
    const char *const get = gets[l->turn++ & 1];
    const char *const what = l->kind == HTTP ? get : bytes;
    const size_t n = l->kind == HTTP ? strlen(get) : ECHO;
    if (send(c->fd, what, n, MSG_NOSIGNAL) != (ssize_t)n) fail("send");
}

static void answered(struct load *l, struct conn *c, uint64_t now)
{
    if (l->answered < MOST) l->took[l->answered] = (uint32_t)(now - c->asked);
    l->answered++;
    rest(l, c);
}

/* Return the length of a reply from its first bytes; 0: unknown yet. */
static size_t length_of(char *text, size_t n)
{
    text[n] = 0;
    const char *const end = strstr(text, "\r\n\r\n"), *const length = strcasestr(text, "\r\nContent-Length:");
    return end && length ? (size_t)(end + 4 - text) + strtoul(length + 17, NULL, 10) : 0;
}

static void read_answer(struct load *l, struct conn *c)
{
    static char text[65536];
    for (;;) {
        const ssize_t n = recv(c->fd, text, sizeof text - 1, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 && l->kind != SHORT) {
            fprintf(stderr, "proxy_client: a connection ended\n");
            exit(2);
        }
        if (n <= 0) { /* sent completely or not at all */
            l->failed += !c->got;
            close(c->fd);
            answered(l, c, clock_of(CLOCK_MONOTONIC));
            return;
        }
        if (l->kind == HTTP && !c->got) c->wanted = length_of(text, (size_t)n);
        c->got += (size_t)n;
        if (c->wanted && c->got >= c->wanted) {
            answered(l, c, clock_of(CLOCK_MONOTONIC));
            return;
        }
    }
}

static void ready(struct load *l, struct conn *c, uint32_t events)
{
    static const char bytes[ASK];
    if (c->waits && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        c->waits = false;
        if (send(c->fd, bytes, ASK, MSG_NOSIGNAL) != ASK) events |= EPOLLIN;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_answer(l, c);
}

/* Send every due request for which a connection rests. */
static void ask_due(struct load *l)
{
    const uint64_t now = clock_of(CLOCK_MONOTONIC);
    while (l->resting && (!l->interval || l->next_due <= now)) {
        struct conn *const c = l->resting;
        l->resting = c->next;
        ask(l, c, now);
        l->next_due += l->interval;
    }
}

static void go_on_until(struct load *l, uint64_t end)
{
    struct epoll_event events[EVENTS];
    for (uint64_t now; (now = clock_of(CLOCK_MONOTONIC)) < end;) {
        const uint64_t until = l->interval && l->resting && l->next_due < end ? l->next_due : end;
        const uint64_t wait = until > now ? until - now : 0;
        const struct timespec most = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
        const int n = epoll_pwait2(l->epoll, events, EVENTS, &most, NULL);
        for (int i = 0; i < n; i++) ready(l, events[i].data.ptr, events[i].events);
        ask_due(l);
    }
}

/* ---- requests ---- */

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct load *load_new(const char *kind, char *const to[2], unsigned rate)
{
    struct load *l = calloc(1, sizeof *l);
    if (!l || !(l->took = calloc(MOST, sizeof *l->took))) fail("memory");
    l->kind = !strcmp(kind, "short") ? SHORT : !strcmp(kind, "http") ? HTTP : ECHOES;
    l->epoll = epoll_create1(0);
    l->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(to[1]))};
    if (inet_pton(AF_INET, to[0], &l->to.sin_addr) != 1) fail(to[0]);
    l->interval = rate ? 1000000000u / rate : 0;
    return l;
}

static struct conn *conns_new(struct load *l, unsigned count)
{
    struct conn *conns = calloc(count, sizeof *conns);
    if (!conns) fail("memory");
    for (unsigned i = 0; i < count; i++) {
        if (l->kind != SHORT) {
            conns[i].fd = dial(l, 0);
            if (fcntl(conns[i].fd, F_SETFL, O_NONBLOCK)) fail("fcntl");
            watch(l, &conns[i]);
        }
        rest(l, &conns[i]);
    }
    return conns;
}

static int run(struct load *l, double seconds, char *const pids[])
{
    l->next_due = clock_of(CLOCK_MONOTONIC);
    ask_due(l);
    go_on_until(l, clock_of(CLOCK_MONOTONIC) + bench_size(WARM_NS, WARM_SMALL_NS));
    l->answered = l->failed = 0;
    const uint64_t cpu = cpu_of(pids), begin = clock_of(CLOCK_MONOTONIC);
    go_on_until(l, begin + (uint64_t)(seconds * 1e9));
    /* If nothing is measured, a busy machine gets more time. */
    for (unsigned more = 0; bench_small() && !l->answered && more < 100; more++)
        go_on_until(l, clock_of(CLOCK_MONOTONIC) + WARM_NS);
    const double took = (double)(clock_of(CLOCK_MONOTONIC) - begin), used = (double)(cpu_of(pids) - cpu);
    const uint64_t n = l->answered < MOST ? l->answered : MOST;
    if (!n || l->failed) {
        fprintf(stderr, "proxy_client: %llu answered, %llu of them without a byte\n", (unsigned long long)l->answered,
                (unsigned long long)l->failed);
        return 2;
    }
    qsort(l->took, n, sizeof *l->took, compare);
    printf("%.0f %.0f %.1f %.1f %.1f\n", (double)l->answered * 1e9 / took, used / (double)l->answered,
           l->took[n / 2] / 1e3, l->took[n * 99 / 100] / 1e3, l->took[n * 999 / 1000] / 1e3);
    return 0;
}

static int idle(struct load *l, unsigned count, char *const pids[])
{
    char bytes[ECHO] = "";
    unsigned n = 0;
    const uint64_t before = memory_of(pids);
    for (; n < count; n++) {
        const int fd = dial(l, 0);
        if (send(fd, bytes, ECHO, MSG_NOSIGNAL) != ECHO || recv(fd, bytes, ECHO, MSG_WAITALL) != ECHO) break;
    }
    sleep(1);
    printf("%u %.0f\n", n, n ? (double)(memory_of(pids) - before) / n : 0.0);
    return n == count ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "cpu")) {
        printf("%llu\n", (unsigned long long)cpu_of(argv + 2));
        return 0;
    }
    if (argc > 5 && !strcmp(argv[1], "idle"))
        return idle(load_new("echo", argv + 2, 0), (unsigned)atoi(argv[4]), argv + 5);
    if (argc < 7) return 2;
    struct load *l = load_new(argv[1], argv + 2, (unsigned)atoi(argv[6]));
    conns_new(l, (unsigned)atoi(argv[4]));
    return run(l, atof(argv[5]), argv + 7);
}
