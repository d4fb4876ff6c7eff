/* Tests of `mode proxy inline` in one process. The inline stack is this process's network namespace, where clients
 * and servers have their made-up addresses on the loopback. The test turns the loop, and is its worker, too. */
#ifndef TESTS_UNIT_INLINE_BENCH_H
#define TESTS_UNIT_INLINE_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"
#include "runtime/base/sockaddr.h"
#include "runtime/exchange/begun/inlined.h"
#include "runtime/exchange/begun/leaving.h"
#include "runtime/proxy/core.h"
#include "runtime/proxy/listing.h"
#include "tests/lib/judge.h"
#include "tests/unit/runtime/netns.h"
#include "tests/unit/runtime/proxy_whole.h"

#define MIDDLE_PATH "/run/prey/test.sock"
enum { CLIENT_PORT = 40000, SERVER_PORT = 80, USE = 2000, VLAN = 7, OUTER = 5 };
#define CLIENT  0xc0000207u /* 192.0.2.7 */
#define SERVER  0xc6336409u /* 198.51.100.9 */
#define CLIENT6 0x20010db8u

struct bench {
    struct judge *judge;
    struct snapshot *world;
    struct proxy *proxy;
    struct inlined *inlined;
    struct leaving *leaving;
};

static inline void furnish(void)
{
    sh("ip link set lo up && for a in 16 32 48; do ip route replace local $a.0.0.0/8 dev lo; done && "
       "for e in 1 2 3; do ip route replace local fd00:0:0:$e::/64 dev lo; done && "
       "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind && ip addr replace 10.0.0.1/32 dev lo && "
       "ip addr replace fd00:0:0:9::1/128 dev lo nodad && "
       "for a in 1::1 9::1; do until ip -6 route get fd00:0:0:$a 2>/dev/null | grep -q ^local; do sleep 0.01; done; "
       "done");
}

static inline int sockets(void *with, unsigned family, int fds[])
{
    (void)with;
    for (unsigned i = 0; i < 4; i++)
        fds[i] = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return 4;
}

/* Open a socket with that address; `listens`: listen on it. */
static inline int bound(const uint32_t addr[4], bool v6, uint16_t port, bool listens)
{
    const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), one = 1;
    union sockaddr_any at;
    const socklen_t len = sockaddr_of(&at, v6 ? 6 : 4, addr, port);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    if (bind(fd, &at.any, len)) fail_msg("port %u: %s", port, strerror(errno));
    if (listens) assert_int_equal(listen(fd, 100), 0);
    return fd;
}

static inline int bound_as(enum inline_end end, uint32_t number, bool v6, uint16_t port, bool listens)
{
    uint32_t addr[4];
    inline_address(addr, v6, (struct inline_name){.end = (uint8_t)end, .number = number});
    return bound(addr, v6, port, listens);
}

static inline int server(uint32_t number, uint16_t port)
{
    const int fd = bound_as(INLINE_SERVER, number, false, port, true);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline int listener(bool v6)
{
    uint32_t addr[4];
    inline_listener(addr, v6, 0);
    const int fd = bound(addr, v6, INLINE_LISTENS, true);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int in_program[2]; /* the program's ends of a connection's streams */

static inline int middle(void *with, const char *path, int fds[2])
{
    (void)with;
    if (strcmp(path, MIDDLE_PATH) != 0) return -ENOENT;
    for (unsigned way = 0; way < 2; way++) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends)) return -errno;
        fds[way] = ends[0];
        in_program[way] = ends[1];
    }
    return 0;
}

static inline struct snapshot *world_of(struct program *p, uint64_t number)
{
    const struct facts facts = {.generation = number};
    struct snapshot *w = snapshot_new(p, &facts, 0);
    assert_non_null(w);
    w->number = number;
    return w;
}

static inline void set_up(struct bench *b, const char *rules)
{
    static const char *const iface_name[] = {"eth"};
    const uint16_t iface = 0;
    int err;
    furnish();
    b->judge = judge_new("inline", rules, strlen(rules), stderr);
    assert_non_null(b->judge);
    struct program *p = judge_program(b->judge);
    b->world = world_of(p, 1);
    b->inlined = inlined_new(100);
    assert_non_null(b->inlined);
    b->leaving = leaving_new(100, 0, eventfd(0, EFD_NONBLOCK));
    assert_non_null(b->leaving);
    struct proxy_listen at[2] = {
        {.at = {.port = INLINE_LISTENS}, .service = PBC_NONE, .fd = listener(false)},
        {.at = {.port = INLINE_LISTENS, .v6 = true}, .service = PBC_NONE, .fd = listener(true)}};
    const struct proxy_cfg cfg = {.program = p,
                                  .sessions_most = 100,
                                  .inlined = b->inlined,
                                  .leaving = b->leaving,
                                  .stack_sockets = sockets,
                                  .middle = middle,
                                  .iface_name = iface_name,
                                  .iface = &iface,
                                  .iface_count = 1};
    b->proxy = proxy_new(&cfg, b->world, at, 2, &err);
    if (!b->proxy) fail_msg("%s", strerror(-err));
}

static inline void tear_down(struct bench *b)
{
    proxy_free(b->proxy);
    snapshot_free(b->world);
    inlined_free(b->inlined);
    close(b->leaving->wake_fd);
    leaving_free(b->leaving);
    judge_free(b->judge);
}

