/* The parent's side of requests: the service's valid requests are done, and every other one ends it with one
 * sentence. The child here is an enemy: it writes anything. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "runtime/host/state.h"
#include "runtime/kernel/asker.h"
#include "runtime/kernel/kernel_priv.h"
#include "runtime/kernel/loaded.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/parent.h"
#include "runtime/parent/request.h"
#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "tests/unit/runtime/netns.h"

enum { HONEST = 40 /* the exit status of a child that reached its end */ };

static const char *rules = "/nowhere/rules.pbc", *log_known, *middle_known_at;
static struct loaded loaded; /* the kernel executor, for the next parent */

static struct options options_here(void)
{
    return (struct options){.program = rules,
                            .ifaces = {"here"},
                            .iface_count = 1,
                            .peer = {OPTIONS_NO_PEER},
                            .name = "here",
                            .ring = 1 << 20};
}

typedef void child_fn(struct channel *c, void *arg);

/* Traffic control instead of XDP passes arriving packets to the kernel executor. */
static bool by_tc;

/* Run a parent that serves such a child; returns the exit status. */
static int served(child_fn *child, void *arg)
{
    struct options o = options_here();
    struct parent *p = NULL;
    struct channel *c;
    assert_int_equal(parent_begin(&o, false, &p, &c), 0);
    if (c) {
        child(c, arg);
        _exit(HONEST);
    }
    assert_non_null(p);
    if (log_known) parent_knows_log(p, log_known);
    if (middle_known_at) parent_knows_middle(p, middle_known_at);
    parent_knows_kernel(p, &loaded, by_tc);
    return parent_serve(p);
}

/* The same, with its standard error. */
static int served_and_said(child_fn *child, void *arg, char *said, size_t size)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    const int before = dup(2);
    dup2(out[1], 2);
    const int status = served(child, arg);
    dup2(before, 2);
    close(before);
    close(out[1]);
    const ssize_t n = read(out[0], said, size - 1);
    said[n > 0 ? n : 0] = 0;
    close(out[0]);
    return status;
}

/* ---- valid requests ---- */

static void ask_all(struct channel *c, void *arg)
{
    (void)arg;
    char err[500];
    struct guard_match m = {
        .from_ports = GUARD_ANY_PORT, .to_ports = {80, 80}, .proto = 6, .to = {{{0x0a000064}, 4}, {{0x0a000064}, 4}}};
    const struct io_ask port = {.mtu = 1500, .group = -1, .ring_bytes = 1 << 20};
    struct io_made made;
    int fd;
    struct answer a;
    if (ask_GUARD(c, &(struct request_guard){0}, &m, 1, err, sizeof err)) _exit(1);
    if (ask_port(c, &port, &made, err, sizeof err) || !made.fd_count) _exit(2);
    struct io_port *p =
        io_PACKET.open(&(struct io_ask){.mtu = 1500, .ring_bytes = 1 << 20}, &made, NULL, err, sizeof err);
    if (!p) _exit(3);
    io_PACKET.close(p);
    if (ask_RULES(c, &fd, err, sizeof err) != -ENOENT || !strstr(err, "/nowhere/rules.pbc: No such")) _exit(4);
    if (ask_TUN(c, &a, &fd, err, sizeof err) || fcntl(fd, F_GETFD) != FD_CLOEXEC || !a.value) _exit(5);
    ask_RESOLVE(c, &(struct request_address){{{0x0a000001}, 4}, 0});
    if (ask_ANNOUNCE(c, &(struct request_address){{{0x0a000064}, 4}, 0}, err, sizeof err)) _exit(6);
}

static void requests(void **state)
{
    (void)state;
    sh(NETNS_PAIR " && ip addr add 10.0.0.2/24 dev here");
    assert_int_equal(served(ask_all, NULL), HONEST);
    sh("! nft list tables | grep -q prey && ! ip link show prey-here 2>/dev/null");
}

