/* The parent's side of requests about the inline stack for inline connections: it is given once, within limits, and
 * a service that asks otherwise is ended. Each parent gives up its rights before it serves. */
#include <errno.h>
#include <sys/socket.h>

#include "runtime/base/sockaddr.h"
#include "runtime/parent/ask.h"
#include "runtime/parent/parent.h"
#include "tests/unit/runtime/netns.h"
#include "vm/flow/inline_addr.h"

enum { HONEST = 40 /* the exit status of a child that reached its end */, WORKERS = 2, NOT_IN_TABLE = 2 };

static const struct request_inline_stack good = {{.workers = WORKERS, .mtu = 9000, .whole = 1}};

typedef void child_fn(struct channel *c, const void *arg);

static int serve(child_fn *child, const void *arg)
{
    const struct options o = {.program = "/nowhere/rules.pbc",
                              .ifaces = {"here"},
                              .iface_count = 1,
                              .peer = {OPTIONS_NO_PEER},
                              .name = "here",
                              .ring = 1 << 20};
    struct parent *p = NULL;
    struct channel *c;
    if (parent_begin(&o, false, &p, &c)) return 1;
    if (c) {
        child(c, arg);
        _exit(HONEST);
    }
    parent_bound(p);
    return parent_serve(p);
}

/* Serve a child by a parent in a separate process, whose rights end with it. Return the parent's exit status. */
static int served(child_fn *child, const void *arg)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) _exit(serve(child, arg));
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void use(struct channel *c, const void *arg)
{
    (void)arg;
    char err[500] = "";
    int fds[IO_FDS_MOST], batch[TRANSPARENT_BATCH];
    union sockaddr_any own, server;
    uint32_t addr[4];
    const int made = ask_INLINE_STACK(c, &good, fds, err, sizeof err);
    if (made < 0) print_error("# %s\n", err);
    if (made != WORKERS * INLINE_STACK_FDS && made != WORKERS * (INLINE_STACK_FDS - 1)) _exit(10);
    if (ask_INLINE_SOCKETS(c, &(struct request_family){4}, batch, NULL, 0) != TRANSPARENT_BATCH) _exit(11);
    inline_address(addr, false, (struct inline_name){.end = INLINE_OWN, .worker = 1, .number = 5});
    const socklen_t len = sockaddr_of(&own, 4, addr, 0);
    inline_address(addr, false, (struct inline_name){.end = INLINE_SERVER, .worker = 1, .number = 5});
    sockaddr_of(&server, 4, addr, INLINE_ORIGINAL);
    if (bind(batch[0], &own.any, len)) _exit(12);
    if (connect(batch[0], &server.any, len) != -1 || errno != EINPROGRESS) _exit(13);
    struct pollfd ready = {.fd = fds[made / WORKERS], .events = POLLIN}; /* the second worker's device */
    if (poll(&ready, 1, 10000) != 1) _exit(14);
    if (fcntl(fds[0], F_GETFD) != FD_CLOEXEC || !(fcntl(fds[0], F_GETFL) & O_NONBLOCK)) _exit(15);
}

static void ask_twice(struct channel *c, const void *arg)
{
    (void)arg;
    char err[500];
    int fds[IO_FDS_MOST];
    if (ask_INLINE_STACK(c, &good, fds, err, sizeof err) < 0) _exit(20);
    (void)ask_INLINE_STACK(c, &good, fds, err, sizeof err);
}

static void ask_so(struct channel *c, const void *arg)
{
    char err[500];
    int fds[IO_FDS_MOST];
    (void)ask_INLINE_STACK(c, arg, fds, err, sizeof err);
}

static void sockets_first(struct channel *c, const void *arg)
{
    (void)arg;
    int batch[TRANSPARENT_BATCH];
    (void)ask_INLINE_SOCKETS(c, &(struct request_family){4}, batch, NULL, 0);
}

static void another_family(struct channel *c, const void *arg)
{
    (void)arg;
    char err[500];
    int fds[IO_FDS_MOST], batch[TRANSPARENT_BATCH];
    if (ask_INLINE_STACK(c, &good, fds, err, sizeof err) < 0) _exit(21);
    (void)ask_INLINE_SOCKETS(c, &(struct request_family){5}, batch, NULL, 0);
}

static void given(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    assert_int_equal(served(use, NULL), HONEST);
    sh("! ip link show prey-in0 2>/dev/null");
}

static void bounded(void **state)
{
    (void)state;
    static const struct request_inline_stack wrong[] = {
        {{.workers = 0, .mtu = 1500}},
        {{.workers = INLINE_WORKERS + 1, .mtu = 1500}},
        {{.workers = UINT32_MAX, .mtu = 1500}},
        {{.workers = 1, .mtu = INLINE_STACK_MTU_LEAST - 1}},
        {{.workers = 1, .mtu = INLINE_STACK_MTU_MOST + 1}},
        {{.workers = 1, .mtu = 1500, .whole = 2}},
    };
    sh(NETNS_PAIR);
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(served(ask_so, &wrong[i]), NOT_IN_TABLE);
    assert_int_equal(served(ask_twice, NULL), NOT_IN_TABLE);
    assert_int_equal(served(sockets_first, NULL), NOT_IN_TABLE);
    assert_int_equal(served(another_family, NULL), NOT_IN_TABLE);
}

/* Ask for the maximum number of workers: as many descriptors as one reply may have */
static void all_workers(struct channel *c, const void *arg)
{
    (void)arg;
    const struct request_inline_stack all = {{.workers = INLINE_WORKERS, .mtu = INLINE_STACK_MTU_MOST, .whole = 1}};
    char err[500];
    int fds[IO_FDS_MOST];
    const int made = ask_INLINE_STACK(c, &all, fds, err, sizeof err);
    if (made < 0) print_error("# %s\n", err);
    if (made < INLINE_WORKERS * (INLINE_STACK_FDS - 1)) _exit(22);
    for (int i = 0; i < made; i++)
        if (fcntl(fds[i], F_GETFD) < 0) _exit(23);
}

static void many(void **state)
{
    (void)state;
    sh(NETNS_PAIR);
    assert_int_equal(served(all_workers, NULL), HONEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(given), netns_test(bounded), netns_test(many)};
    return netns_run(tests, sizeof tests / sizeof *tests);
}
