/* `mode proxy` in one process: clients and servers on the loopback, the loop turned by the test. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
/* after those that it needs */
#include <cmocka.h>

#include "runtime/base/clock.h"
#include "runtime/proxy/core.h"
#include "runtime/proxy/listing.h"
#include "tests/lib/judge.h"
#include "tests/unit/runtime/proxy_whole.h"

enum { SERVICE = INADDR_LOOPBACK + 1 };

struct bench {
    struct judge *judge;
    struct snapshot *world;
    struct proxy *proxy;
    int server;    /* listens at server_port */
    uint16_t port; /* the service's */
    uint16_t server_port, dead_port;
};

/* Open a socket bound on the loopback at *port, or at any (0: returns which), and listen if wanted. */
static int bound(uint32_t addr, uint16_t *port, bool listens)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(addr)};
    socklen_t len = sizeof at;
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    if (listens) assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Set up the rules, in which %1$u is the service's port, %2$u the server's, %3$u a closed port. */
static void set_up(struct bench *b, const char *rules)
{
    char text[2048];
    int err;
    b->port = b->server_port = b->dead_port = 0;
    /* A closed socket releases a port that the kernel chose, so the port is bound again by its number. */
    const int finds = bound(SERVICE, &b->port, false), listener = bound(SERVICE, &b->port, true);
    const int dead = bound(INADDR_LOOPBACK, &b->dead_port, false);
    close(finds);
    b->server = bound(INADDR_LOOPBACK, &b->server_port, true);
    close(dead);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const int n = snprintf(text, sizeof text, rules, b->port, b->server_port, b->dead_port);
#pragma GCC diagnostic pop
    b->judge = judge_new("proxy", text, (size_t)n, stderr);
    assert_non_null(b->judge);
    struct program *p = judge_program(b->judge);
    const struct facts facts = {.generation = 1};
    b->world = snapshot_new(p, &facts, 0);
    assert_non_null(b->world);
    b->world->number = 1;
    struct proxy_listen at = {.at = {.addr = {SERVICE}, .port = b->port}, .service = 0, .fd = listener};
    const struct proxy_cfg cfg = {.program = p, .sessions_most = 100};
    b->proxy = proxy_new(&cfg, b->world, &at, 1, &err);
    if (!b->proxy) fail_msg("%s", strerror(-err));
}

static void tear_down(struct bench *b)
{
    proxy_free(b->proxy);
    snapshot_free(b->world);
    close(b->server);
    judge_free(b->judge);
}

/* Turn the loop, a moment each, until a connection is accepted or many turns went by. */
static int accepted(struct bench *b)
{
    for (unsigned i = 0; i < 200; i++) {
        const int fd = accept4(b->server, NULL, NULL, SOCK_NONBLOCK);
        if (fd >= 0) return fd;
        proxy_turn(b->proxy, 10);
    }
    return -1;
}

static int client(const struct bench *b)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(b->port), .sin_addr.s_addr = htonl(SERVICE)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Read data, up to n bytes. Returns -errno, or 0 at the end. */
static ssize_t heard(struct bench *b, int fd, void *to, size_t n)
{
    for (unsigned i = 0; i < 200; i++) {
        const ssize_t got = recv(fd, to, n, 0);
        if (got >= 0 || errno != EAGAIN) return got < 0 ? -errno : got;
        proxy_turn(b->proxy, 10);
    }
    return -ETIMEDOUT;
}

/* Check that exactly this text arrives, in any pieces. */
static void hears(struct bench *b, int fd, const char *text)
{
    char got[200];
    size_t n = 0;
    while (n < strlen(text)) {
        const ssize_t more = heard(b, fd, got + n, sizeof got - n);
        assert_true(more > 0);
        n += (size_t)more;
    }
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
}