/* Leave guard rules as a child that is killed: the guard stays closed. */
static void guard_and_die(struct channel *c, void *arg)
{
    ask_all(c, arg);
    kill(getpid(), SIGKILL);
}

static void closed(void **state)
{
    (void)state;
    char said[2000];
    sh(NETNS_PAIR " && ip addr add 10.0.0.2/24 dev here");
    assert_int_equal(served_and_said(guard_and_die, NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "the service was ended by signal 9 (Killed); guard rules stay"));
    sh("nft list tables | grep -q prey_here");
    assert_int_equal(state_cleanup(STATE_RUN, "here", NULL, NULL), 0);
    sh("! nft list tables | grep -q prey");
}

/* Exit with a status for the parent if not good. */
static void wants(bool good, int status)
{
    if (!good) _exit(status);
}

/* ---- the kernel executor ---- */

static struct program *compiled(const char *text)
{
    struct program *p = compiled_text(text);
    assert_non_null(p);
    return p;
}

/* Load it for the next parent. False: no programs may be loaded here. */
static bool loads(const struct program *p)
{
    char err[500] = "";
    const struct kernel_cfg cfg = {.hooks = by_tc ? KERNEL_TC : KERNEL_XDP | KERNEL_TC, .live = true, .seed = 1};
    const bool good = !loaded_begin(&loaded, p, &cfg, err, sizeof err);
    if (!good) print_message("# %s\n", err);
    return good;
}

/* Run the stages as a normal service, without a right, through what the parent made. */
static void ask_stages(struct channel *c, void *arg)
{
    char err[500] = "";
    struct kernel *k;
    struct judge *j;
    struct proof proof;
    struct asker a;
    struct kpkt *of;
    struct pkt pkt;
    uint64_t generic;
    struct io_made made;
    const struct io_ask here = {.mtu = 1500, .group = -1, .ring_bytes = 1 << 20, .noted = true, .beside = !by_tc};
    const uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46};
    kernel_ready();
    wants(!parent_confine(c), 1);
    wants(!ask_kernel(c, arg, NULL, &k, err, sizeof err), 7);
    for (unsigned i = 0; i < 2; i++) { /* the second replaces the first */
        wants(!ask_prepare(c, k, arg, &j, &proof, err, sizeof err) && proof.frames, 2);
        wants(!ask_SWAP(c, err, sizeof err), 3);
        kernel_took(k, j);
        asker_init(&a, k, 0);
        pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
        wants(!ask_frame(&a, by_tc ? KERNEL_IN : KERNEL_XDP, &pkt, 1, &of) && of->out != KERNEL_NONE, 4);
    }
    for (unsigned i = 0; i < 2; i++) { /* the second replaces the first */
        struct pkt *none[IO_BATCH];
        wants(!ask_port(c, &here, &made, err, sizeof err), 8);
        struct io_port *port = io_RAISED.open(&here, &made, NULL, err, sizeof err);
        wants(port && !io_RAISED.receive(port, none, IO_BATCH), 9);
        io_RAISED.close(port);
    }
    wants(!ask_HOOKS(c, &(struct request_at){0}, &generic, err, sizeof err) && !generic, 5);
    wants(!ask_HOOKS(c, &(struct request_at){0}, &generic, err, sizeof err), 6); /* as after its interface went */
    kernel_free(k);
}

/* Overwrite everything that the service may write: state maps, and the meters' maps. */
static void scribble_over(const struct map *m, struct rng *r)
{
    uint8_t *const at = m->memory;
    const uint32_t kind = rng_below(r, 3);
    for (uint64_t i = 0; at && i < m->len && i < 1 << 16; i++)
        at[i] = kind == 0 ? 0xff : kind == 1 ? 0 : (uint8_t)rng_next(r);
}

struct scribbling {
    struct kernel *kernel;
    bool ends; /* atomic */
};

