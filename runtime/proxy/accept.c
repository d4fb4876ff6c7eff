/* Listeners: each accepts a few connections per turn, so that sessions get their turn, too. If accepting fails, the
 * kernel queues connections, and accepting is tried again soon. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/socket/listen.h"
#include "runtime/proxy/inline/inline.h"
#include "runtime/proxy/session.h"
#include "vm/judge/decide.h"
#include "vm/packet/parse/read.h"

enum { ACCEPTED_AT_ONCE = 64, WAITING_MOST = 65535 };
#define REOPENS_NS UINT64_C(100000000)

static struct stream_addr address_of(const struct sockaddr_storage *from)
{
    struct stream_addr a = {.v6 = from->ss_family == AF_INET6};
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
    a.port = ntohs(a.v6 ? six->sin6_port : four->sin_port);
    if (!a.v6) a.addr[0] = ntohl(four->sin_addr.s_addr);
    for (unsigned i = 0; a.v6 && i < 4; i++) a.addr[i] = ntohl(six->sin6_addr.s6_addr32[i]);
    return a;
}

/* True for a listener of inline connections, in the inline stack */
static bool is_inline(const struct proxy_listen *at) { return at->service == PBC_NONE; }

static bool is_any_addr(const struct stream_addr *a) { return !(a->addr[0] | a->addr[1] | a->addr[2] | a->addr[3]); }

/* Make the key of an accepted connection. False if the connection is gone already. */
static bool accepted_key(const struct listener *l, int fd, const struct stream_addr *client, struct key *key)
{
    const struct facts *f = &l->proxy->world->facts;
    struct stream_addr to = l->at.at;
    if (is_any_addr(&to)) {
        struct sockaddr_storage own;
        socklen_t len = sizeof own;
        if (getsockname(fd, (struct sockaddr *)&own, &len)) return false;
        to = address_of(&own);
    }
    const uint32_t sides = client->v6 ? sides_of6(f, client->addr, to.addr) : sides_of4(f, client->addr[0], to.addr[0]);
    *key = stream_key(client->v6 ? 6 : 4, client->addr, client->port, to.addr, to.port, sides & KIND_SRC_SELF,
                      sides & KIND_DST_SELF, f->schedules);
    return true;
}

static void listener_watch(struct listener *l)
{
    if (!l->shut && !l->hushed) loop_watch_level(&l->proxy->loop, l->at.fd, &l->watcher);
}

static void unwatch(const struct listener *l)
{
    if (!l->shut && !l->hushed) loop_unwatch(&l->proxy->loop, l->at.fd);
}

static void shut_all(struct proxy *p)
{
    if (p->closed) return;
    p->closed = true;
    count_up(&p->counted.rest.unwelcome, 1);
    for (unsigned i = 0; i < p->listener_count; i++) unwatch(&p->listeners[i]);
    timer_set(&p->loop.wheel, &p->reopens, p->loop.now_ns + REOPENS_NS);
}

void listeners_reopen(struct proxy *p)
{
    if (!p->closed) return;
    p->closed = false;
    timer_stop(&p->loop.wheel, &p->reopens);
    for (unsigned i = 0; i < p->listener_count; i++) listener_watch(&p->listeners[i]);
}

/* Begin the session of an inline connection; an unknown one is reset. False: no room; fd is closed. */
static bool begin_inline(struct proxy *p, int fd, const struct stream_addr *client)
{
    struct arrival a;
    const enum inline_session_found found = inline_session_find(p, client, &a);
    if (found == INLINE_SESSION_KNOWN) return session_new(p, fd, &a);
    if (found == INLINE_SESSION_UNKNOWN) count_up(&p->counted.rest.unknown, 1);
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    return found == INLINE_SESSION_UNKNOWN;
}

/* Begin the session of an accepted connection. False: no room; fd is closed. */
static bool accepted_begin(const struct listener *l, int fd, const struct sockaddr_storage *from)
{
    const struct stream_addr client = address_of(from);
    struct arrival a = {.service = l->at.service};
    if (is_inline(&l->at)) return begin_inline(l->proxy, fd, &client);
    if (accepted_key(l, fd, &client, &a.key)) return session_new(l->proxy, fd, &a);
    close(fd);
    return true;
}

/* Accept one connection. False if none waits. */
static bool accept_one(struct listener *l)
{
    struct proxy *p = l->proxy;
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    if (p->sessions.used == p->sessions.most) {
        shut_all(p);
        return false;
    }
    const int fd = accept4(l->at.fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) shut_all(p);
        return errno != EAGAIN && !p->closed;
    }
    if (accepted_begin(l, fd, &from)) return true;
    shut_all(p);
    return false;
}

static void ready(struct watcher *w, uint32_t events)
{
    struct listener *l = (struct listener *)((char *)w - offsetof(struct listener, watcher));
    const uint32_t turn = l->proxy->loop.turns;
    if (l->proxy->closed) return;
    /* Accept a single connection, because most come alone; more if the turn before had some, too */
    if (!l->crowd || l->turn + 1 != turn)
        l->crowd = 1;
    else if (l->crowd < ACCEPTED_AT_ONCE)
        l->crowd *= 2;
    l->turn = turn;
    for (unsigned i = 0; i < l->crowd && accept_one(l); i++) continue;
}

/* Begin the sessions of connections that the kernel has made already, then stop listening: clients are refused as at
 * a closed port. The socket keeps its port, so that no other process gets it meanwhile. */