static void says(struct bench *b, int from, int to, const char *text)
{
    assert_int_equal(send(from, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    hears(b, to, text);
}

static uint64_t ends(struct bench *b, enum session_end e)
{
    for (unsigned i = 0; i < 200 && b->proxy->all; i++) proxy_turn(b->proxy, 10);
    assert_null(b->proxy->all);
    assert_int_equal(b->proxy->sessions.used, 0);
    assert_int_equal(b->proxy->sides.used, 0);
    assert_int_equal(b->proxy->buffers.used, 0);
    assert_int_equal(b->proxy->ats.used, 0);
    return whole(b->proxy).ends[e];
}

#define RULES(pool, service)                                                                                           \
    "firewall all default accept { }\npool p { balance round_robin; " pool                                             \
    " }\nservice s on 127.0.0.2 tcp/%1$u { mode proxy " service "; -> p }\n"
#define ONE "server one 127.0.0.1:%2$u"

static void test_bytes_go_both_ways_and_each_end_is_told(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    const int c = client(&b), s = accepted(&b);
    assert_true(s >= 0);
    says(&b, s, c, "220 the server speaks first");
    says(&b, c, s, "HELO");
    shutdown(c, SHUT_WR);
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    says(&b, s, c, "and it goes on");
    close(s);
    assert_int_equal(heard(&b, c, &byte, 1), 0);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    assert_int_equal(whole(b.proxy).up_bytes, 4);
    assert_int_equal(whole(b.proxy).down_bytes, 41);
    close(c);
    tear_down(&b);
}

static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void test_a_reset_is_passed_on(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    int c = client(&b), s = accepted(&b);
    says(&b, c, s, "x");
    reset(c);
    assert_int_equal(heard(&b, s, &byte, 1), -ECONNRESET);
    close(s);
    assert_int_equal(ends(&b, SESSION_CLIENT_RESET), 1);
    c = client(&b), s = accepted(&b);
    says(&b, c, s, "x");
    reset(s);
    assert_int_equal(heard(&b, c, &byte, 1), -ECONNRESET);
    close(c);
    assert_int_equal(ends(&b, SESSION_SERVER_RESET), 1);
    tear_down(&b);
}

static void test_another_server_is_tried(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, RULES("server dead 127.0.0.1:%3$u; " ONE, ""));
    for (unsigned i = 0; i < 4; i++) {
        const int c = client(&b), s = accepted(&b);
        assert_true(s >= 0);
        says(&b, c, s, "hello");
        close(s);
        assert_int_equal(heard(&b, c, &byte, 1), 0);
        close(c);
    }
    assert_int_equal(ends(&b, SESSION_DONE), 4);
    assert_int_equal(whole(b.proxy).retried, 2);
    tear_down(&b);
    set_up(&b, RULES("server dead 127.0.0.1:%3$u; server dead2 127.0.0.3:%3$u", ""));
    const int c = client(&b);
    assert_int_equal(heard(&b, c, &byte, 1), -ECONNRESET);
    assert_int_equal(ends(&b, SESSION_SERVER_REFUSED), 1);
    close(c);
    tear_down(&b);
}

/* Sessions beyond the limit wait in the kernel for their turn. */
static void test_sessions_are_bounded(void **state)
{
    struct bench b;
    int c[120], s[120];
    (void)state;
    set_up(&b, RULES(ONE, ""));
    for (unsigned i = 0; i < 120; i++) c[i] = client(&b);
    for (unsigned i = 0; i < 100; i++) assert_true((s[i] = accepted(&b)) >= 0);
    for (unsigned i = 0; i < 5; i++) proxy_turn(b.proxy, 1);
    assert_int_equal(b.proxy->sessions.used, 100);
    assert_true(whole(b.proxy).unwelcome > 0);
    for (unsigned i = 0; i < 100; i++) close(s[i]), close(c[i]);
    for (unsigned i = 100; i < 120; i++) assert_true((s[i] = accepted(&b)) >= 0);
    for (unsigned i = 100; i < 120; i++) close(s[i]), close(c[i]);
    assert_int_equal(ends(&b, SESSION_DONE), 120);
    tear_down(&b);
}

/* Turn the loop for that long. */
static void turn_for(struct bench *b, unsigned ms)
{
    for (const uint64_t end = clock_ns(CLOCK_MONOTONIC) + ms * 1000000ull; clock_ns(CLOCK_MONOTONIC) < end;)
        proxy_turn(b->proxy, 10);
}

static void test_silence_has_an_end(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, "timeouts { proxy idle 1s; proxy half_close 1s }\n" RULES(ONE, ""));
    int c = client(&b), s = accepted(&b);
    for (unsigned i = 0; i < 4; i++) {
        turn_for(&b, 400);
        says(&b, c, s, "still there");
    }
    assert_int_equal(b.proxy->sessions.used, 1);
    assert_int_equal(heard(&b, c, &byte, 1), -ECONNRESET);
    assert_int_equal(ends(&b, SESSION_IDLE), 1);
    close(s), close(c);
    c = client(&b), s = accepted(&b);
    shutdown(c, SHUT_WR);
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    assert_int_equal(heard(&b, c, &byte, 1), -ECONNRESET);
    assert_int_equal(ends(&b, SESSION_HALF_CLOSE), 1);
    close(s), close(c);
    tear_down(&b);
}