static void *scribble(void *arg)
{
    struct scribbling *s = arg;
    struct rng r = {.state = 1};
    while (!__atomic_load_n(&s->ends, __ATOMIC_ACQUIRE))
        for (unsigned i = 0; i < KERNEL_MAPS; i++) scribble_over(kernel_map(s->kernel, i), &r);
    return NULL;
}

/* Programs in force one after the other: the first one's counts are kept for the next, at the places that its
 * meters' cells claim. */
static void swaps_lies(struct channel *c, const struct kernel *k, const struct program *program)
{
    char err[500];
    struct judge *j;
    struct proof proof;
    for (unsigned n = 0; n < 6; n++) {
        wants(!ask_prepare(c, k, program, &j, &proof, err, sizeof err), 2);
        struct kernel_meter *const cell = j->tables.v[KERNEL_TABLE_meter_cells].memory;
        cell->table.groups = UINT32_MAX >> 4;
        cell->table.first_slot = cell->table.first_key = (uint64_t)n << 40;
        wants(!ask_SWAP(c, err, sizeof err), 3);
        kernel_discard(j);
    }
}

/* A compromised child fills everything it got from the parent with noise, while the parent works with it. */
static void scribbles(struct channel *c, void *arg)
{
    char err[500] = "";
    struct scribbling s = {0};
    struct judge *j;
    struct proof proof;
    pthread_t thread;
    uint64_t generic;
    kernel_ready();
    wants(!ask_kernel(c, arg, NULL, &s.kernel, err, sizeof err), 7);
    swaps_lies(c, s.kernel, arg);
    wants(!pthread_create(&thread, NULL, scribble, &s), 1);
    for (unsigned i = 0; i < 10; i++) {
        /* The parent may find that its judges differ. */
        if (ask_prepare(c, s.kernel, arg, &j, &proof, err, sizeof err)) continue;
        wants(!ask_SWAP(c, err, sizeof err), 4);
        kernel_discard(j);
    }
    wants(!ask_HOOKS(c, &(struct request_at){0}, &generic, err, sizeof err), 5);
    __atomic_store_n(&s.ends, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}

/* Send requests about the kernel executor in an order that no service uses. */
static void before_kernel(struct channel *c, void *arg)
{
    char err[500];
    struct judge *j;
    struct proof proof;
    (void)ask_prepare(c, NULL, arg, &j, &proof, err, sizeof err);
}

static void hooks_before_kernel(struct channel *c, void *arg)
{
    char err[500];
    uint64_t generic;
    (void)arg;
    ask_HOOKS(c, &(struct request_at){0}, &generic, err, sizeof err);
}

static void kernel_again(struct channel *c, void *arg)
{
    char err[500];
    struct kernel *k;
    wants(!ask_kernel(c, arg, NULL, &k, err, sizeof err), 7);
    ask_kernel(c, arg, NULL, &k, err, sizeof err);
}

static void hooks_elsewhere(struct channel *c, void *arg)
{
    char err[500];
    struct kernel *k;
    uint64_t generic;
    wants(!ask_kernel(c, arg, NULL, &k, err, sizeof err), 7);
    ask_HOOKS(c, &(struct request_at){1}, &generic, err, sizeof err);
}

static void swap_nothing(struct channel *c, void *arg)
{
    char err[500];
    (void)arg;
    ask_SWAP(c, err, sizeof err);
}

static void kernel(void **state)
{
    (void)state;
    char said[2000];
    struct program *p = compiled("firewall f in default accept { drop tcp port 81 }");
    sh(NETNS_PAIR);
    for (unsigned tc = 0; tc < 2; tc++) {
        by_tc = tc;
        const bool allowed = loads(p);
        if (!allowed) program_put(p);
        if (!allowed) skip();
        assert_int_equal(served(ask_stages, p), HONEST);
        sh("! ip link show here | grep -q xdp");
    }
    program_put(p);
    assert_int_equal(served_and_said(swap_nothing, NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "a request that isn't in the table"));
}

static void lies(void **state)
{
    (void)state;
    static child_fn *const orders[] = {before_kernel, hooks_before_kernel, kernel_again, hooks_elsewhere};
    char said[2000];
    struct program *p = compiled(
        "meter m = 5/s per source\nfirewall f in default accept { drop from 10.0.0.0/8 over m\n drop tcp port 81 }");
    sh(NETNS_PAIR);
    const bool allowed = loads(p);
    if (!allowed) program_put(p);
    if (!allowed) skip();
    assert_int_equal(served(scribbles, p), HONEST);
    sh("! ip link show here | grep -q xdp");
    for (unsigned i = 0; i < sizeof orders / sizeof *orders; i++) {
        assert_true(loads(p));
        assert_int_equal(served_and_said(orders[i], p, said, sizeof said), 2);
        assert_non_null(strstr(said, "a request that isn't in the table"));
    }
    program_put(p);
}

/* ---- access logs ---- */

/* Ask for a log by its path in the folder of the rules; "": received. */
static const char *log_refused(struct channel *c, const char *name)
{
    static char err[500];
    char path[200];
    int fd = -1;
    snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(rules, '/') + 1 - rules), rules, name);
    const char *whole = name[0] == '/' ? name : path;
    const bool there = access(whole, F_OK) == 0;
    const int looked = ask_ACCESS_LOOK(c, whole, err, sizeof err); /* the same result, without making a file */
    if (!there && access(whole, F_OK) == 0) _exit(31);
    const int failed = ask_ACCESS_LOG(c, whole, &fd, err, sizeof err);
    if (!looked != !failed) _exit(32);
    if (!failed && (fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) != (O_WRONLY | O_APPEND)) _exit(30);
    if (!failed) close(fd);
    return failed ? err : "";
}

