/* Requests about interfaces: their sockets, steering programs, offloads, and packets sent beside the workers
 * (neighbours, announcements) */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/host/device/announce.h"
#include "runtime/host/device/offload.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/guard/program/guarded.h"
#include "runtime/host/view/ipsec.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"
#include "runtime/parent/parent_priv.h"

/* Return the way of a request. */
static const struct io_ops *ops_of(const struct parent *p, const struct io_ask *ask)
{
    if (ask->beside) return p->kernel ? &io_RAISED : &io_PACKET;
    if (!p->kernel && !p->maker.steers[ask->port]) return &io_PACKET;
    return p->by_tc >> ask->port & 1 ? &io_RAISED : &io_XDP;
}

/* The command line's settings override the service's */
int grant_PORT(struct parent *p, const struct request_port *asked, struct answer *a, int fds[])
{
    struct io_ask ask = asked->ask;
    struct io_made made = {0};
    const struct io_ops *ops = ops_of(p, &ask);
    ask.busy = p->o->busy_poll;
    ask.ifindex = parent_ifindex(p, ask.port);
    ask.all = p->o->peer[ask.port] != OPTIONS_NO_PEER || (p->o->monitor && ask.all);
    ask.ports = (uint8_t)p->o->iface_count;
    ask.noted = p->kernel != NULL;
    if (!ask.ifindex) return -ENODEV;
    if (ops->make(&p->maker, &ask, &made, a->err, sizeof a->err)) return -EIO;
    memcpy(fds, made.fds, made.fd_count * sizeof *fds);
    a->group = made.group;
    a->slots = made.slots;
    a->ring = made.ring;
    a->filter = made.filter;
    a->deal = made.deal;
    return (int)made.fd_count;
}

int grant_BIND(struct parent *p, struct answer *a, int fds[])
{
    if (!p->maker.unbound.count) return NEVER;
    return io_XDP.bind(&p->maker, a->err, sizeof a->err) ? -EIO : 0;
}

int grant_IPSEC(struct parent *p, struct answer *a, int fds[])
{
    fds[0] = ipsec_told();
    return fds[0] == -EPROTONOSUPPORT ? 0 : given(fds[0]);
}

enum { TUN_TRIES = 60, TUN_MS = 50 };

int grant_TUN(struct parent *p, struct answer *a, int fds[])
{
    char name[IF_NAMESIZE];
    int failed = tun_open(p->o->name, fds, 1, name, a->err, sizeof a->err);
    /* A process that was taking over from the crashed service holds the device until it notices the crash */
    for (unsigned i = 0; failed == -EEXIST && p->crashes && i < TUN_TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = TUN_MS * 1000000}, NULL);
        failed = tun_open(p->o->name, fds, 1, name, a->err, sizeof a->err);
    }
    a->value = failed ? 0 : if_nametoindex(name);
    return failed ? failed : 1;
}

int grant_OFFLOADS(struct parent *p, const struct request_offloads *asked, struct answer *a, int fds[])
{
    unsigned off;
    const int failed =
        offloads_off(p->state, p->o->ifaces[asked->port], asked->which, p->in_kernel, &off, a->err, sizeof a->err);
    a->value = failed ? 0 : off;
    return failed;
}

/* Replaces a program that was loaded before, for an interface that has since gone */
int grant_STEER(struct parent *p, const struct request_steer *asked, struct answer *a, int fds[])
{
    struct steer **s = &p->maker.steers[asked->port];
    if (*s) p->too_long[asked->port] += steer_too_long(*s);
    steer_close(*s);
    *s = lent_steer(p, asked->port, asked->frame_most, a->err, sizeof a->err);
    if (!*s) return -EIO;
    gate_detach(p->maker.gate, asked->port); /* the steering program does the gate's work, and counts */
    return 0;
}

int grant_TAKE(struct parent *p, const struct request_take *asked, const struct guard_match *all, uint32_t count,
               struct answer *a, int fds[])
{
    const struct guarded g = {.matches = (struct guard_match *)(uintptr_t)all, .match_count = count};
    const struct steer_rules rules = {.guarded = &g,
                                      .routed = asked->routed,
                                      .all = p->o->peer[asked->port] != OPTIONS_NO_PEER,
                                      .translates = asked->translates};
    return p->maker.steers[asked->port] ? steer_rules(p->maker.steers[asked->port], &rules) : 0;
}