static void test_a_trusted_header_names_the_client(void **state)
{
    struct bench b;
    char got[200];
    (void)state;
    set_up(&b, RULES(ONE, "accept proxy from 127.0.0.0/8 send proxy v1"));
    static const char header[] = "PROXY TCP4 192.0.2.7 192.0.2.9 4711 80\r\nGET";
    int c = client(&b);
    for (unsigned i = 0; i < sizeof header - 1; i++) { /* byte by byte */
        assert_int_equal(send(c, header + i, 1, MSG_NOSIGNAL), 1);
        proxy_turn(b.proxy, 1);
    }
    int s = accepted(&b);
    assert_true(s >= 0);
    char wanted[200];
    snprintf(wanted, sizeof wanted, "PROXY TCP4 192.0.2.7 127.0.0.2 4711 %u\r\nGET", b.port);
    hears(&b, s, wanted);
    close(s), close(c);
    assert_int_equal(ends(&b, SESSION_DONE) + ends(&b, SESSION_CLIENT_RESET), 1);
    c = client(&b);
    assert_int_equal(send(c, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL), 16);
    assert_int_equal(heard(&b, c, got, 1), -ECONNRESET);
    assert_int_equal(ends(&b, SESSION_PROXY_HEADER), 1);
    close(c);
    tear_down(&b);
    set_up(&b, RULES(ONE, "accept proxy from 192.0.2.0/24"));
    c = client(&b);
    assert_int_equal(send(c, header, sizeof header - 1, MSG_NOSIGNAL), sizeof header - 1);
    assert_int_equal(heard(&b, c, got, 1), -ECONNRESET);
    assert_int_equal(ends(&b, SESSION_PROXY_HEADER), 1);
    close(c);
    tear_down(&b);
}

static void test_who_may_send_no_header_is_not_waited_for(void **state)
{
    struct bench b;
    char got[200];
    (void)state;
    set_up(&b, RULES(ONE, "accept proxy from 192.0.2.0/24"));
    int c = client(&b), s = accepted(&b);
    assert_true(s >= 0);
    assert_int_equal(send(s, "220 speaks first", 16, MSG_NOSIGNAL), 16);
    hears(&b, c, "220 speaks first");
    static const char said[] = "PROXIES are none";
    for (unsigned i = 0; i < sizeof said - 1; i++) { /* byte by byte */
        assert_int_equal(send(c, said + i, 1, MSG_NOSIGNAL), 1);
        proxy_turn(b.proxy, 1);
    }
    hears(&b, s, said);
    close(s), close(c);
    assert_int_equal(ends(&b, SESSION_PROXY_HEADER), 0);
    c = client(&b);
    s = accepted(&b);
    assert_true(s >= 0);
    assert_int_equal(send(c, "PROXY TCP4 192.0.2.7 192.0.2.9 4711 80\r\n", 40, MSG_NOSIGNAL), 40);
    assert_int_equal(heard(&b, c, got, 1), -ECONNRESET);
    assert_int_equal(heard(&b, s, got, 1), -ECONNRESET); /* and none of its bytes */
    assert_int_equal(ends(&b, SESSION_PROXY_HEADER), 1);
    close(s), close(c);
    c = client(&b);
    s = accepted(&b);
    assert_int_equal(send(c, "P", 1, MSG_NOSIGNAL), 1);
    shutdown(c, SHUT_WR);
    hears(&b, s, "P");
    close(s), close(c);
    assert_int_equal(ends(&b, SESSION_PROXY_HEADER), 1);
    tear_down(&b);
}