static void shut_one(struct listener *l)
{
    for (unsigned i = 0; i < WAITING_MOST && !l->proxy->closed && accept_one(l); i++) continue;
    if (!l->proxy->closed) unwatch(l);
    l->shut = !listen_no_more(l->at.fd);
    if (!l->shut && !l->proxy->closed) listener_watch(l);
}

bool listener_is_spare(const struct listener *l)
{
    return !is_inline(&l->at) && l->at.number != l->proxy->cfg.vm.worker;
}

static void open_one(struct listener *l)
{
    if (listen_again(l->at.fd) ||
        (l->proxy->cfg.vm.workers > 1 && listen_by_client(l->at.fd, l->at.at.v6, l->proxy->cfg.vm.workers))) {
        count_up(&l->proxy->counted.rest.unwelcome, 1);
        return;
    }
    l->shut = false;
    if (!l->proxy->closed) listener_watch(l);
}

void listeners_follow(struct proxy *p)
{
    for (unsigned i = 0; i < p->listener_count; i++) {
        struct listener *l = &p->listeners[i];
        const bool drains = proxy_drains(p, l->at.service);
        if (drains && !l->shut)
            shut_one(l);
        else if (!drains && l->shut && !listener_is_spare(l))
            open_one(l);
    }
}

/* Take the socket of the listener at that address, if there is one. */
static void listener_keep(const struct proxy *p, struct listener *l)
{
    for (unsigned i = 0; i < p->listener_count; i++) {
        if (listener_is_spare(&p->listeners[i]) || !proxy_listen_same(&p->listeners[i].at, &l->at)) continue;
        l->at.fd = p->listeners[i].at.fd;
        l->shut = p->listeners[i].shut;
        return;
    }
}

static bool is_kept(const struct listener *all, unsigned count, int fd)
{
    for (unsigned i = 0; i < count; i++)
        if (all[i].at.fd == fd) return true;
    return false;
}

static bool is_own_addr(const struct proxy *p, const struct stream_addr *a)
{
    const bool local = a->v6 ? !(a->addr[0] | a->addr[1] | a->addr[2]) && a->addr[3] <= 1 : a->addr[0] >> 24 == 127;
    return local || is_any_addr(a) || sides_of(&p->world->facts, a->v6 ? 6 : 4, a->addr, a->addr) & KIND_DST_SELF;
}

uint32_t listeners_service(const struct proxy *p, const struct stream_addr *a)
{
    for (unsigned i = 0; i < p->listener_count; i++) {
        const struct stream_addr *at = &p->listeners[i].at.at;
        if (is_inline(&p->listeners[i].at) || at->v6 != a->v6 || at->port != a->port) continue;
        if (is_any_addr(at) ? is_own_addr(p, a) : !memcmp(at->addr, a->addr, sizeof a->addr))
            return p->listeners[i].at.service;
    }
    return PBC_NONE;
}

struct listener *listeners_room(unsigned count) { return calloc(count + 1u, sizeof(struct listener)); }

/* Append to the `count` new listeners each spare one that has the address of a new one. Return the number of all. */
static unsigned spares_keep(const struct proxy *p, struct listener *fresh, unsigned count)
{
    unsigned n = count;
    for (unsigned i = 0; i < p->listener_count; i++) {
        const struct listener *l = &p->listeners[i];
        for (unsigned k = 0; k < count && listener_is_spare(l); k++) {
            if (!proxy_listen_same(&fresh[k].at, &l->at)) continue;
            fresh[n] = *l;
            fresh[n++].at.service = fresh[k].at.service;
            break;
        }
    }
    return n;
}

void listeners_set(struct proxy *p, struct listener *fresh, struct proxy_listen *all, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fresh[i] = (struct listener){.watcher.ready = ready, .proxy = p, .at = all[i]};
        if (all[i].fd < 0) listener_keep(p, &fresh[i]);
        if (all[i].fd >= 0 && p->cfg.handed) fresh[i].shut = !listen_does(all[i].fd);
        all[i].fd = -1;
    }
    count = spares_keep(p, fresh, count);
    for (unsigned i = 0; i < p->listener_count; i++) {
        const int fd = p->listeners[i].at.fd;
        if (!p->closed) unwatch(&p->listeners[i]);
        if (!is_kept(fresh, count, fd)) close(fd);
    }
    free(p->listeners);
    p->listeners = fresh;
    p->listener_count = count;
    p->closed = true;
    listeners_reopen(p);
}

void listeners_hush(struct proxy *p, bool hushed)
{
    for (unsigned i = 0; i < p->listener_count; i++) {
        struct listener *l = &p->listeners[i];
        if (!is_inline(&l->at) || l->hushed == hushed) continue;
        if (!p->closed && hushed) unwatch(l);
        l->hushed = hushed;
        if (!p->closed) listener_watch(l);
    }
}

void listeners_leave(struct proxy *p)
{
    /* Unwatch each listener: a descriptor that another process holds stays in an epoll set after its close */
    for (unsigned i = 0; i < p->listener_count && !p->closed; i++) unwatch(&p->listeners[i]);
    listeners_fini(p);
}

void listeners_fini(struct proxy *p)
{
    for (unsigned i = 0; i < p->listener_count; i++) close(p->listeners[i].at.fd);
    free(p->listeners);
    p->listeners = NULL;
    p->listener_count = 0;
}
