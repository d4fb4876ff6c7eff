/* Connects to one server after the other until one succeeds: as many as the pool's `retries` allow */
#include "runtime/proxy/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/base/sockaddr.h"
#include "runtime/host/socket/alive.h"
#include "runtime/proxy/inline/inline.h"
#include "runtime/proxy/queue.h"
#include "vm/keyed/keyed.h"
#include "vm/stream/first.h"

static void through(struct session *s, enum session_end failed)
{
    s->dials = false;
    session_wait(s, 0);
    if (failed == SESSION_ENDS) {
        count_up(&session_counts(s)->connected, 1);
        proxy_took(session_counts(s), PROXY_TIME_CONNECT, s->proxy->loop.now_ns - s->dials_ns);
        session_served(s);
    }
    s->ops->connected(s, failed);
}

/* True for an error of this machine, not of the server */
static bool is_ours(int err)
{
    return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ENOBUFS || err == -EADDRNOTAVAIL ||
           err == -EACCES || err == -EPERM || err == -EINVAL || err == -EADDRINUSE;
}

/* Report a server that refused a connection, if its check is `passive` */
static void server_refused(struct session *s)
{
    struct proxy *p = s->proxy;
    const struct program *program = p->program;
    const uint32_t check = program_check(program, s->chosen);
    if (check == PBC_NONE || !(program->checks[check].flags & PBC_CHECK_PASSIVE)) return;
    if (ring_put(&p->refusals, &(struct refusal){program->serial, s->chosen}) && p->cfg.called)
        p->cfg.called(p->cfg.with);
}

static int server_socket(int family)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    return fd < 0 ? -errno : fd;
}

/* True if the connection goes by the inline stack */
static bool goes_inline(const struct session *s) { return s->inlined; }

/* True if the server sees the client's address */
static bool is_transparent(const struct session *s)
{
    if (goes_inline(s)) return true;
    if (s->nat != INSTRUCTION_NAT_UNSAID) return s->nat == INSTRUCTION_NAT_KEEP;
    return proxy_says(s->proxy, s->service)->flags & PBC_PROXY_TRANSPARENT;
}

/* Return the pool whose `source` the connection uses; NULL: no `source` */
static const struct pbc_pool *pool_source(const struct session *s)
{
    const struct program *p = s->proxy->program;
    const struct pbc_pool *pool = s->chosen == PBC_NONE ? NULL : &p->pools[p->servers[s->chosen].pool];
    return pool && pool->source_count && !is_transparent(s) ? pool : NULL;
}

static int socket_from(struct session *s, bool v6, uint32_t turn)
{
    const struct stream_addr client = session_client(s);
    if (goes_inline(s)) return inline_session_socket(s);
    const struct pbc_pool *pool = pool_source(s);
    const int fd = is_transparent(s) ? client_socket(s->proxy, &client)
                   : pool            ? source_socket(s->proxy, pool, v6, turn)
                                     : -ENODATA;
    return fd == -ENODATA ? server_socket(v6 ? AF_INET6 : AF_INET) : fd;
}

/* Return a socket that is being connected, or a negative errno */
static int socket_to(struct session *s, const struct stream_addr *a, uint32_t turn)
{
    union sockaddr_any to;
    const socklen_t len = sockaddr_of(&to, a->v6 ? 6 : 4, a->addr, a->port);
    const int one = 1, fd = socket_from(s, a->v6, turn);
    if (fd < 0) return fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!goes_inline(s)) socket_keep_alive(fd);
    if (!connect(fd, &to.any, len) || errno == EINPROGRESS) return fd;
    return close_failed(fd);
}

static struct stream_addr server_address(const struct session *s, uint32_t server)
{
    const struct pbc_server *of = &s->proxy->program->servers[server];
    struct stream_addr a = {.port = of->port ? of->port : s->key.dst_port, .v6 = of->family == 6};
    memcpy(a.addr, of->addr, sizeof a.addr);
    return a;
}

/* Begin a connection and set the session's server side. If address and port are in use by a connection to that server,
 * try the next pair. Return 0 or a negative errno. */
static int dial(struct session *s, const struct stream_addr *a)
{
    enum { TRIES = 16 };
    struct proxy *p = s->proxy;
    const uint32_t first = (uint32_t)random_next(&p->random) >> 1;
    const uint32_t tries = pool_source(s) ? TRIES : 1;
    int fd = -EADDRNOTAVAIL;
    for (uint32_t i = 0; i < tries && (fd == -EADDRNOTAVAIL || fd == -EADDRINUSE); i++) fd = socket_to(s, a, first + i);
    if (fd < 0) return fd;
    s->reached = false;
    struct side *side = slab_take(&p->sides);
    if (!side) {
        close(fd);
        return -ENOMEM;
    }
    session_give_server(s, side);
    return side_open(side, &p->loop, fd, &s->task);
}