static void ask_logs(struct channel *c, void *arg)
{
    (void)arg;
    wants(!*log_refused(c, "new.log"), 1);
    wants(!*log_refused(c, "empty.log"), 2);
    wants(strstr(log_refused(c, "theirs.log"), "the file has lines of another program"), 3);
    wants(!*log_refused(c, "known.log"), 4);
    wants(strstr(log_refused(c, "rules"), "must end in .log"), 5);
    wants(*log_refused(c, "link.log") && *log_refused(c, "fifo.log"), 6);
    const char *const elsewhere[] = {"below/new.log", "../new.log", "/etc/new.log", "/nowhere/new.log",
                                     "/var/log/../lib/new.log"};
    for (unsigned i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        wants(strstr(log_refused(c, elsewhere[i]), "an access log must be below /var/log"), 10 + (int)i);
    sh("echo line >>\"$LOGS/new.log\"");
    wants(!*log_refused(c, "new.log"), 20); /* it is ours now */
}

#ifndef PREY_LOOSE
/* The child can only append to its log. */
static void empty_log(struct channel *c, void *arg)
{
    char path[200], err[500];
    int fd;
    snprintf(path, sizeof path, "%s/known.log", getenv("LOGS"));
    if (parent_confine(c) || ask_ACCESS_LOG(c, path, &fd, err, sizeof err)) _exit(1);
    if (arg)
        (void)!ftruncate(fd, 0);
    else
        fcntl(fd, F_SETFL, 0);
}
#endif

static void logs(void **state)
{
    (void)state;
    char folder[] = "/tmp/prey-test-XXXXXX", path[200], known[200];
    assert_non_null(mkdtemp(folder));
    setenv("LOGS", folder, 1);
    sh(NETNS_PAIR "; cd \"$LOGS\"; mkdir below; touch empty.log; echo line | tee theirs.log >known.log; "
                  "ln -s theirs.log link.log; mkfifo fifo.log");
    snprintf(path, sizeof path, "%s/rules.pbc", folder);
    snprintf(known, sizeof known, "%s/known.log", folder);
    rules = path;
    log_known = known;
    assert_int_equal(served(ask_logs, NULL), HONEST);
#ifndef PREY_LOOSE
    char said[2000];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(served_and_said(empty_log, i ? folder : NULL, said, sizeof said), 2);
        assert_non_null(strstr(said, "which isn't in its list"));
    }
#endif
    sh("cd \"$LOGS\"; test \"$(cat theirs.log known.log)\" = \"$(printf 'line\\nline')\"; rm -r \"$LOGS\"");
}