static void test_who_finds_no_place_waits_for_one(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, RULES(ONE " max flows 1", "; queue 2 within 1s"));
    int c[4], s[3];
    for (unsigned i = 0; i < 4; i++) c[i] = client(&b);
    s[0] = accepted(&b);
    says(&b, c[0], s[0], "one");
    assert_int_equal(heard(&b, c[3], &byte, 1), -ECONNRESET); /* two are already waiting */
    assert_int_equal(whole(b.proxy).queued, 2);
    struct session_listing l = {0};
    unsigned at[PHASES] = {0};
    sessions_list(b.proxy, &l);
    for (unsigned i = 0; i < l.count; i++) at[l.sessions[i].phase]++;
    assert_int_equal(at[PHASE_OPEN], 1);
    assert_int_equal(at[PHASE_QUEUE], 2);
    close(s[0]), close(c[0]);
    s[1] = accepted(&b);
    assert_true(s[1] >= 0);
    says(&b, c[1], s[1], "two");
    assert_int_equal(heard(&b, c[2], &byte, 1), -ECONNRESET); /* it waited for a second */
    close(s[1]), close(c[1]), close(c[2]), close(c[3]);
    assert_int_equal(ends(&b, SESSION_DONE), 2);
    assert_int_equal(whole(b.proxy).ends[SESSION_MAX_FLOWS], 1);
    assert_int_equal(whole(b.proxy).ends[SESSION_QUEUE_LATE], 1);
    tear_down(&b);
}

/* Send bytes one by one; more are waited for half a second. */
static void sends_slowly(struct bench *b, int fd, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(send(fd, bytes + i, 1, MSG_NOSIGNAL), 1);
        proxy_turn(b->proxy, 1);
    }
}

/* Write an instruction to a port of 127.0.0.x, with its checksum, and the text after it. */
static void instruct(char text[80], unsigned x, unsigned port, const char *after)
{
    char target[30], told[sizeof target + 12];
    unsigned sum = 0;
    const int n = snprintf(target, sizeof target, "127.0.0.%u:%u", x, port);
    snprintf(told, sizeof told, "%02d%s", n + 4, target);
    for (const char *c = told; *c; c++) sum += (unsigned char)*c;
    snprintf(text, 80, "%s%02u%s", told, sum % 100, after);
}

static void test_an_instruction_says_where_it_goes(void **state)
{
    struct bench b;
    char got[100], text[80];
    (void)state;
    set_up(&b,
           "firewall all default accept { }\n"
           "service s on 127.0.0.2 tcp/%1$u { mode proxy; when instruction check sum ack x\"4f4b0a\" to 127.0.0.0/8 "
           "-> target }\n");
    instruct(text, 1, b.server_port, "after");
    const int c = client(&b);
    sends_slowly(&b, c, text, strlen(text));
    const int s = accepted(&b);
    assert_true(s >= 0);
    hears(&b, c, "OK\n");
    hears(&b, s, "after");
    close(s), close(c);
    ends(&b, SESSION_DONE);
    const int bad = client(&b);
    assert_int_equal(send(bad, "14192.0.2.1:8000", 16, MSG_NOSIGNAL), 16);
    assert_true(heard(&b, bad, got, 1) <= 0);
    close(bad);
    assert_int_equal(ends(&b, SESSION_INSTRUCTION), 1);
    /* Back to its source: each would be another session. */
    instruct(text, 2, b.port, "after");
    const int back = client(&b);
    assert_int_equal(send(back, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    assert_true(heard(&b, back, got, 1) <= 0);
    close(back);
    assert_int_equal(ends(&b, SESSION_INSTRUCTION), 2);
    tear_down(&b);
}

/* Half a name, silence, and data that no branch tests: the bytes pass unchanged. */
static void test_first_bytes_are_waited_for_so_long(void **state)
{
    struct bench b;
    char got[100];
    (void)state;
    set_up(&b, "firewall all default accept { }\npool p { " ONE " }\npool dead { server dead 127.0.0.1:%3$u }\n"
               "service s on 127.0.0.2 tcp/%1$u { mode proxy first bytes within 200ms; when sni \"a.example\" -> dead; "
               "else -> p }\n");
    int c = client(&b), s = accepted(&b); /* after 200 ms */
    assert_true(s >= 0);
    says(&b, s, c, "SSH-2.0-speaks first");
    close(s), close(c);
    ends(&b, SESSION_DONE);
    c = client(&b);
    sends_slowly(&b, c, "SSH-2.0-other", 13);
    s = accepted(&b);
    hears(&b, s, "SSH-2.0-other");
    close(s), close(c);
    ends(&b, SESSION_DONE);
    c = client(&b);
    sends_slowly(&b, c, "\x16\x03\x01\x01\x00\x01", 6);
    assert_true(heard(&b, c, got, 1) <= 0);
    assert_int_equal(ends(&b, SESSION_FIRST_LATE), 1);
    close(c);
    tear_down(&b);
}

static void test_what_needs_no_bytes_waits_for_none(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, "firewall all default accept { }\npool p { " ONE " }\npool dead { server dead 127.0.0.1:%3$u }\n"
               "service s on 127.0.0.2 tcp/%1$u { mode proxy first bytes within 10m; when from 127.0.0.0/8 -> p; "
               "when sni \"a.example\" -> dead; else -> dead }\n");
    const int c = client(&b), s = accepted(&b);
    assert_true(s >= 0);
    says(&b, s, c, "SSH-2.0-speaks first");
    close(s), close(c);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

/* Make another snapshot with these servers down. */
static struct snapshot *world(struct program *p, uint64_t number, uint8_t down)
{
    uint8_t all[8] = {down};
    const struct facts facts = {.generation = number, .down = all};
    struct snapshot *w = snapshot_new(p, &facts, 0);
    assert_non_null(w);
    w->number = number;
    return w;
}

static void test_sessions_of_a_dead_server_end(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, RULES(ONE "; on down reset", ""));
    const int c = client(&b), s = accepted(&b);
    says(&b, c, s, "well");
    struct snapshot *dead = world(b.proxy->program, 2, 1);
    proxy_tell(b.proxy, dead);
    assert_int_equal(heard(&b, c, &byte, 1), -ECONNRESET);
    assert_int_equal(heard(&b, s, &byte, 1), -ECONNRESET);
    assert_int_equal(ends(&b, SESSION_SERVER_DOWN), 1);
    assert_int_equal(proxy_taken(b.proxy), 2);
    close(s), close(c);
    tear_down(&b);
    snapshot_free(dead);
}

/* Return the immediate error of a client's connect, because a port of this machine replies so. */
static int refused(const struct bench *b)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->port), .sin_addr = {htonl(SERVICE)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int failed = connect(fd, (const struct sockaddr *)&to, sizeof to) ? -errno : 0;
    close(fd);
    return failed;
}