/* Do so for s->chosen or, if none is chosen, for the original destination of an inline connection's client */
static int dial_chosen(struct session *s)
{
    if (!goes_inline(s)) {
        const struct stream_addr a = server_address(s, s->chosen);
        return dial(s, &a);
    }
    const unsigned family = s->key.kind & KIND_IP6 ? 6 : 4;
    if (s->chosen != PBC_NONE && s->proxy->program->servers[s->chosen].family != family) return -EAFNOSUPPORT;
    if (!inline_session_leads_to(s, s->chosen)) return -EADDRNOTAVAIL;
    const struct stream_addr a = inline_session_address(s, s->chosen);
    return dial(s, &a);
}

/* Do so for the target of an instruction, of which the worker is notified first. Return 1 if it must be notified
 * later: the task runs then. */
static int dial_target(struct session *s)
{
    if (!goes_inline(s)) return dial(s, &s->target);
    if (s->target.v6 != !!(s->key.kind & KIND_IP6)) return -EAFNOSUPPORT;
    if (!inline_session_says_target(s)) return 1;
    const struct stream_addr a = inline_session_target(s);
    return dial(s, &a);
}

/* Take a place at a server, or at the next server if other loops took the last place; s->chosen is the server. Return
 * REASON_NONE, or the reason of the failure. */
static enum pkt_reason take_place(struct session *s, uint32_t server)
{
    struct proxy *p = s->proxy;
    for (unsigned tries = 0; tries < 2 && server != PBC_NONE; tries++) {
        s->counted = chooser_begin(p->chooser, s->branch, server, &s->key);
        s->chosen = server;
        if (s->counted) return REASON_NONE;
        server = chooser_next(p->chooser, s->branch, &s->key, server);
    }
    s->chosen = PBC_NONE;
    return REASON_MAX_FLOWS;
}

static enum pkt_reason server_choose(struct session *s)
{
    struct chooser *c = proxy_chooser(s->proxy);
    const struct choice choice = chooser_pick(c, s->branch, &s->key, s->affinity);
    return choice.server == PBC_NONE ? choice.reason : take_place(s, choice.server);
}

static void connect_begin(struct session *s);

/* Try another server if retries are left. False if none is tried. */
static bool try_next(struct session *s, uint32_t server)
{
    struct proxy *p = s->proxy;
    if (s->tries >= p->program->pools[p->program->servers[server].pool].retries) return false;
    const uint32_t next = chooser_next(proxy_chooser(p), s->branch, &s->key, server);
    if (next == PBC_NONE || take_place(s, next) != REASON_NONE) return false;
    s->tries++;
    count_up(&session_counts(s)->retried, 1);
    connect_begin(s);
    return true;
}

static void failed(struct session *s, int err)
{
    const uint32_t server = s->chosen;
    enum session_end why = SESSION_SERVER_REFUSED;
    if (err == -ETIMEDOUT) why = SESSION_SERVER_LATE;
    if (s->reached) why = SESSION_SERVER_TLS;
    if (is_ours(err)) why = SESSION_SYSTEM;
    /* no port, or no pair of `source`, is free towards the server, but may be towards another */
    if ((err == -EADDRNOTAVAIL || err == -EADDRINUSE) && !s->inlined) why = SESSION_NO_PORT;
    if (why == SESSION_NO_PORT) {
        count_up(&session_counts(s)->portless, 1);
        count_up(&s->proxy->portless, 1);
    }
    if (err == -EAFNOSUPPORT && is_transparent(s)) why = SESSION_FAMILY;
    const bool its_own = server != PBC_NONE && why != SESSION_SYSTEM && why != SESSION_FAMILY;
    if (its_own && why != SESSION_NO_PORT) server_refused(s);
    if (s->server) s->server->flags |= SIDE_RESETS;
    session_leave_server(s);
    if (!its_own || !try_next(s, server)) through(s, why);
}

static void note_dial(struct session *s)
{
    count_up(&session_counts(s)->connects, 1);
    s->dials_ns = s->proxy->loop.now_ns;
    const uint64_t own = proxy_says(s->proxy, s->service)->connect_ns;
    session_wait(s, own ? own : s->proxy->program->settings->proxy_connect_ns);
}