/* ---- programs on the path ---- */

/* Check that two streams to a socket in that folder reach its listener; "": they did. */
static const char *middle_refused(struct channel *c, const char *name)
{
    static char err[500];
    char path[200];
    int fds[2];
    snprintf(path, sizeof path, "%s/%s", getenv("SOCKETS"), name);
    const char *whole = name[0] == '/' ? name : path;
    if (ask_MIDDLE_LOOK(c, whole, err, sizeof err)) {
        wants(ask_MIDDLE(c, whole, fds, NULL, 0) == -EACCES, 33);
        return err;
    }
    const int failed = ask_MIDDLE(c, whole, fds, NULL, 0);
    for (unsigned i = 0; i < 2 && !failed; i++) {
        wants(send(fds[i], "x", 1, MSG_NOSIGNAL) == 1 && fcntl(fds[i], F_GETFL) & O_NONBLOCK, 34);
        close(fds[i]);
    }
    return failed ? strerror(-failed) : "";
}

static void ask_middles(struct channel *c, void *arg)
{
    (void)arg;
    wants(!*middle_refused(c, "here.sock"), 1);
    wants(!*middle_refused(c, "below/known.sock"), 2);
    wants(strstr(middle_refused(c, "below/other.sock"), "a program's socket must be below /run/prey"), 3);
    wants(strstr(middle_refused(c, "/run/systemd/private"), "a program's socket must be below /run/prey"), 4);
    wants(strstr(middle_refused(c, "/run/prey/../other.sock"), "a program's socket must be below /run/prey"), 5);
    wants(!strcmp(middle_refused(c, "none.sock"), strerror(ENOENT)), 6);
    wants(!strcmp(middle_refused(c, "file"), strerror(ENOTSOCK)), 7);
    wants(!strcmp(middle_refused(c, "link.sock"), strerror(ENOTSOCK)), 8); /* the target of a link may be anything */
    wants(!strcmp(middle_refused(c, "dead.sock"), strerror(ECONNREFUSED)), 9);
}

static int listening(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%.40s/%.40s", getenv("SOCKETS"), name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 10), 0);
    return fd;
}

static void middles(void **state)
{
    char folder[] = "/tmp/prey-test-XXXXXX", path[200], known[200];
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("SOCKETS", folder, 1);
    sh(NETNS_PAIR "; cd \"$SOCKETS\"; mkdir below; touch file; ln -s here.sock link.sock");
    snprintf(path, sizeof path, "%s/rules.pbc", folder);
    snprintf(known, sizeof known, "%s/below/known.sock", folder);
    const int fds[] = {listening("here.sock"), listening("below/known.sock"), listening("below/other.sock")};
    close(listening("dead.sock"));
    rules = path;
    middle_known_at = known;
    assert_int_equal(served(ask_middles, NULL), HONEST);
    for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++) close(fds[i]);
    sh("rm -r \"$SOCKETS\"");
}

/* ---- invalid requests ---- */

struct noise {
    uint64_t seed;
    bool framed; /* with the head of some request, and of the length it claims */
};

/* Requests with contents that no service sends, as bytes; by shape, so that a handler sees none of them */
struct unsound {
    const char *what;
    const void *body;
    enum request_kind kind;
};

#define UNSOUND(kind, shape, ...)                                                                                      \
    {                                                                                                                  \
#kind ": " #__VA_ARGS__, &(const struct request_##shape){__VA_ARGS__ }, REQUEST_##kind                         \
    }