static void test_a_service_that_drains_takes_whom_the_kernel_has_let_in(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    const int one = client(&b), two = client(&b);
    struct snapshot *drains = world(b.proxy->program, 2, 0), *again = world(b.proxy->program, 3, 0);
    ((uint8_t *)(uintptr_t)drains->facts.drains)[0] = 1;
    proxy_tell(b.proxy, drains);
    const int to_one = accepted(&b), to_two = accepted(&b);
    assert_true(to_one >= 0 && to_two >= 0);
    assert_int_equal(proxy_taken(b.proxy), 2);
    assert_int_equal(refused(&b), -ECONNREFUSED);
    says(&b, one, to_one, "both go on");
    says(&b, to_two, two, "both ways");
    proxy_tell(b.proxy, again);
    while (proxy_taken(b.proxy) < 3) proxy_turn(b.proxy, 10);
    const int three = client(&b), to_three = accepted(&b);
    assert_true(to_three >= 0);
    says(&b, three, to_three, "open again");
    close(one), close(two), close(three), close(to_one), close(to_two), close(to_three);
    tear_down(&b);
    snapshot_free(drains);
    snapshot_free(again);
}

/* Replace the rules of set_up. */
static struct snapshot *reload(struct bench *b, const char *rules, struct remap **remap)
{
    char text[2048];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const int n = snprintf(text, sizeof text, rules, b->port, b->server_port, b->dead_port);
#pragma GCC diagnostic pop
    struct judge *next = judge_new("proxy", text, (size_t)n, stderr);
    assert_non_null(next);
    *remap = remap_new(b->proxy->program, judge_program(next), NULL, 0, NULL, clock_ns(CLOCK_MONOTONIC));
    struct snapshot *w = world((*remap)->program, 2, 0);
    const struct vm_cfg vm = {0};
    struct chooser *fresh = chooser_new((*remap)->program, &vm);
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &w->facts};
    chooser_facts(fresh, &in);
    struct proxy_listen at = {.at = {.addr = {SERVICE}, .port = b->port}, .service = 0, .fd = -1};
    struct proxy_change change = {.remap = *remap,
                                  .fresh = fresh,
                                  .world = w,
                                  .listens = &at,
                                  .count = 1,
                                  .room = proxy_room_new((*remap)->program, 1),
                                  .counted = proxy_counted_new((*remap)->program->services_count)};
    proxy_change(b->proxy, &change);
    for (unsigned i = 0; i < 100 && !proxy_changed(b->proxy); i++) proxy_turn(b->proxy, 10);
    assert_true(proxy_changed(b->proxy));
    assert_ptr_equal(b->proxy->program, (*remap)->program);
    chooser_free(fresh);
    free(change.counted);
    judge_free(next);
    return w;
}

