/* Requests about interfaces: their sockets, steering programs, offloads, and packets sent beside the workers
 * (neighbours, announcements) */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/device/announce.h"
#include "runtime/host/device/offload.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/guard/program/guarded.h"
#include "runtime/host/view/ipsec.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"
#include "runtime/parent/parent_priv.h"

/* Return the way of what is asked for. */
static const struct io_ops *ops_of(const struct parent *p, const struct io_ask *ask)
{
    if (ask->beside) return p->kernel ? &io_RAISED : &io_PACKET;
    if (!p->kernel && !p->maker.steers[ask->port]) return &io_PACKET;
    return p->by_tc >> ask->port & 1 ? &io_RAISED : &io_XDP;
}

/* The command line's settings override the service's */
bool grant_PORT(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    struct io_ask ask = *(const struct io_ask *)r->body;
    struct io_made made = {0};
    if (!is_port(p, ask.port) || ask.worker >= IO_WORKERS_MOST || ask.group > UINT16_MAX) return false;
    const struct io_ops *ops = ops_of(p, &ask);
    if (ask.ring_bytes < OPTIONS_RING_LEAST || ask.ring_bytes > p->o->ring) return false;
    ask.busy = p->o->busy_poll;
    ask.ifindex = parent_ifindex(p, ask.port);
    ask.all = p->o->peer[ask.port] != OPTIONS_NO_PEER || (p->o->monitor && ask.all);
    ask.ports = (uint8_t)p->o->iface_count;
    ask.noted = p->kernel != NULL;
    if (!ask.ifindex) {
        a->failed = -ENODEV;
        return true;
    }
    a->failed = ops->make(&p->maker, &ask, &made, a->err, sizeof a->err) ? -EIO : 0;
    if (a->failed) return true;
    memcpy(fds, made.fds, made.fd_count * sizeof *fds);
    a->fd_count = made.fd_count;
    a->group = made.group;
    a->slots = made.slots;
    a->ring = made.ring;
    a->filter = made.filter;
    a->deal = made.deal;
    return true;
}

bool grant_BIND(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!p->maker.unbound.count) return false;
    a->failed = io_XDP.bind(&p->maker, a->err, sizeof a->err) ? -EIO : 0;
    return true;
}

bool grant_IPSEC(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    fds[0] = ipsec_told();
    answer_fd(a, fds[0]);
    if (a->failed == -EPROTONOSUPPORT) a->failed = 0;
    return true;
}

bool grant_TUN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    char name[IF_NAMESIZE];
    a->failed = tun_open(p->o->name, fds, 1, name, a->err, sizeof a->err);
    a->fd_count = a->failed ? 0 : 1;
    a->value = a->failed ? 0 : if_nametoindex(name);
    return true;
}

bool grant_OFFLOADS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_offloads *body = r->body;
    if (!is_port(p, body->port)) return false;
    unsigned off;
    a->failed =
        offloads_off(p->state, p->o->ifaces[body->port], body->which, p->in_kernel, &off, a->err, sizeof a->err);
    a->value = a->failed ? 0 : off;
    return true;
}

/* Replaces a program that was loaded before, for an interface that has since gone */
bool grant_STEER(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_steer *body = r->body;
    if (!is_port(p, body->port)) return false;
    struct steer **s = &p->maker.steers[body->port];
    if (*s) p->too_long[body->port] += steer_too_long(*s);
    steer_close(*s);
    *s = steer_open(body->frame_most, a->err, sizeof a->err);
    a->failed = *s ? 0 : -EIO;
    if (*s) gate_detach(p->maker.gate, body->port); /* the steering program does the gate's work, and counts */
    return true;
}

bool grant_TAKE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_take *body = r->body;
    const struct guard_match *all = r->elements;
    if (!is_port(p, body->port)) return false;
    for (uint32_t i = 0; i < r->count; i++)
        if (!guard_match_valid(&all[i])) return false;
    const struct guarded g = {.matches = (struct guard_match *)(uintptr_t)all, .match_count = r->count};
    const struct steer_rules rules = {.guarded = &g,
                                      .routed = body->routed,
                                      .all = p->o->peer[body->port] != OPTIONS_NO_PEER,
                                      .translates = body->translates};
    if (p->maker.steers[body->port]) a->failed = steer_rules(p->maker.steers[body->port], &rules);
    return true;
}

/* Tell the steering program and the gate own addresses, in the form of struct facts */
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

bool grant_WORLD(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_world *body = r->body;
    if (!is_port(p, body->port)) return false;
    a->failed = tell_world(p, r->elements, r->count, body);
    return true;
}

bool grant_STEERING(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    bool generic = false;
    if (!is_port(p, body->port)) return false;
    struct steer *s = p->maker.steers[body->port];
    const unsigned ifindex = parent_ifindex(p, body->port);
    a->failed = s && ifindex ? steer_begin(s, ifindex, p->o->xdp_replace, &generic, a->err, sizeof a->err) : -ENODEV;
    a->value = generic;
    return true;
}

/* A device that gets this port's name gets programs by HOOKS, STEERING or GUARD again. */
bool grant_LEAVE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    struct steer **s = &p->maker.steers[body->port];
    if (*s) p->too_long[body->port] += steer_too_long(*s);
    steer_close(*s);
    *s = NULL;
    gate_detach(p->maker.gate, body->port);
    if (p->kernel) hooks_off(p->state, p->o->ifaces[body->port], &p->hooked[body->port]);
    p->ifindex[body->port] = 0;
    return true;
}

/* Does nothing on kernels where the programs are attached as links */
bool grant_KEEP(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    const int hooks = parent_keep_hooks(p, body->port, a->err, sizeof a->err);
    const int gate =
        hooks < 0 ? 0 : gate_keep(p->maker.gate, p->state, body->port, p->o->ifaces[body->port], a->err, sizeof a->err);
    a->failed = hooks < 0 ? hooks : gate < 0 ? gate : 0;
    a->value = a->failed ? 0 : (uint64_t)(hooks + gate);
    return true;
}

bool grant_TOO_LONG(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    const struct steer *s = p->maker.steers[body->port];
    a->value = p->too_long[body->port] + (s ? steer_too_long(s) : 0);
    return true;
}

bool grant_CARRIED(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    if (p->maker.gate) gate_counts(p->maker.gate, parent_ifindex(p, body->port), &a->carried);
    if (p->maker.steers[body->port]) steer_counts(p->maker.steers[body->port], &a->carried);
    return true;
}

bool grant_RESOLVE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_address *body = r->body;
    if (!is_port(p, body->port) || !is_address(&body->addr)) return false;
    if (!p->resolver) p->resolver = resolver_new();
    a->failed = p->resolver ? resolver_ask(p->resolver, parent_ifindex(p, body->port), &body->addr) : -errno;
    return true;
}

bool grant_ANNOUNCE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_address *body = r->body;
    if (!is_port(p, body->port) || !is_address(&body->addr)) return false;
    a->failed = announce(parent_ifindex(p, body->port), &body->addr);
    return true;
}