/* Report a connection from the worker, by its program. */
static inline void tell(struct bench *b, uint32_t number, bool v6)
{
    struct inline_open o = {.number = number,
                            .port = USE,
                            .client = {v6 ? CLIENT6 : CLIENT, 0, 0, v6},
                            .server = {v6 ? CLIENT6 : SERVER, 0, 0, 2 * v6},
                            .client_port = CLIENT_PORT,
                            .server_port = SERVER_PORT,
                            .vlan = {OUTER, VLAN},
                            .client_mac = 0x020000000001,
                            .server_mac = 0x020000000002,
                            .firewall = 0,
                            .v6 = v6};
    assert_true(inlined_put(b->inlined, &o, b->proxy->program->serial, 1));
}

static inline int client_of(uint32_t number, uint16_t use, bool v6)
{
    uint32_t addr[4];
    union sockaddr_any to;
    const int fd = bound_as(INLINE_CLIENT, number, v6, use, false);
    inline_listener(addr, v6, 0);
    const socklen_t len = sockaddr_of(&to, v6 ? 6 : 4, addr, INLINE_LISTENS);
    if (connect(fd, &to.any, len)) fail_msg("connect: %s", strerror(errno));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline int client(struct bench *b, uint32_t number)
{
    tell(b, number, false);
    return client_of(number, USE, false);
}

static inline int accepted(struct bench *b, int at)
{
    for (unsigned i = 0; i < 200; i++) {
        const int fd = accept4(at, NULL, NULL, SOCK_NONBLOCK);
        if (fd >= 0) return fd;
        proxy_turn(b->proxy, 10);
    }
    return -1;
}

/* Read data, up to n bytes. Returns -errno, or 0 at the end. */
static inline ssize_t heard(struct bench *b, int fd, void *to, size_t n)
{
    for (unsigned i = 0; i < 300; i++) {
        const ssize_t got = recv(fd, to, n, 0);
        if (got >= 0 || errno != EAGAIN) return got < 0 ? -errno : got;
        proxy_turn(b->proxy, 10);
    }
    return -ETIMEDOUT;
}

static inline void hears(struct bench *b, int fd, const char *text)
{
    char got[200];
    size_t n = 0;
    for (ssize_t more; n < strlen(text); n += (size_t)more) {
        more = heard(b, fd, got + n, strlen(text) - n);
        assert_true(more > 0);
    }
    assert_memory_equal(got, text, n);
}

static inline void says(struct bench *b, int from, int to, const char *text)
{
    assert_int_equal(send(from, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    hears(b, to, text);
}

static inline void is_reset(struct bench *b, int fd)
{
    char byte;
    assert_int_equal(heard(b, fd, &byte, 1), -ECONNRESET);
    close(fd);
}

/* The same after the data sent before. */
static inline void is_reset_at_last(struct bench *b, int fd)
{
    char bytes[100];
    ssize_t n;
    do n = heard(b, fd, bytes, sizeof bytes);
    while (n > 0);
    assert_int_equal(n, -ECONNRESET);
    close(fd);
}

static inline uint64_t ends(struct bench *b, enum session_end e)
{
    for (unsigned i = 0; i < 1000 && b->proxy->all; i++) proxy_turn(b->proxy, 10);
    assert_null(b->proxy->all);
    assert_int_equal(b->proxy->sessions.used, 0);
    assert_int_equal(b->proxy->inline_facts.used, 0);
    assert_int_equal(b->proxy->sides.used, 0);
    assert_int_equal(b->proxy->buffers.used, 0);
    return whole(b->proxy).ends[e];
}

#define RULES(body) "firewall all default accept { }\nservice s on any tcp/80 { mode proxy inline" body " }\n"
#define TO_POOL(servers, body)                                                                                         \
    "firewall all default accept { }\npool p { balance round_robin; " servers                                          \
    " }\nservice s on any tcp/80 { mode proxy inline" body "; -> p }\n"

/* Replace the rules of set_up. */
static inline struct snapshot *reload(struct bench *b, const char *rules, struct remap **remap)
{
    struct judge *next = judge_new("inline", rules, strlen(rules), stderr);
    assert_non_null(next);
    *remap = remap_new(b->proxy->program, judge_program(next), NULL, 0, NULL, clock_ns(CLOCK_MONOTONIC));
    struct snapshot *w = world_of((*remap)->program, 2);
    const struct vm_cfg vm = {0};
    const uint16_t iface = 0;
    struct chooser *fresh = chooser_new((*remap)->program, &vm);
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &w->facts};
    chooser_facts(fresh, &in);
    struct proxy_listen at[2] = {{.at = {.port = INLINE_LISTENS}, .service = PBC_NONE, .fd = -1},
                                 {.at = {.port = INLINE_LISTENS, .v6 = true}, .service = PBC_NONE, .fd = -1}};
    struct proxy_change change = {.remap = *remap,
                                  .fresh = fresh,
                                  .world = w,
                                  .listens = at,
                                  .count = 2,
                                  .iface = &iface,
                                  .inlined = b->inlined,
                                  .leaving = b->leaving,
                                  .room = proxy_room_new((*remap)->program, 2),
                                  .counted = proxy_counted_new((*remap)->program->services_count)};
    proxy_change(b->proxy, &change);
    for (unsigned i = 0; i < 100 && !proxy_changed(b->proxy); i++) proxy_turn(b->proxy, 10);
    assert_true(proxy_changed(b->proxy));
    chooser_free(fresh);
    free(change.counted);
    judge_free(next);
    return w;
}

#endif
