/* Listeners. Every loop has its own at each address and port, by SO_REUSEPORT. The kernel chooses by the client's
 * address, as packets are dealt to workers. So all connections of a client are in one loop, which can count them and
 * remember the client's server. Inline connections come from the inline stack, to a listener for each loop and
 * family there. */
#include "runtime/live/carry/proxy/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/base/sockaddr.h"
#include "runtime/host/socket/listen.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "vm/flow/flow.h"

enum { FAMILIES = 2 };

/* Add a place once, for the first endpoint that names it. The kernel prefers an exact address. */
static void add_place(struct places *w, const struct proxy_listen *at)
{
    for (unsigned i = 0; i < w->count; i++)
        if (proxy_listen_same(&w->all[i], at)) return;
    w->all[w->count++] = *at;
}

static void add_places(struct places *w, const struct pbc_endpoint *e)
{
    for (uint32_t port = e->port_lo; port <= e->port_hi; port++) {
        struct proxy_listen at = {.service = e->service, .fd = -1};
        at.at.port = (uint16_t)port;
        at.at.v6 = e->family == 6;
        if (e->to == PBC_TO_ADDRESS) memcpy(at.at.addr, e->addr, sizeof at.at.addr);
        add_place(w, &at);
        if (e->family) continue;
        at.at.v6 = true;
        add_place(w, &at);
    }
}

/* Return the place of a worker's inline connections in the inline stack. */
static struct proxy_listen inline_place(unsigned worker, bool v6)
{
    struct proxy_listen at = {.at = {.port = INLINE_LISTENS, .v6 = v6}, .service = PBC_NONE, .fd = -1};
    inline_listener(at.at.addr, v6, worker);
    return at;
}

/* Add worker 0's places, which represent those of all workers. */
static void add_inline(struct places *w)
{
    for (unsigned six = 0; six < FAMILIES; six++) {
        const struct proxy_listen at = inline_place(0, six);
        add_place(w, &at);
    }
}

bool places_init(struct places *w, const struct program *p)
{
    size_t most = FAMILIES;
    bool inlines = false;
    *w = (struct places){0};
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < p->endpoints_count; i++) {
            const struct pbc_endpoint *e = &p->endpoints[i];
            if (e->service >= (p->past ? p->past->services : p->services_count)) continue;
            const unsigned mode = p->services[e->service].mode;
            if (!mode_is(mode, MODE_PROXIES)) continue;
            if (mode_is(mode, MODE_INLINE_STACK))
                inlines |= true;
            else if (pass)
                add_places(w, e);
            else
                most += 2u * (e->port_hi - e->port_lo + 1u);
        }
        if (!pass) w->all = calloc(most + 1, sizeof *w->all);
        if (!w->all) return false;
    }
    /* Services of `mode observe` that cut into connections have no endpoints, and these connections end in the
     * inline stack */
    for (uint32_t i = 0; i < p->services_count; i++) inlines |= (p->services[i].flags & PBC_SERVICE_CUT) != 0;
    if (inlines) add_inline(w);
    return true;
}

static bool is_there(const struct places *w, const struct proxy_listen *at)
{
    for (unsigned i = 0; w && i < w->count; i++)
        if (proxy_listen_same(&w->all[i], at)) return true;
    return false;
}

/* Take the listeners of the inline stack, one for each loop: all[loop][at]. These are copies, because a later
 * program with such services needs them again. A kernel without IPv6 has no listeners of that family. */
static int listen_inline(struct carry *carry, struct proxy_listen *all[], unsigned at, char *err, size_t err_len)
{
    int failed = 0;
    for (unsigned i = 0; i < carry->worker_count && !failed; i++) {
        struct proxy_listen *one = &all[i][at];
        const int fd = inline_stack_listener(carry, i, one->at.v6);
        if (fd < 0 && one->at.v6) continue;
        one->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        failed = fd < 0 ? -ENODEV : one->fd < 0 ? -errno : 0;
    }
    if (failed) snprintf(err, err_len, "inline connections can't be accepted: %s", strerror(-failed));
    return failed;
}

bool listener_is_at(int fd, const struct stream_addr *at)
{
    union sockaddr_any bound = {0}, wanted = {0};
    socklen_t len = sizeof bound, one = sizeof(int);
    int proto = 0;
    sockaddr_of(&wanted, at->v6 ? 6 : 4, at->addr, at->port);
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &one) || proto != IPPROTO_TCP) return false;
    if (getsockname(fd, &bound.any, &len) || bound.any.sa_family != wanted.any.sa_family) return false;
    return at->v6 ? bound.v6.sin6_port == wanted.v6.sin6_port &&
                        !memcmp(&bound.v6.sin6_addr, &wanted.v6.sin6_addr, sizeof wanted.v6.sin6_addr)
                  : bound.v4.sin_port == wanted.v4.sin_port && bound.v4.sin_addr.s_addr == wanted.v4.sin_addr.s_addr;
}

void listeners_handed_free(struct listeners_handed *h)
{
    for (unsigned i = 0; h && i < h->count; i++)
        if (h->all[i].at.fd >= 0) close(h->all[i].at.fd);
    if (h) free(h->all);
    free(h);
}