#ifndef PREY_LOOSE /* sanitizers end a process that requests so much memory */
/* The memory of a change is allocated before it: without memory no loop is asked to change. */
static void test_a_change_without_memory_is_not_begun(void **state)
{
    struct bench b;
    struct rlimit most;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    assert_int_equal(getrlimit(RLIMIT_AS, &most), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &(struct rlimit){UINT64_C(64) << 30, most.rlim_max}), 0);
    struct proxy_room *room = proxy_room_new(b.proxy->program, 1u << 31);
    assert_int_equal(setrlimit(RLIMIT_AS, &most), 0);
    assert_null(room);
    tear_down(&b);
}
#endif

static void test_a_reload_judges_again_where_the_service_says(void **state)
{
    struct bench b;
    struct remap *remap;
    char byte;
    (void)state;
    for (unsigned closes = 0; closes < 2; closes++) {
        set_up(&b, closes ? RULES(ONE, "; on reload close") : RULES(ONE, ""));
        const int c = client(&b), s = accepted(&b);
        says(&b, c, s, "before");
        struct snapshot *w =
            reload(&b,
                   closes ? "firewall all default accept { drop from 127.0.0.1 }\npool p { " ONE
                            " }\nservice s on 127.0.0.2 tcp/%1$u { mode proxy; on reload close; -> p }\n"
                          : "firewall all default accept { drop from 127.0.0.1 }\npool p { " ONE
                            " }\nservice s on 127.0.0.2 tcp/%1$u { mode proxy; -> p }\n",
                   &remap);
        if (closes)
            assert_int_equal(heard(&b, c, &byte, 1), -ECONNRESET);
        else
            says(&b, s, c, "after");
        close(s), close(c);
        assert_int_equal(ends(&b, SESSION_RELOADED), closes);
        tear_down(&b);
        remap_free(remap);
        snapshot_free(w);
    }
}

#define WAITS(branches)                                                                                                \
    "pool p { server s 127.0.0.1:%2$u max flows 1 }\npool q { server s 127.0.0.1:%3$u }\n"                             \
    "service s on 127.0.0.2 tcp/%1$u { mode proxy; queue 2 within 10s; " branches "else -> q }\n"

/* Another branch appears above the one that a session waits for, or that one is gone: a session that would then have
 * another pool ends. */
static void test_who_waits_goes_where_the_rules_of_then_said(void **state)
{
    struct bench b;
    struct remap *remap;
    char byte;
    (void)state;
    for (unsigned gone = 0; gone < 2; gone++) {
        set_up(&b, WAITS("when from 127.0.0.1 -> p; "));
        int c[2], s[2];
        for (unsigned i = 0; i < 2; i++) c[i] = client(&b);
        s[0] = accepted(&b);
        says(&b, c[0], s[0], "one");
        for (unsigned i = 0; i < 100 && !whole(b.proxy).queued; i++) proxy_turn(b.proxy, 10);
        assert_int_equal(whole(b.proxy).queued, 1);
        struct snapshot *w = reload(&b,
                                    gone ? WAITS("when from 10.0.0.1 -> q; ")
                                         : WAITS("when from 10.0.0.1 -> q; when from 127.0.0.1 -> p; "),
                                    &remap);
        close(s[0]), close(c[0]);
        if (gone) {
            assert_int_equal(heard(&b, c[1], &byte, 1), -ECONNRESET);
        } else {
            s[1] = accepted(&b);
            assert_true(s[1] >= 0);
            says(&b, c[1], s[1], "two");
            close(s[1]);
        }
        close(c[1]);
        assert_int_equal(ends(&b, SESSION_RELOADED), gone);
        tear_down(&b);
        remap_free(remap);
        snapshot_free(w);
    }
}

#define LOOKS(first, at)                                                                                               \
    "limits { first_bytes " first " }\npool p { " ONE " }\nservice s on 127.0.0.2 tcp/%1$u { mode proxy; "             \
    "when bytes payload at " at " is x\"41\" -> p; else -> p }\n"