static const struct request_path endless = {.path = {[0 ... sizeof endless.path - 1] = 'a'}};
static const struct request_stream nameless = {.dir = "/var/log/x", .name = {[0 ... sizeof nameless.name - 1] = 'a'}};

static const struct unsound unsound_ones[] = {
    UNSOUND(GUARD, guard, .routed = 2),
    UNSOUND(OFFLOADS, offloads, .port = 1),
    UNSOUND(STEER, steer, .port = 1),
    UNSOUND(TAKE, take, .port = UINT32_MAX),
    UNSOUND(WORLD, world, .port = 1),
    UNSOUND(LEAVE, at, .port = 1),
    UNSOUND(KEEP, at, .port = 1),
    UNSOUND(TOO_LONG, at, .port = 1),
    UNSOUND(CARRIED, at, .port = 1),
    UNSOUND(STEERING, at, .port = 1),
    UNSOUND(RESOLVE, address, .addr = {.family = 4}, .port = 1),
    UNSOUND(RESOLVE, address, .addr = {.family = 5}),
    UNSOUND(ANNOUNCE, address, .addr = {.family = 0}),
    UNSOUND(LISTEN, listen, .addr = {.family = 4}),
    UNSOUND(LISTEN, listen, .addr = {.family = 4}, .port = 65536),
    UNSOUND(LISTEN, listen, .addr = {.family = 7}, .port = 80),
    UNSOUND(TRANSPARENT, family, .family = 5),
    UNSOUND(NOTIFY, notify, .word = 99),
    UNSOUND(HISTORY_OPEN, file, .file = HISTORY_FILES),
    UNSOUND(HISTORY_KEEP, file, .file = HISTORY_FILES),
    UNSOUND(COPY_FILE, turn, .turn = 2),
    UNSOUND(COPY_FILE, turn, .zero = 1),
    UNSOUND(STREAM_FILE, stream, .how = STREAM_HOWS),
    UNSOUND(STREAM_LOOK, stream, .again = 2),
    UNSOUND(PORT, port, {.ring_bytes = 1 << 20, .port = 1}),
    UNSOUND(PORT, port, {.ring_bytes = 1 << 20, .worker = 255}),
    UNSOUND(PORT, port, {.ring_bytes = 2 << 20}),
    UNSOUND(PORT, port, {.ring_bytes = 1}),
    UNSOUND(PORT, port, {.ring_bytes = 1 << 20, .group = 1 << 16}),
    {"ACCESS_LOG: a path without an end", &endless, REQUEST_ACCESS_LOG},
    {"CERTIFICATES: a path without an end", &endless, REQUEST_CERTIFICATES},
    {"MIDDLE: a path without an end", &endless, REQUEST_MIDDLE},
    {"STREAM_FILE: a name without an end", &nameless, REQUEST_STREAM_FILE},
};

static void send_unsound(struct channel *c, void *arg)
{
    const struct unsound *u = arg;
    const struct request_head head = {u->kind, 0};
    struct answer a;
    if (channel_send(c->fd, &head, sizeof head, NULL, 0, CHANNEL_ANY)) _exit(1);
    if (channel_send(c->fd, u->body, request_rows[u->kind].body, NULL, 0, CHANNEL_ANY)) _exit(1);
    shutdown(c->fd, SHUT_WR); /* a parent that continues sees the end */
    while (recv(c->fd, &a, sizeof a, 0) > 0) continue;
}

static void unsound(void **state)
{
    (void)state;
    char said[2000];
    sh(NETNS_PAIR);
    for (unsigned i = 0; i < sizeof unsound_ones / sizeof *unsound_ones; i++) {
        struct unsound u = unsound_ones[i];
        const int status = served_and_said(send_unsound, &u, said, sizeof said);
        if (!strstr(said, "a request that isn't in the table")) print_error("# %s: %d %s\n", u.what, status, said);
        assert_non_null(strstr(said, "a request that isn't in the table"));
    }
}