/* Give the steering program and the gate this machine's addresses, in the form of struct facts */
static int tell_world(const struct parent *p, const struct own_address *all, uint32_t count,
                      const struct request_world *body)
{
    struct steer *s = p->maker.steers[body->port];
    uint32_t *v4 = calloc(count + 1u, sizeof *v4);
    struct pbc_range6 *v6 = calloc(count + 1u, sizeof *v6);
    struct facts f = {.self4 = v4, .self6 = v6};
    for (uint32_t i = 0; v4 && v6 && i < count; i++) {
        if (!all[i].hi && all[i].lo >> 32 == 0xffff)
            v4[f.self4_count++] = (uint32_t)all[i].lo;
        else
            v6[f.self6_count++] = (struct pbc_range6){all[i].hi, all[i].lo, all[i].hi, all[i].lo};
    }
    int failed = v4 && v6 ? 0 : -ENOMEM;
    if (!failed && s) failed = steer_world(s, &f, body->mac);
    if (!failed && p->maker.gate) failed = gate_world(p->maker.gate, &f);
    free(v4);
    free(v6);
    return failed;
}

int grant_WORLD(struct parent *p, const struct request_world *asked, const struct own_address *all, uint32_t count,
                struct answer *a, int fds[])
{
    return tell_world(p, all, count, asked);
}

int grant_STEERING(struct parent *p, const struct request_at *asked, struct answer *a, int fds[])
{
    bool generic = false;
    struct steer *s = p->maker.steers[asked->port];
    const unsigned ifindex = parent_ifindex(p, asked->port);
    const int failed =
        s && ifindex ? steer_begin(s, ifindex, p->o->xdp_replace, &generic, a->err, sizeof a->err) : -ENODEV;
    a->value = generic;
    return failed;
}

/* A device that gets this port's name gets programs by HOOKS, STEERING or GUARD again. */
int grant_LEAVE(struct parent *p, const struct request_at *asked, struct answer *a, int fds[])
{
    struct steer **s = &p->maker.steers[asked->port];
    if (*s) p->too_long[asked->port] += steer_too_long(*s);
    steer_close(*s);
    *s = NULL;
    gate_detach(p->maker.gate, asked->port);
    if (p->kernel) hooks_off(p->state, p->o->ifaces[asked->port], &p->hooked[asked->port]);
    p->ifindex[asked->port] = 0;
    return 0;
}

/* Does nothing on kernels where the programs are attached as links */
int grant_KEEP(struct parent *p, const struct request_at *asked, struct answer *a, int fds[])
{
    const int hooks = parent_keep_hooks(p, asked->port, a->err, sizeof a->err);
    const int gate =
        hooks < 0 ? 0
                  : gate_keep(p->maker.gate, p->state, asked->port, p->o->ifaces[asked->port], a->err, sizeof a->err);
    const int failed = hooks < 0 ? hooks : gate < 0 ? gate : 0;
    a->value = failed ? 0 : (uint64_t)(hooks + gate);
    return failed;
}

int grant_TOO_LONG(struct parent *p, const struct request_at *asked, struct answer *a, int fds[])
{
    const struct steer *s = p->maker.steers[asked->port];
    a->value = p->too_long[asked->port] + (s ? steer_too_long(s) : 0);
    return 0;
}

int grant_CARRIED(struct parent *p, const struct request_at *asked, struct answer *a, int fds[])
{
    if (p->maker.gate) gate_counts(p->maker.gate, parent_ifindex(p, asked->port), &a->carried);
    if (p->maker.steers[asked->port]) steer_counts(p->maker.steers[asked->port], &a->carried);
    return 0;
}

int grant_RESOLVE(struct parent *p, const struct request_address *asked, struct answer *a, int fds[])
{
    if (!p->resolver) p->resolver = resolver_new();
    return p->resolver ? resolver_ask(p->resolver, parent_ifindex(p, asked->port), &asked->addr) : -errno;
}

int grant_ANNOUNCE(struct parent *p, const struct request_address *asked, struct answer *a, int fds[])
{
    return announce(parent_ifindex(p, asked->port), &asked->addr);
}