/* Buffers stay as large as at the start: bytes beyond their size aren't tested, but none is lost. */
static void test_a_reload_that_wants_more_first_bytes_loses_none(void **state)
{
    struct bench b;
    struct remap *remap;
    char bytes[3000];
    size_t n = 0;
    (void)state;
    memset(bytes, 'B', sizeof bytes);
    set_up(&b, LOOKS("1KiB", "900"));
    struct snapshot *w = reload(&b, LOOKS("4KiB", "3500"), &remap);
    assert_true(remap->limits); /* which waits for a restart */
    const int c = client(&b);
    assert_int_equal(send(c, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
    const int s = accepted(&b);
    for (ssize_t more; n < sizeof bytes && (more = heard(&b, s, bytes, sizeof bytes)) > 0;) n += (size_t)more;
    assert_int_equal(n, sizeof bytes);
    close(s), close(c);
    tear_down(&b);
    remap_free(remap);
    snapshot_free(w);
}

static unsigned open_files(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* The environment's COUNT sets the number. */
static void test_short_connections_leave_nothing(void **state)
{
    struct bench b;
    const char *count = getenv("COUNT");
    char byte;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    unsigned files = 0, made = 0;
    for (unsigned i = 0, most = count ? (unsigned)atoi(count) : 300; i < most; i++) {
        const int c = client(&b), s = accepted(&b);
        says(&b, c, s, "short");
        reset(i % 3 ? c : s); /* none of our ports waits for its peer */
        assert_true(heard(&b, i % 3 ? s : c, &byte, 1) <= 0);
        close(i % 3 ? s : c);
        while (b.proxy->all) proxy_turn(b.proxy, 10);
        if (!i) files = open_files(), made = b.proxy->sessions.made;
    }
    assert_int_equal(open_files(), files);
    assert_int_equal(b.proxy->sessions.made, made);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

/* A socket that another process also holds stays open: later data wakes no task. */
static void ran(struct task *t) { fail_msg("task %p ran for a side that is closed", (void *)t); }

static void test_a_closed_side_hears_nothing_more(void **state)
{
    struct loop l;
    struct side side;
    struct task task = {.run = ran};
    int ends[2];
    (void)state;
    assert_int_equal(loop_init(&l), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    const int held = dup(ends[0]);
    assert_int_equal(side_open(&side, &l, ends[0], &task), 0);
    side_close(&side);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(&l, 0);
    close(held);
    close(ends[1]);
    loop_fini(&l);
}

/* Clients wait in the kernel until there is a descriptor for them. */
static void test_without_descriptors_it_waits(void **state)
{
    struct bench b;
    struct rlimit before, few;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    const int c = client(&b);
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)c + 1;
    for (int fd; (fd = dup(c)) >= 0 && fd < c;) continue; /* fills gaps below */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    turn_for(&b, 150);
    assert_int_equal(b.proxy->sessions.used, 0);
    assert_true(whole(b.proxy).unwelcome > 0);
    setrlimit(RLIMIT_NOFILE, &before);
    const int s = accepted(&b);
    assert_true(s >= 0);
    says(&b, c, s, "here now");
    close(s);
    tear_down(&b);
}

static void test_times_are_dealt_out_to_bounds(void **state)
{
    struct proxy_counters c = {0};
    const struct proxy_took *t = &c.took[PROXY_TIME_CONNECT];
    (void)state;
    proxy_took(&c, PROXY_TIME_CONNECT, 0);
    proxy_took(&c, PROXY_TIME_CONNECT, 500999);
    proxy_took(&c, PROXY_TIME_CONNECT, 501000);
    proxy_took(&c, PROXY_TIME_CONNECT, UINT64_C(10000001000));
    assert_int_equal(t->within[BOUND_500US], 2);
    assert_int_equal(t->within[BOUND_1MS], 1);
    assert_int_equal(t->within[PROXY_BOUNDS], 1);
    assert_int_equal(t->sum_us, 500 + 501 + 10000001);
    assert_int_equal(proxy_took_count(t), 4);
}

/* All sessions are listed once, in parts, although one ends and another begins between two parts. */
static void test_sessions_are_listed_in_parts(void **state)
{
    struct bench b;
    int c[90], s[90], more;
    bool met[65536] = {false};
    unsigned n = 0, parts = 0;
    (void)state;
    set_up(&b, RULES(ONE, ""));
    for (unsigned i = 0; i < 90; i++) {
        c[i] = client(&b), s[i] = accepted(&b);
        assert_true(s[i] >= 0);
    }
    says(&b, c[0], s[0], "hello");
    for (struct session_listing l = {0}; !l.ended; parts++) {
        sessions_list(b.proxy, &l);
        assert_int_equal(l.program, b.proxy->program->serial);
        for (unsigned i = 0; i < l.count; i++, n++) {
            const struct session_record *r = &l.sessions[i];
            assert_false(met[r->flow.src_port]);
            met[r->flow.src_port] = true;
            assert_int_equal(r->flow.dst_port, b.port);
            assert_int_equal(r->flow.server, 0);
            assert_int_equal(r->phase, PHASE_OPEN);
            assert_true(r->up_bytes == 0 || r->up_bytes == 5);
        }
        if (parts) continue;
        close(c[0]), close(s[0]), close(c[89]), close(s[89]);
        more = client(&b);
        accepted(&b);
        turn_for(&b, 50);
    }
    assert_true(parts > 1 && n >= 89 && n <= 91);
    for (unsigned i = 1; i < 89; i++) close(c[i]), close(s[i]);
    close(more);
    tear_down(&b);
}

/* The total stays the same, whatever happens to services. */
static void test_counters_go_on_under_other_numbers(void **state)
{
    const uint32_t to[] = {1, PBC_NONE, 0, 0};
    struct proxy_counted c = {.services = 4, .of = proxy_counted_new(4)};
    struct proxy_counters sum = {0};
    (void)state;
    for (uint32_t i = 0; i < 4; i++) count_up(&proxy_counted_of(&c, i)->sessions, 1u << i);
    count_up(&proxy_counted_of(&c, PBC_NONE)->sessions, 16);
    struct proxy_counters *gone = c.of[1];
    free(proxy_counted_rename(&c, proxy_counted_new(3), 3, to));
    count_up(&gone->sessions, 32); /* one of its sessions ends late */
    assert_int_equal(c.of[0]->sessions, 4);
    assert_int_equal(c.of[1]->sessions, 1);
    assert_false(proxy_counted_read(&c, 2, &sum));
    assert_true(proxy_counted_read(&c, PBC_NONE, &sum));
    assert_int_equal(sum.sessions, 16 + 2 + 8 + 32);
    free(proxy_counted_rename(&c, proxy_counted_new(1), 1, (const uint32_t[]){PBC_NONE, 0, 0}));
    assert_int_equal(c.rest.sessions, 16 + 2 + 8 + 32);
    assert_int_equal(c.of[0]->sessions, 1);
    proxy_counted_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_go_both_ways_and_each_end_is_told),
        cmocka_unit_test(test_a_reset_is_passed_on),
        cmocka_unit_test(test_another_server_is_tried),
        cmocka_unit_test(test_sessions_are_bounded),
        cmocka_unit_test(test_silence_has_an_end),
        cmocka_unit_test(test_times_are_dealt_out_to_bounds),
        cmocka_unit_test(test_a_trusted_header_names_the_client),
        cmocka_unit_test(test_who_may_send_no_header_is_not_waited_for),
        cmocka_unit_test(test_who_finds_no_place_waits_for_one),
        cmocka_unit_test(test_an_instruction_says_where_it_goes),
        cmocka_unit_test(test_first_bytes_are_waited_for_so_long),
        cmocka_unit_test(test_what_needs_no_bytes_waits_for_none),
        cmocka_unit_test(test_sessions_of_a_dead_server_end),
        cmocka_unit_test(test_a_service_that_drains_takes_whom_the_kernel_has_let_in),
#ifndef PREY_LOOSE
        cmocka_unit_test(test_a_change_without_memory_is_not_begun),
#endif
        cmocka_unit_test(test_a_reload_judges_again_where_the_service_says),
        cmocka_unit_test(test_who_waits_goes_where_the_rules_of_then_said),
        cmocka_unit_test(test_a_reload_that_wants_more_first_bytes_loses_none),
        cmocka_unit_test(test_short_connections_leave_nothing),
        cmocka_unit_test(test_a_closed_side_hears_nothing_more),
        cmocka_unit_test(test_without_descriptors_it_waits),
        cmocka_unit_test(test_sessions_are_listed_in_parts),
        cmocka_unit_test(test_counters_go_on_under_other_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