/* Connect to s->chosen, where the session has a place, or, if none is chosen, to the original destination of an
 * inline connection's client */
static void connect_begin(struct session *s)
{
    struct side *kept = s->ops->kept ? s->ops->kept(s) : NULL;
    if (kept) {
        session_give_server(s, kept);
        session_served(s);
        s->dials = false;
        s->ops->connected(s, SESSION_ENDS);
        return;
    }
    note_dial(s);
    const int err = dial_chosen(s);
    if (err) failed(s, err);
}

/* Send the PROXY header, before all else. MSG_MORE joins it with bytes that follow. */
static int say_client(struct session *s)
{
    const unsigned version = session_header(s);
    uint8_t bytes[PROXY_HEADER_OUT];
    if (!version) return 0;
    const struct stream_addr client = session_client(s), service = session_service(s);
    const uint32_t len = proxy_header_write(bytes, version, &client, &service);
    const int more = s->up.buffer && buffer_len(s->up.buffer) ? MSG_MORE : 0;
    const ssize_t n = send(s->server->fd, bytes, len, MSG_NOSIGNAL | more);
    if (n > 0) s->server->wrote += (uint64_t)n;
    return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO; /* a new socket has room for it */
}

static int set_tls(struct session *s, struct tls_back *back)
{
    const bool known = s->chosen != PBC_NONE; /* false: the target of an instruction */
    const struct stream_addr at = known ? server_address(s, s->chosen) : (struct stream_addr){.port = 0};
    return tls_connect(s->server, back, known ? &at : NULL, session_counts(s)->tls);
}

/* Check the result of a connect. Return 0 if the socket is connected, or a negative errno. */
static int reached(struct session *s)
{
    struct side *side = s->server;
    struct tls_back *back = proxy_tls(s->proxy, s->service).back;
    int err = 0;
    if (side->flags & SIDE_HUNG) {
        socklen_t len = sizeof err;
        if (getsockopt(side->fd, SOL_SOCKET, SO_ERROR, &err, &len)) err = errno;
    }
    if (!err) err = -say_client(s);
    if (!err && back) err = -set_tls(s, back);
    s->reached = !err;
    return -err;
}

static void connect_to_target(struct session *s)
{
    const int err = dial_target(s);
    if (err < 0) failed(s, err);
}

void connect_step(struct session *s)
{
    if (!s->server && s->target.port) connect_to_target(s);
    struct side *side = s->server;
    if (!s->dials || !side || (!s->reached && !(side->flags & SIDE_MAY_WRITE))) return;
    int err = s->reached ? 0 : reached(s);
    if (!err) err = side_shake(side);
    if (err == -EAGAIN) return;
    if (err)
        failed(s, err);
    else
        through(s, SESSION_ENDS);
}

void connect_late(struct session *s)
{
    if (!s->queue_link) {
        failed(s, -ETIMEDOUT);
        return;
    }
    queue_leave(s);
    through(s, SESSION_QUEUE_LATE);
}

void connect_cancel(struct session *s)
{
    queue_leave(s);
    s->dials = false;
}

static void go_to(struct session *s, enum pkt_reason none)
{
    if (none == REASON_NONE)
        connect_begin(s);
    else
        through(s, none == REASON_MAX_FLOWS ? SESSION_MAX_FLOWS : SESSION_NO_SERVER);
}

void connect_branch(struct session *s)
{
    const enum pbc_goes goes = branch_goes(&s->proxy->program->branches[s->branch]);
    s->dials = true;
    s->tries = 0;
    const bool requests = mode_is(s->proxy->program->services[s->service].mode, MODE_REQUESTS);
    if (goes == PBC_GOES_REJECT || (goes == PBC_GOES_PROGRAM && requests)) { /* programs get no requests */
        through(s, goes == PBC_GOES_REJECT ? SESSION_REJECTED : SESSION_PROGRAM);
        return;
    }
    if (branch_goes_on(&s->proxy->program->branches[s->branch])) {
        connect_begin(s);
        return;
    }
    const enum pkt_reason none = server_choose(s);
    if (none != REASON_MAX_FLOWS || !queue_join(s)) go_to(s, none);
}

bool connect_again(struct session *s)
{
    const enum pkt_reason none = server_choose(s);
    if (none == REASON_MAX_FLOWS) return false;
    queue_leave(s);
    go_to(s, none);
    session_again(s); /* a kept connection or the proxy's own response raises no event */
    return true;
}

void connect_target(struct session *s, const struct stream_addr *to)
{
    s->dials = true;
    s->target = *to;
    note_dial(s);
    connect_to_target(s);
}