/* Fill with bytes that mostly look like small numbers. */
static void fill(struct rng *r, uint8_t *bytes, size_t len)
{
    const uint64_t kind = rng_below(r, 3);
    memset(bytes, 0, len);
    for (size_t i = 0; i < len; i++)
        if (kind == 0 || (kind == 1 && rng_below(r, 8) == 0)) bytes[i] = (uint8_t)rng_below(r, kind ? 8 : 256);
}

static void write_noise(struct channel *c, void *arg)
{
    const struct noise *n = arg;
    static uint8_t bytes[1 << 14];
    struct rng r = {n->seed};
    struct answer a;
    for (int i = 0; i < 200; i++) {
        size_t len = 1 + rng_below(&r, 600);
        const struct request_head head = {(uint32_t)rng_below(&r, REQUEST_COUNT), (uint32_t)rng_below(&r, 4)};
        if (n->framed) len = sizeof head + request_rows[head.kind].body + head.count * request_rows[head.kind].each;
        fill(&r, bytes, len);
        if (n->framed) memcpy(bytes, &head, sizeof head);
        if (channel_send(c->fd, bytes, len, NULL, 0, CHANNEL_ANY)) _exit(1);
        while (recv(c->fd, &a, sizeof a, MSG_DONTWAIT) > 0) continue;
    }
    if (!n->framed) shutdown(c->fd, SHUT_WR); /* the last one stops midway */
    while (recv(c->fd, &a, sizeof a, 0) > 0) continue;
}

static void noise(void **state)
{
    (void)state;
    char said[4000];
    unsigned refused = 0;
    sh(NETNS_PAIR " && ip addr add 10.0.0.2/24 dev here");
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct noise n = {seed, seed % 4 != 0};
        const int status = served_and_said(write_noise, &n, said, sizeof said);
        assert_true(status == 2 || status == HONEST || status == 1);
        refused +=
            strstr(said, "the service made a request that isn't in the table, and is killed; please report") != NULL;
        assert_int_equal(state_cleanup(STATE_RUN, "here", NULL, NULL), 0);
    }
    assert_true(refused > 50);
    sh("! nft list tables | grep -q prey && ! ip link show prey-here 2>/dev/null");
}

/* Send a request byte by byte: its time is over some seconds after it began. */
static void trickle(struct channel *c, void *arg)
{
    const struct request_head head = {REQUEST_KEYPAIR, 0};
    const struct timespec step = {.tv_sec = 1};
    (void)arg;
    (void)!send(c->fd, &head, sizeof head, MSG_NOSIGNAL);
    for (int i = 0; i < 60 && send(c->fd, "a", 1, MSG_NOSIGNAL) == 1; i++) nanosleep(&step, NULL);
    _exit(HONEST);
}

static void slow_requests(void **state)
{
    (void)state;
    char said[2000];
    sh(NETNS_PAIR);
    assert_int_equal(served_and_said(trickle, NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "the service made a request that isn't in the table, and is killed; please report"));
}

/* Repeated requests don't delay the end, either. */
static void ask_for_ever(struct channel *c, void *arg)
{
    const struct request_head head = {REQUEST_RULES, 0};
    const struct request_none none = {0};
    struct answer a;
    const struct timespec step = {.tv_sec = 1};
    (void)arg;
    signal(SIGTERM, SIG_IGN);
    kill(getppid(), SIGTERM);
    for (int i = 0; i < 120; i++, nanosleep(&step, NULL)) {
        (void)!send(c->fd, &head, sizeof head, MSG_NOSIGNAL);
        if (send(c->fd, &none, sizeof none, MSG_NOSIGNAL) < 0) break;
        (void)!recv(c->fd, &a, sizeof a, MSG_WAITALL);
    }
    _exit(HONEST);
}

