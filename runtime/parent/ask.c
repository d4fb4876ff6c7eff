#include "runtime/parent/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/parent/channel.h"
#include "runtime/parent/request.h"

struct question {
    enum request_kind kind;
    const void *body;
    size_t body_len;
    const void *elements;
    size_t each;
    uint32_t count;
};

/* A request with a body alone; a request with elements behind the body */
#define ALONE(ident, of) (&(struct question){.kind = REQUEST_##ident, .body = &(of), .body_len = sizeof(of)})
#define WITH(ident, of, all, size, how_many)                                                                           \
    (&(struct question){REQUEST_##ident, &(of), sizeof(of), all, size, how_many})

static const struct request_none none;

/* A question about a directory of bytes */
struct stream_ask {
    const char *dir, *name;
    uint64_t bytes;
    enum stream_how how;
};

static int put(const struct channel *c, const struct question *q)
{
    const struct request_head head = {q->kind, q->count};
    int failed = channel_send(c->fd, &head, sizeof head, NULL, 0, CHANNEL_ANY);
    if (!failed) failed = channel_send(c->fd, q->body, q->body_len, NULL, 0, CHANNEL_ANY);
    if (!failed && q->count) failed = channel_send(c->fd, q->elements, q->each * q->count, NULL, 0, CHANNEL_ANY);
    return failed;
}

/* Send a request and wait for the answer, with at most `room` descriptors */
static int ask(struct channel *c, const struct question *q, struct answer *a, int fds[], unsigned room, char *err,
               size_t err_len)
{
    unsigned count = 0;
    memset(a, 0, sizeof *a);
    pthread_mutex_lock(&c->lock);
    int failed = put(c, q);
    if (!failed) failed = channel_receive(c->fd, a, sizeof *a, fds, room, &count, CHANNEL_ANY);
    pthread_mutex_unlock(&c->lock);
    a->err[sizeof a->err - 1] = 0;
    a->fd_count = count;
    if (failed)
        snprintf(err, err_len, "the parent process does not answer: %s",
                 failed == -ENODATA ? "it is gone" : strerror(-failed));
    else if (a->failed)
        snprintf(err, err_len, "%s", *a->err ? a->err : strerror(-a->failed));
    return failed ? failed : a->failed;
}

/* Make a request whose answer has no result but success */
static int ask_done(struct channel *c, const struct question *q, char *err, size_t err_len)
{
    struct answer a;
    return ask(c, q, &a, NULL, 0, err, err_len);
}

/* Make a request whose answer is exactly `count` descriptors */
static int ask_some(struct channel *c, const struct question *q, int fds[], unsigned count, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask(c, q, &a, fds, count, err, err_len);
    if (failed || a.fd_count == count) return failed;
    for (unsigned i = 0; i < a.fd_count; i++) close(fds[i]);
    snprintf(err, err_len, "internal error: the parent process gave %u of %u descriptors", a.fd_count, count);
    return -EPROTO;
}

int ask_fds(struct channel *c, enum request_kind kind, int fds[], unsigned count, char *err, size_t err_len)
{
    const struct question q = {.kind = kind, .body = &none, .body_len = sizeof none};
    return ask_some(c, &q, fds, count, err, err_len);
}

/* Make a request that names a port and whose answer has a result */
static int ask_at(struct channel *c, enum request_kind kind, unsigned port, struct answer *a, char *err, size_t err_len)
{
    const struct request_at body = {port};
    const struct question q = {.kind = kind, .body = &body, .body_len = sizeof body};
    return ask(c, &q, a, NULL, 0, err, err_len);
}

int ask_ports(struct channel *c, const struct guarded *g, struct host_kept *kept, char *err, size_t err_len)
{
    struct answer a;
    if (!g->port_count) return 0;
    const int failed = ask(c, WITH(PORTS, none, g->ports, sizeof *g->ports, g->port_count), &a, NULL, 0, err, err_len);
    if (!failed) *kept = a.kept;
    return failed;
}

int ask_ports_look(struct channel *c, const struct guarded *g, char *err, size_t err_len)
{
    if (!g->port_count) return 0;
    return ask_done(c, WITH(PORTS_LOOK, none, g->ports, sizeof *g->ports, g->port_count), err, err_len);
}

int ask_guard(struct channel *c, const struct guarded *g, char *err, size_t err_len)
{
    const struct request_guard body = {.routed = g->routed};
    return ask_done(c, WITH(GUARD, body, g->matches, sizeof *g->matches, g->match_count), err, err_len);
}

int ask_shut(struct channel *c, const struct guard_shut *all, unsigned count, char *err, size_t err_len)
{
    return ask_done(c, WITH(SHUT, none, all, sizeof *all, count), err, err_len);
}

int ask_port(struct channel *c, const struct io_ask *how, struct io_made *made, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask(c, ALONE(PORT, *how), &a, made->fds, IO_FDS_MOST, err, err_len);
    made->group = a.group;
    made->slots = a.slots;
    made->ring = a.ring;
    made->fd_count = a.fd_count;
    made->filter = a.filter;
    made->deal = a.deal;
    if (failed) io_made_close(made);
    return failed;
}

int ask_bind(struct channel *c, char *err, size_t err_len) { return ask_done(c, ALONE(BIND, none), err, err_len); }

int ask_tun(struct channel *c, int *fd, unsigned *ifindex, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask(c, ALONE(TUN, none), &a, fd, 1, err, err_len);
    if (failed) return failed;
    *ifindex = (unsigned)a.value;
    if (a.fd_count == 1) return 0;
    snprintf(err, err_len, "internal error: the parent process gave no descriptor");
    return -EPROTO;
}

int ask_ipsec(struct channel *c, int *fd, char *err, size_t err_len)
{
    struct answer a;
    *fd = -1;
    return ask(c, ALONE(IPSEC, none), &a, fd, 1, err, err_len);
}

int ask_watch(struct channel *c, int *fd, bool *linked, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask(c, ALONE(WATCH, none), &a, fd, 1, err, err_len);
    *linked = a.value;
    return failed || a.fd_count ? failed : -EPROTO;
}

int ask_save(struct channel *c, const uint8_t *bytes, size_t len, char *err, size_t err_len)
{
    if (len > PBC_SIZE_MAX) return -EFBIG;
    return ask_done(c, WITH(SAVE, none, bytes, 1, (uint32_t)len), err, err_len);
}

int ask_listen(struct channel *c, const struct host_addr *addr, uint16_t port, int *fd, char *err, size_t err_len)
{
    const struct request_address body = {.addr = *addr, .port = port};
    return ask_some(c, ALONE(LISTEN, body), fd, 1, err, err_len);
}

static int ask_sockets(struct channel *c, enum request_kind kind, unsigned family, int fds[TRANSPARENT_BATCH])
{
    const struct request_family body = {family};
    const struct question q = {.kind = kind, .body = &body, .body_len = sizeof body};
    struct answer a;
    char err[100];
    const int failed = ask(c, &q, &a, fds, TRANSPARENT_BATCH, err, sizeof err);
    return failed ? failed : (int)a.fd_count;
}

int ask_transparent(struct channel *c, unsigned family, int fds[TRANSPARENT_BATCH])
{
    return ask_sockets(c, REQUEST_TRANSPARENT, family, fds);
}

int ask_inside_sockets(struct channel *c, unsigned family, int fds[TRANSPARENT_BATCH])
{
    return ask_sockets(c, REQUEST_INSIDE_SOCKETS, family, fds);
}

int ask_inside(struct channel *c, const struct inside_ask *asked, int fds[IO_FDS_MOST], char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask(c, ALONE(INSIDE, *asked), &a, fds, IO_FDS_MOST, err, err_len);
    return failed ? failed : (int)a.fd_count;
}

int ask_aside_socket(struct channel *c, const struct host_addr *from, int type)
{
    const struct request_aside body = {.from = *from, .type = (uint32_t)type};
    char err[100];
    int fd;
    const int failed = ask_some(c, ALONE(ASIDE_SOCKET, body), &fd, 1, err, sizeof err);
    return failed ? failed : fd;
}

int ask_path(struct channel *c, enum request_kind kind, const char *path, int *fd, char *err, size_t err_len)
{
    struct request_path body = {0};
    if (strlen(path) >= sizeof body.path) return -ENAMETOOLONG;
    strcpy(body.path, path);
    const struct question q = {.kind = kind, .body = &body, .body_len = sizeof body};
    return ask_some(c, &q, fd, 1, err, err_len);
}

/* Make a request about a directory of bytes; *value: the answer's. */
static int ask_stream(struct channel *c, enum request_kind kind, const struct stream_ask *of, int *fd, uint64_t *value,
                      char *err, size_t err_len)
{
    struct request_stream body = {.bytes = of->bytes, .how = of->how};
    struct answer a;
    if (strlen(of->dir) >= sizeof body.dir || strlen(of->name) >= sizeof body.name) {
        snprintf(err, err_len, "the path of a file with bytes of connections is too long");
        return -ENAMETOOLONG;
    }
    strcpy(body.dir, of->dir);
    strcpy(body.name, of->name);
    const int failed =
        ask(c, &(struct question){.kind = kind, .body = &body, .body_len = sizeof body}, &a, fd, 1, err, err_len);
    *value = failed ? 0 : a.value;
    return failed;
}

int ask_stream_look(struct channel *c, const char *dir, char *err, size_t err_len)
{
    uint64_t none_of;
    int fd;
    return ask_stream(c, REQUEST_STREAM_LOOK, &(struct stream_ask){.dir = dir, .name = ""}, &fd, &none_of, err,
                      err_len);
}

int ask_stream_begin(struct channel *c, const char *dir, uint64_t *earlier, char *err, size_t err_len)
{
    int fd;
    return ask_stream(c, REQUEST_STREAM_BEGIN, &(struct stream_ask){.dir = dir, .name = ""}, &fd, earlier, err,
                      err_len);
}

int ask_stream_file(struct channel *c, const char *dir, const char *name, enum stream_how how)
{
    char err[600];
    uint64_t none_of;
    int fd = -1;
    const struct stream_ask of = {.dir = dir, .name = name, .how = how};
    const int failed = ask_stream(c, REQUEST_STREAM_FILE, &of, &fd, &none_of, err, sizeof err);
    return failed ? failed : how == STREAM_REMOVE ? 0 : fd < 0 ? -EPROTO : fd;
}

uint64_t ask_stream_trim(struct channel *c, const char *dir, uint64_t bytes)
{
    char err[600];
    uint64_t freed;
    int fd;
    const struct stream_ask of = {.dir = dir, .name = "", .bytes = bytes};
    ask_stream(c, REQUEST_STREAM_TRIM, &of, &fd, &freed, err, sizeof err);
    return freed;
}

int ask_access_look(struct channel *c, const char *path, char *err, size_t err_len)
{
    struct request_path body = {0};
    if (strlen(path) >= sizeof body.path) {
        snprintf(err, err_len, "the path of an access log is too long");
        return -ENAMETOOLONG;
    }
    strcpy(body.path, path);
    return ask_done(c, ALONE(ACCESS_LOOK, body), err, err_len);
}

int ask_middle(struct channel *c, const char *path, int fds[2])
{
    struct request_path body = {0};
    char err[100];
    if (strlen(path) >= sizeof body.path) return -ENAMETOOLONG;
    strcpy(body.path, path);
    return ask_some(c, ALONE(MIDDLE, body), fds, 2, err, sizeof err);
}

int ask_middle_look(struct channel *c, const char *path, char *err, size_t err_len)
{
    struct request_path body = {0};
    if (strlen(path) >= sizeof body.path) {
        snprintf(err, err_len, "the path of a program's socket is too long");
        return -ENAMETOOLONG;
    }
    strcpy(body.path, path);
    return ask_done(c, ALONE(MIDDLE_LOOK, body), err, err_len);
}

int ask_keypair(struct channel *c, const char *cert, const char *key, int fds[2], char *err, size_t err_len)
{
    struct request_keypair body = {0};
    if (strlen(cert) >= sizeof body.cert || strlen(key) >= sizeof body.key) {
        snprintf(err, err_len, "the path of a certificate or key is too long");
        return -ENAMETOOLONG;
    }
    strcpy(body.cert, cert);
    strcpy(body.key, key);
    return ask_some(c, ALONE(KEYPAIR, body), fds, 2, err, err_len);
}

/* Return the descriptor of an answer with one */
static int ask_one(struct channel *c, const struct question *q, char *err, size_t err_len)
{
    int fd;
    const int failed = ask_some(c, q, &fd, 1, err, err_len);
    return failed ? failed : fd;
}

int ask_copy_device(struct channel *c, char *err, size_t err_len)
{
    return ask_one(c, ALONE(COPY_DEVICE, none), err, err_len);
}

int ask_copy_file(struct channel *c, const char *path, bool turn, char *err, size_t err_len)
{
    struct request_turn body = {.turn = turn};
    if (strlen(path) >= sizeof body.path) return -ENAMETOOLONG;
    strcpy(body.path, path);
    return ask_one(c, ALONE(COPY_FILE, body), err, err_len);
}

int ask_copy_socket(struct channel *c, const char *name, char *err, size_t err_len)
{
    struct request_name body = {0};
    if (strlen(name) >= sizeof body.name) return -ENAMETOOLONG;
    strcpy(body.name, name);
    return ask_one(c, ALONE(COPY_SOCKET, body), err, err_len);
}

int ask_history_keep(struct channel *c, unsigned file, const void *bytes, size_t len)
{
    const struct request_file body = {file};
    char err[600];
    if (len > HISTORY_FILE_MOST) return -EFBIG;
    return ask_done(c, WITH(HISTORY_KEEP, body, bytes, 1, (uint32_t)len), err, sizeof err);
}

int ask_history(struct channel *c, unsigned file)
{
    const struct request_file body = {file};
    char err[600];
    return ask_one(c, ALONE(HISTORY_OPEN, body), err, sizeof err);
}

uint32_t ask_login(struct channel *c, pid_t pid)
{
    const struct request_process body = {pid};
    struct answer a;
    char err[600];
    return ask(c, ALONE(LOGIN, body), &a, NULL, 0, err, sizeof err) ? LOGIN_NONE : (uint32_t)a.value;
}

int ask_recording(struct channel *c, uint64_t number, int *fd, char *err, size_t err_len)
{
    const struct request_recording body = {.number = number};
    return ask_some(c, ALONE(RECORDING, body), fd, 1, err, err_len);
}

int ask_recording_gone(struct channel *c, uint64_t number, char *err, size_t err_len)
{
    const struct request_recording body = {.number = number, .what = RECORDING_REMOVE};
    return ask_done(c, ALONE(RECORDING, body), err, err_len);
}

int ask_recording_shorter(struct channel *c, uint64_t number, uint64_t bytes, char *err, size_t err_len)
{
    const struct request_recording body = {.number = number, .bytes = bytes, .what = RECORDING_SHORTEN};
    return ask_done(c, ALONE(RECORDING, body), err, err_len);
}

int ask_offloads(struct channel *c, unsigned port, unsigned which, unsigned *off, char *err, size_t err_len)
{
    const struct request_offloads body = {port, which};
    struct answer a;
    const int failed = ask(c, ALONE(OFFLOADS, body), &a, NULL, 0, err, err_len);
    *off = failed ? 0 : (unsigned)a.value;
    return failed;
}

int ask_steer(struct channel *c, unsigned port, unsigned frame_most, char *err, size_t err_len)
{
    const struct request_steer body = {port, frame_most};
    return ask_done(c, ALONE(STEER, body), err, err_len);
}

int ask_steer_rules(struct channel *c, unsigned port, const struct steer_rules *r, char *err, size_t err_len)
{
    const struct request_take body = {port, r->routed, r->translates};
    const struct guarded *g = r->guarded;
    return ask_done(c, WITH(TAKE, body, g->matches, sizeof *g->matches, g->match_count), err, err_len);
}

int ask_world(struct channel *c, unsigned port, const struct facts *f, uint64_t mac, char *err, size_t err_len)
{
    const struct request_world body = {.mac = mac, .port = port};
    const uint32_t count = f->self4_count + f->self6_count;
    struct own_address *all = calloc(count + 1u, sizeof *all);
    for (uint32_t i = 0; all && i < f->self4_count; i++)
        all[i] = (struct own_address){0, 0xffff00000000u | f->self4[i]};
    for (uint32_t i = 0; all && i < f->self6_count; i++)
        all[f->self4_count + i] = (struct own_address){f->self6[i].lo_hi, f->self6[i].lo_lo};
    const int failed = all ? ask_done(c, WITH(WORLD, body, all, sizeof *all, count), err, err_len) : -ENOMEM;
    if (!all) snprintf(err, err_len, "%s", strerror(ENOMEM));
    free(all);
    return failed;
}

int ask_steering(struct channel *c, unsigned port, bool *generic, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask_at(c, REQUEST_STEERING, port, &a, err, err_len);
    *generic = a.value;
    return failed;
}

/* Have the program's judge loaded. Return the number of descriptors received, or a negative errno. */
static int ask_loaded(struct channel *c, const struct program *p, int fds[], struct proof *proof, char *err,
                      size_t err_len)
{
    const struct request_program body = {p->flows, p->half_open};
    struct answer a = {0};
    size_t len;
    uint8_t *bytes = program_file(p, &len);
    snprintf(err, err_len, "out of memory");
    if (!bytes) return -ENOMEM;
    const struct question q = {REQUEST_JUDGE, &body, sizeof body, bytes, 1, (uint32_t)len};
    const int failed = ask(c, &q, &a, fds, IO_FDS_MOST, err, err_len);
    free(bytes);
    *proof = a.proof;
    return failed ? failed : (int)a.fd_count;
}

int ask_kernel(struct channel *c, const struct program *p, struct kernel **k, char *err, size_t err_len)
{
    struct answer a = {0};
    int fds[IO_FDS_MOST];
    *k = NULL;
    const int failed = ask(c, ALONE(KERNEL, none), &a, fds, IO_FDS_MOST, err, err_len);
    if (failed) return failed;
    *k = kernel_adopt(p, (unsigned)a.value, fds, a.fd_count);
    if (!*k) snprintf(err, err_len, "the kernel's maps cannot be mapped: %s", strerror(errno));
    return *k ? 0 : -EIO;
}

int ask_prepare(struct channel *c, const struct kernel *k, const struct program *p, struct judge **j,
                struct proof *proof, char *err, size_t err_len)
{
    int fds[IO_FDS_MOST];
    *j = NULL;
    const int count = ask_loaded(c, p, fds, proof, err, err_len);
    if (count < 0) return count;
    *j = judge_adopt(k, p, fds, (unsigned)count);
    if (!*j) snprintf(err, err_len, "out of memory");
    return *j ? 0 : -ENOMEM;
}

int ask_open(struct channel *c, char *err, size_t err_len) { return ask_done(c, ALONE(OPEN, none), err, err_len); }

int ask_swap(struct channel *c, char *err, size_t err_len) { return ask_done(c, ALONE(SWAP, none), err, err_len); }

int ask_hooks(struct channel *c, unsigned port, bool *generic, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask_at(c, REQUEST_HOOKS, port, &a, err, err_len);
    *generic = a.value & 1;
    return failed;
}

int ask_leave(struct channel *c, unsigned port, char *err, size_t err_len)
{
    struct answer a;
    return ask_at(c, REQUEST_LEAVE, port, &a, err, err_len);
}

int ask_keep(struct channel *c, unsigned port, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask_at(c, REQUEST_KEEP, port, &a, err, err_len);
    return failed ? failed : (int)a.value;
}

uint64_t ask_too_long(struct channel *c, unsigned port)
{
    char err[200];
    struct answer a;
    return ask_at(c, REQUEST_TOO_LONG, port, &a, err, sizeof err) ? 0 : a.value;
}

struct gate_count ask_carried(struct channel *c, unsigned port)
{
    char err[200];
    struct answer a;
    return ask_at(c, REQUEST_CARRIED, port, &a, err, sizeof err) ? (struct gate_count){0} : a.carried;
}

/* Send a request that gets no answer. A lost parent is noticed by the next request that waits for an answer. */
static void put_alone(struct channel *c, const struct question *q)
{
    pthread_mutex_lock(&c->lock);
    (void)put(c, q);
    pthread_mutex_unlock(&c->lock);
}

void ask_neighbour(struct channel *c, unsigned port, const struct host_addr *addr)
{
    const struct request_address body = {*addr, port};
    put_alone(c, ALONE(RESOLVE, body));
}

int ask_announce(struct channel *c, unsigned port, const struct host_addr *addr, char *err, size_t err_len)
{
    const struct request_address body = {.addr = *addr, .port = port};
    return ask_done(c, ALONE(ANNOUNCE, body), err, err_len);
}

void ask_notify(struct channel *c, uint32_t word)
{
    const struct request_notify body = {word};
    put_alone(c, ALONE(NOTIFY, body));
}