/* Return the listener that the loop of that number had at that place in another instance; -1: none. */
static int handed_at(const struct carry *carry, unsigned worker, const struct proxy_listen *where)
{
    const struct listeners_handed *h = carry->handed;
    for (unsigned i = 0; h && i < h->count; i++) {
        struct listener_handed *one = &h->all[i];
        if (one->at.fd < 0 || one->worker != worker || !proxy_listen_same(&one->at, where)) continue;
        const int fd = one->at.fd;
        one->at.fd = -1;
        return fd;
    }
    return -1;
}

/* Prepare a group of sockets handed over, before new sockets join it: no client may reach the new ones until
 * listeners_deal. The group of a single socket has no program yet. */
static int join_begin(const struct carry *carry, const struct proxy_listen *first)
{
    return first->fd < 0 ? 0 : listen_by_client(first->fd, first->at.v6, carry->handed->loops);
}

/* True if another number of loops has handed over its listeners. */
static bool are_others(const struct carry *carry)
{
    return carry->handed && carry->handed->loops != carry->worker_count;
}

/* Open one listener for each loop: all[loop][at]. */
static int listen_at(struct carry *carry, struct proxy_listen *all[], unsigned at, char *err, size_t err_len)
{
    const struct proxy_listen *where = &all[0][at];
    const bool others = are_others(carry);
    if (where->service == PBC_NONE) return listen_inline(carry, all, at, err, err_len);
    const struct request_listen asked = {host_addr_of(where->at.addr, where->at.v6 ? 6 : 4), where->at.port};
    bool fresh = false;
    int failed = 0;
    for (unsigned i = 0; i < carry->worker_count && !failed; i++) {
        int *fd = &all[i][at].fd;
        *fd = handed_at(carry, i, where);
        /* A spare listener that had drained joins again here, in the order of loops */
        if (*fd >= 0 && others && i && listen_does(where->fd) && !listen_does(*fd)) failed = listen_again(*fd);
        if (*fd >= 0) continue;
        if (!fresh && others && (failed = join_begin(carry, where))) break;
        fresh = true;
        const int refused = ask_LISTEN(carry->tell->channel, &asked, fd, err, err_len);
        if (refused) return refused;
        if (others && i && !listen_does(where->fd)) failed = listen_no_more(*fd); /* its service drains */
    }
    if (!failed && carry->worker_count > 1 && fresh && !others)
        failed = listen_by_client(all[carry->worker_count - 1][at].fd, where->at.v6, carry->worker_count);
    if (failed) snprintf(err, err_len, "connections can't be spread over the workers: %s", strerror(-failed));
    return failed;
}

/* Give listeners of former loops to the present loops. Return 0, or a negative errno. */
static int take_spares(struct carry *carry, struct proxy_listen *all[], unsigned count[])
{
    const struct listeners_handed *h = carry->handed;
    const unsigned places = count[0];
    for (unsigned i = 0; h && i < h->count; i++) {
        struct listener_handed *one = &h->all[i];
        unsigned at = 0;
        while (at < places && !proxy_listen_same(&one->at, &all[0][at])) at++;
        if (one->at.fd < 0 || one->worker < carry->worker_count || at == places) continue;
        const unsigned loop = one->worker % carry->worker_count;
        struct proxy_listen *more = realloc(all[loop], (count[loop] + 1u) * sizeof *more);
        if (!more) return -ENOMEM;
        all[loop] = more;
        more[count[loop]] = all[0][at];
        more[count[loop]].number = one->worker;
        more[count[loop]++].fd = one->at.fd;
        one->at.fd = -1;
    }
    return 0;
}

void listeners_deal(const struct carry *carry)
{
    struct proxy_listen l;
    int failed = 0;
    if (!are_others(carry) || !proxied_count(carry)) return;
    for (unsigned at = 0; proxy_listener(proxied_loop(carry, 0), at, &l); at++) {
        if (l.number || !listen_does(l.fd)) continue;
        const int one = listen_by_client(l.fd, l.at.v6, carry->worker_count);
        if (one) failed = one;
    }
    if (failed) complain("notice: connections aren't spread over all workers: %s", strerror(-failed));
}

void listeners_close(struct proxy_listen *all[], unsigned loops, const unsigned count[])
{
    for (unsigned i = 0; i < loops; i++) {
        for (unsigned at = 0; all[i] && at < count[i]; at++)
            if (all[i][at].fd >= 0) close(all[i][at].fd);
        free(all[i]);
        all[i] = NULL;
    }
}

int listeners_open(struct carry *carry, const struct places *before, struct proxy_listen *all[], unsigned count[],
                   char *err, size_t err_len)
{
    struct places now;
    int failed = places_init(&now, carry->now.program) ? 0 : -ENOMEM;
    for (unsigned i = 0; i < carry->worker_count && !failed; i++) {
        all[i] = calloc(now.count + 1u, sizeof *all[i]);
        count[i] = now.count;
        if (!all[i])
            failed = -ENOMEM;
        else
            memcpy(all[i], now.all, now.count * sizeof *all[i]);
        for (unsigned at = 0; at < now.count && !failed; at++) {
            if (all[i][at].service == PBC_NONE) all[i][at] = inline_place(i, all[i][at].at.v6);
            all[i][at].number = i;
        }
    }
    if (failed) snprintf(err, err_len, "out of memory");
    for (unsigned at = 0; at < now.count && !failed; at++)
        if (!is_there(before, &now.all[at])) failed = listen_at(carry, all, at, err, err_len);
    if (!failed && now.count && (failed = take_spares(carry, all, count))) snprintf(err, err_len, "out of memory");
    if (failed) listeners_close(all, carry->worker_count, count);
    free(now.all);
    return failed;
}
