/* The base of tests of `mode proxy http`: a loop of the proxy, clients and servers in one thread, over the loopback
 * of a namespace. Nothing waits: each side does what it can between two turns of the loop. */
#ifndef TESTS_UNIT_RUNTIME_HTTP_SCENE_H
#define TESTS_UNIT_RUNTIME_HTTP_SCENE_H

#include "tests/unit/runtime/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"
#include "runtime/proxy/core.h"
#include "runtime/proxy/http/http.h"
#include "runtime/exchange/snapshot.h"
#include "tests/lib/judge.h"
#include "tests/unit/runtime/proxy_whole.h"

enum { PORT = 8080, SERVERS = 2, SERVER_PORT = 9000, TURNS = 4000 };

/* Timeouts: short ones for tests that wait for them; other tests set longer ones, so that a slow machine causes
 * none. */
#ifndef SCENE_TIMES
#define SCENE_TIMES "timeouts { proxy first 300ms; proxy idle 1s; proxy connect 300ms }\n"
#endif

/* Requests for host b, and those below /two, go to the second pool. */
static const char rules[] = SCENE_TIMES "pool one { on down reset; server s 127.0.0.2:9000 }\n"
                                        "pool two { balance maglev; server s 127.0.0.2:9001 }\n"
                                        "service web on 127.0.0.1 tcp/8080 {\n"
                                        "  mode proxy http\n"
                                        "  when host \"b\" -> two\n"
                                        "  when path \"/two/*\" -> two\n"
                                        "  else -> one\n"
                                        "}\n";

struct scene {
    struct judge *judge;
    struct snapshot *world;
    struct proxy *proxy;
    int servers[SERVERS]; /* listening sockets */
    struct remap *remap;  /* the reload's; NULL without one */
};

static inline int listener(uint32_t addr, uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 256), 0);
    return fd;
}

static inline int set_up_with(void **state, const char *text)
{
    static struct scene s;
    if (netns_setup(state)) return 1;
    sh("ip link set lo up");
    s = (struct scene){.judge = judge_new("http", text, strlen(text), stderr)};
    assert_non_null(s.judge);
    struct program *program = judge_program(s.judge);
    s.world = snapshot_new(program, &(struct facts){0}, 1);
    s.world->number = 1;
    for (unsigned i = 0; i < SERVERS; i++) s.servers[i] = listener(INADDR_LOOPBACK + 1, (uint16_t)(SERVER_PORT + i));
    struct proxy_listen at = {
        .at = {.addr = {INADDR_LOOPBACK}, .port = PORT}, .service = 0, .fd = listener(INADDR_LOOPBACK, PORT)};
    const struct proxy_cfg cfg = {.program = program, .vm = {.seed = 1}, .sessions_most = 1000};
    int err;
    s.proxy = proxy_new(&cfg, s.world, &at, 1, &err);
    assert_non_null(s.proxy);
    *state = &s;
    return 0;
}

static inline int set_up(void **state) { return set_up_with(state, rules); }

/* Load the same rules as another program. */
static inline void reload(struct scene *s)
{
    struct judge *next = judge_new("http", rules, sizeof rules - 1, stderr);
    assert_null(s->remap);
    s->remap = remap_new(s->proxy->program, judge_program(next), NULL, 0, NULL, clock_ns(CLOCK_MONOTONIC));
    struct snapshot *world = snapshot_new(s->remap->program, &(struct facts){0}, 1);
    world->number = s->world->number + 1;
    const struct vm_cfg vm = {.seed = 1};
    struct proxy_listen at = {.at = {.addr = {INADDR_LOOPBACK}, .port = PORT}, .fd = -1};
    struct proxy_change change = {.remap = s->remap, .world = world, .listens = &at, .count = 1};
    change.fresh = chooser_new(s->remap->program, &vm);
    change.room = proxy_room_new(s->remap->program, 1);
    change.counted = proxy_counted_new(s->remap->program->services_count);
    proxy_change(s->proxy, &change);
    proxy_turn(s->proxy, 0);
    assert_true(proxy_changed(s->proxy));
    assert_ptr_equal(s->proxy->program, s->remap->program);
    chooser_free(change.fresh);
    free(change.counted);
    judge_free(next);
    snapshot_free(s->world);
    s->world = world;
}

static inline int tear_down(void **state)
{
    struct scene *s = *state;
    proxy_free(s->proxy);
    remap_free(s->remap);
    for (unsigned i = 0; i < SERVERS; i++) close(s->servers[i]);
    snapshot_free(s->world);
    judge_free(s->judge);
    return 0;
}

static inline struct http_loop *loop_of(const struct scene *s) { return s->proxy->of_kind[KIND_http]; }

static inline int client(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to)) assert_int_equal(errno, EINPROGRESS);
    return fd;
}

static inline void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Return the next connection to a server. The test fails if none comes. */
static inline int come(struct scene *s, unsigned server)
{
    for (unsigned i = 0; i < TURNS; i++) {
        proxy_turn(s->proxy, 0);
        const int fd = accept4(s->servers[server], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) return fd;
    }
    fail_msg("no connection comes to server %u", server);
    return -1;
}

static inline bool nobody_came(struct scene *s, unsigned server)
{
    for (unsigned i = 0; i < 20; i++) proxy_turn(s->proxy, 0);
    const int fd = accept4(s->servers[server], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static char heard_text[1 << 16];

/* Return the data that fd receives, up to the text `end`; "": up to the end. */
static const char *heard(struct scene *s, int fd, const char *end)
{
    size_t n = 0;
    heard_text[0] = 0;
    for (unsigned i = 0; i < TURNS; i++) {
        proxy_turn(s->proxy, 1);
        const ssize_t got = recv(fd, heard_text + n, sizeof heard_text - n - 1, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            if (*end) fail_msg("the connection ended behind: %s", heard_text);
            return got ? "reset" : heard_text;
        }
        if (got < 0) continue;
        n += (size_t)got;
        heard_text[n] = 0;
        const size_t len = strlen(end);
        if (len && n >= len && !memcmp(heard_text + n - len, end, len)) return heard_text;
    }
    fail_msg("heard: %s", heard_text);
    return NULL;
}

static inline void hears(struct scene *s, int fd, const char *text) { assert_string_equal(heard(s, fd, text), text); }
static inline bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#endif
