/* Interfaces that go down, vanish and come back while they are served: each change is told in a line, and one that is
 * back gets new sockets and guard rules. The others are served meanwhile. */
#include "runtime/live/world/links.h"

#include <errno.h>

#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/ports.h"
#include "runtime/live/carry/steered.h"

static const char *const words[] = {
    [LINK_UP] = "is back",
    [LINK_DOWN] = "is down; what would leave by it is lost until it is up",
    [LINK_GONE] = "is gone; it is served again when it comes back",
};

/* By its name, else under another that it was given since. */
static const struct host_link *link_of(const struct live *l, unsigned at)
{
    const struct host_link *link = host_link_named(l->carry.host, l->o->ifaces[at]);
    return link ? link : host_link(l->carry.host, l->carry.ifindex[at]);
}

/* New sockets of all workers, or none. */
static bool open_all(struct live *l, unsigned at, struct io_port *fresh[])
{
    int group = -1;
    for (unsigned i = 0; i < l->carry.worker_count; i++) {
        fresh[i] = ports_open(&l->carry, l->carry.workers[i], at, &group);
        if (fresh[i]) continue;
        while (i--) l->carry.workers[i]->ports[at].ops->close(fresh[i]);
        return false;
    }
    return true;
}

/* What the old socket has counted stays counted. */
static void replace(struct port *p, struct io_port *fresh)
{
    struct io_stats s;
    p->ops->stats(p->io, &s);
    io_stats_add(&p->before, &s);
    p->ops->close(p->io);
    p->io = fresh;
}

/* The workers stand still while their sockets change: between two batches nobody holds a frame of a ring, and nobody
 * takes from the memory that a worker's ports share. */
static bool reopen(struct live *l, unsigned at)
{
    struct io_port *fresh[WORKERS_MOST];
    for (unsigned i = 0; i < l->carry.worker_count; i++) worker_hold(l->carry.workers[i]);
    bool made = true;
    for (unsigned p = at; p < l->carry.port_count && made; p += l->o->iface_count) {
        made = open_all(l, p, fresh);
        for (unsigned i = 0; i < l->carry.worker_count && made; i++) replace(&l->carry.workers[i]->ports[p], fresh[i]);
    }
    for (unsigned i = 0; i < l->carry.worker_count; i++) worker_release(l->carry.workers[i]);
    return made && !hide_guard(&l->carry) && !steered_port(&l->carry, at);
}

static bool is_stalled(const struct live *l, unsigned at)
{
    bool stalled = false;
    for (unsigned p = at; p < l->carry.port_count; p += l->o->iface_count)
        for (unsigned i = 0; i < l->carry.worker_count; i++) {
            const struct port *port = &l->carry.workers[i]->ports[p];
            stalled |= port->ops->stalled && port->ops->stalled(port->io);
        }
    return stalled;
}

void links_renew(struct live *l)
{
    for (unsigned at = 0; at < l->o->iface_count; at++) {
        if (l->world.links[at] != LINK_UP || !is_stalled(l, at)) continue;
        const bool renewed = reopen(l, at);
        events_tell(&l->tell.events, TOLD_STALLED, "%s: its receive ring has stalled%s", l->o->ifaces[at],
                    renewed ? ", and was made anew" : ", and cannot be made anew");
        l->carry.workers[0]->ports[at].before.renewed += renewed;
    }
}

static bool is_followed(struct live *l, unsigned at, const struct host_link *link)
{
    const unsigned before = l->carry.ifindex[at];
    if (link->ifindex == before) return true;
    l->carry.ifindex[at] = link->ifindex;
    const bool opened = reopen(l, at);
    if (!opened) l->carry.ifindex[at] = before;
    l->world.renumbered += opened;
    return opened;
}

void links_follow(struct live *l)
{
    for (unsigned at = 0; at < l->o->iface_count; at++) {
        const struct host_link *link = link_of(l, at);
        const enum link_state before = l->world.links[at];
        if (link && link->up && !is_followed(l, at, link)) continue;
        l->world.links[at] = !link ? LINK_GONE : link->up ? LINK_UP : LINK_DOWN;
        if (l->world.links[at] != before)
            events_tell(&l->tell.events, TOLD_LINK, "%s %s", l->o->ifaces[at], words[l->world.links[at]]);
    }
}

bool links_missed(const struct live *l)
{
    bool missed = false;
    for (unsigned at = 0; at < l->o->iface_count; at++) {
        const struct host_link *link = link_of(l, at);
        missed |= link && link->up && link->ifindex != l->carry.ifindex[at];
    }
    return missed;
}