static void slow_end(void **state)
{
    (void)state;
    char said[2000];
    sh(NETNS_PAIR);
    assert_int_equal(served_and_said(ask_for_ever, NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "the service didn't end within 30 s, and is killed"));
}

/* Unexpected descriptors are closed, and end the service. */
static void pass_many(struct channel *c, void *arg)
{
    (void)arg;
    int fds[100];
    const struct request_head head = {REQUEST_RULES, 0};
    for (int i = 0; i < 100; i++) fds[i] = dup(2);
    channel_send(c->fd, &head, sizeof head, fds, 100, CHANNEL_ANY);
    for (;;) pause();
}

static void descriptors(void **state)
{
    (void)state;
    char said[2000];
    sh(NETNS_PAIR);
    assert_int_equal(served_and_said(pass_many, NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "isn't in the table"));
    const int next = dup(2);
    assert_true(next < 40);
    close(next);
}

/* ---- rights that the service gave up ---- */

static void call_one_more(struct channel *c, void *arg)
{
    (void)arg;
    if (parent_confine(c)) _exit(1);
    socket(AF_PACKET, SOCK_RAW, 0); /* sockets of checks are allowed */
    _exit(2);
}

static void system_call(void **state)
{
    (void)state;
    char said[2000], line[200];
    sh(NETNS_PAIR);
    assert_int_equal(served_and_said(call_one_more, NULL, said, sizeof said), 2);
    snprintf(line, sizeof line,
             "the service made system call %d, which isn't in its list; please report this with the rules\n",
             SYS_socket);
    assert_non_null(strstr(said, line));
    assert_non_null(strstr(said, "the service was ended by signal 31 (Bad system call)"));
}

#ifndef PREY_LOOSE
/* Try to start a process, which fails. */
static void start_something(struct channel *c, void *arg)
{
    (void)arg;
    if (parent_confine(c)) _exit(1);
    _exit(fork() ? 2 : 3);
}

static void processes(void **state)
{
    (void)state;
    char said[2000];
    sh(NETNS_PAIR);
    assert_int_equal(served_and_said(start_something, NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "which isn't in its list"));
}
#endif

/* ---- rights that the parent gave up ---- */

static int refused(long result) { return result < 0 ? errno : 0; }

static void *run_nothing(void *arg) { return arg; }

/* Mounts may go two ways and namespaces three; threads may still be made. */
static void bound(void **state)
{
    (void)state;
    struct options o = options_here();
    struct parent *p = NULL;
    struct channel *c;
    pthread_t thread;
    sh(NETNS_PAIR);
    assert_int_equal(parent_begin(&o, false, &p, &c), 0);
    if (c) _exit(HONEST);
    parent_bound(p);
    assert_int_equal(refused(syscall(SYS_fsopen, "tmpfs", 0)), EPERM);
    assert_int_equal(refused(syscall(SYS_open_tree, AT_FDCWD, "/", 0)), EPERM);
    assert_int_equal(refused(syscall(SYS_clock_adjtime, CLOCK_REALTIME, NULL)), EPERM);
    assert_int_equal(refused(syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL)), EPERM);
    assert_int_equal(refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL)), EPERM);
    assert_int_equal(refused(syscall(SYS_clone3, NULL, 0)), ENOSYS);
    assert_int_equal(refused(unshare(CLONE_NEWNS)), EPERM);
    assert_int_equal(pthread_create(&thread, NULL, run_nothing, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(parent_serve(p), HONEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(requests),    netns_test(logs),        netns_test(middles), netns_test(closed),
        netns_test(kernel),      netns_test(lies),        netns_test(unsound), netns_test(noise),
        netns_test(descriptors), netns_test(system_call), netns_test(bound),   netns_test(slow_requests),
#ifndef PREY_LOOSE
        netns_test(processes),
#endif
        netns_test(slow_end), /* takes half a minute */
    };
    return netns_run(tests, sizeof tests / sizeof *tests - !getenv("LONG"));
}
