/* Interfaces that go down, vanish and come back while they are served. Each change is reported in one line. An
 * interface that is back gets new sockets and guard rules; the others are served meanwhile. */
#include "runtime/live/world/links.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/tell/log.h"

static const char *const words[] = {
    [LINK_UP] = "is back",
    [LINK_NO_CARRIER] = "has no carrier; until it has one, replies of its connections leave by the routes",
    [LINK_DOWN] =
        ("is down; until it is up, replies of its connections leave by the routes, and other packets for it are lost"),
    [LINK_GONE] = "is gone; preyrun serves it again when it returns",
};

enum link_state links_state(const struct host_link *link)
{
    if (!link) return LINK_GONE;
    return !link->up ? LINK_DOWN : link->carrier ? LINK_UP : LINK_NO_CARRIER;
}

static const struct host_link *link_of(const struct world *world, unsigned at)
{
    return host_link_named(world->carry->host, world->o->ifaces[at]);
}

/* Open new sockets for all workers, or for none. */
static bool open_all(struct world *world, unsigned at, struct io_port *fresh[])
{
    int group = -1;
    for (unsigned i = 0; i < world->carry->worker_count; i++) {
        fresh[i] = ports_open(world->carry, world->carry->workers[i], at, &group);
        if (fresh[i]) continue;
        while (i--) ports_ops(world->carry, at)->close(fresh[i]);
        return false;
    }
    return true;
}

/* Replace a port's socket and keep the old socket's counters. A packet socket shares nothing with the worker's other
 * sockets, so it is closed later (links_close): closing takes tens of milliseconds, and a returned interface is
 * served first. */
static void replace(struct world *world, struct port *p, const struct io_ops *ops, struct io_port *fresh)
{
    struct io_stats s;
    p->ops->stats(p->io, &s);
    io_stats_add(&p->before, &s);
    if (p->ops == &io_PACKET && world->left_count < LEFT_MOST)
        world->left[world->left_count++] = p->io;
    else
        p->ops->close(p->io);
    p->ops = ops;
    p->io = fresh;
}

void links_close(struct world *world)
{
    while (world->left_count) io_PACKET.close(world->left[--world->left_count]);
}

/* Replace the sockets of a port while the workers are paused: between two batches no worker holds a frame of a ring,
 * or takes from the memory that its ports share. */
static bool reopen(struct world *world, unsigned at)
{
    struct carry *carry = world->carry;
    struct io_port *fresh[WORKERS_MOST];
    for (unsigned i = 0; i < carry->worker_count; i++) worker_hold(carry->workers[i]);
    bool made = true;
    for (unsigned p = at; p < carry->ports.count && made; p += world->o->iface_count) {
        made = open_all(world, p, fresh);
        for (unsigned i = 0; i < carry->worker_count && made; i++)
            replace(world, &carry->workers[i]->ports[p], ports_ops(carry, p), fresh[i]);
    }
    for (unsigned i = 0; i < carry->worker_count; i++) worker_release(carry->workers[i]);
    return made && !steered_port(carry, at) && !hide_guard(carry);
}

static bool is_stalled(const struct world *world, unsigned at)
{
    bool stalled = false;
    for (unsigned p = at; p < world->carry->ports.count; p += world->o->iface_count)
        for (unsigned i = 0; i < world->carry->worker_count; i++) {
            const struct port *port = &world->carry->workers[i]->ports[p];
            stalled |= port->ops->stalled && port->ops->stalled(port->io);
        }
    return stalled;
}

void links_renew(struct world *world)
{
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        if (world->links[at] > LINK_NO_CARRIER || !is_stalled(world, at)) continue;
        const bool renewed = reopen(world, at);
        events_tell(&world->tell->events, TOLD_STALLED, "%s: its receive ring has stalled%s", world->o->ifaces[at],
                    renewed ? ", and preyrun has replaced it"
                            : ", and preyrun couldn't put a new ring into service: the reason is in the lines before");
        world->carry->workers[0]->ports[at].before.renewed += renewed;
    }
}

/* Begin to count packets that the tunnel fails to send. If an interface is made again, the next report does not come
 * earlier. */
static void failures_begin(struct world *world, unsigned at, unsigned ifindex)
{
    struct failed *f = &world->failed[at];
    f->told = 0;
    f->ifindex = ifindex;
    if (!host_link_failures(world->carry->host, ifindex, &f->told)) f->ifindex = 0;
}

/* True if the interface's failures to send are reported. WireGuard fails to send to absent peers, not because of
 * length: it lets its own packets be fragmented. */
static bool tells_failures(const struct world *world, unsigned at)
{
    const struct host_link *link = link_of(world, at);
    return world->raw >> at & 1 && world->links[at] <= LINK_NO_CARRIER && !(link && !strcmp(link->kind, "wireguard"));
}

void links_fail(struct world *world)
{
    const uint64_t second_ns = 1000000000, first_ns = 10 * second_ns, most_ns = 600 * second_ns;
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        struct failed *f = &world->failed[at];
        uint64_t packets;
        if (!tells_failures(world, at) || now_ns < f->due_ns) continue;
        if (f->ifindex != world->carry->ifindex[at]) failures_begin(world, at, world->carry->ifindex[at]);
        if (!host_link_failures(world->carry->host, f->ifindex, &packets) || packets <= f->told) continue;
        const struct host_link *link = link_of(world, at);
        const uint64_t more = packets - f->told;
        events_tell(&world->tell->events, TOLD_LOST,
                    "%s has failed to send %" PRIu64
                    " packet%s: the path has a smaller MTU than the interface's %u, or leads nowhere; to fix it, run, "
                    "with the path's MTU as N: ip link set %s mtu N",
                    world->o->ifaces[at], more, more == 1 ? "" : "s", link ? link->mtu : 0, world->o->ifaces[at]);
        f->told = packets;
        /* The next report waits twice as long as the last report. */
        f->rest_ns = !f->rest_ns ? first_ns : 2 * f->rest_ns < most_ns ? 2 * f->rest_ns : most_ns;
        f->due_ns = now_ns + f->rest_ns;
    }
}

static void set_kind(struct world *world, unsigned at, const struct host_link *link)
{
    enum pkt_link kind;
    world->raw &= ~(1u << at);
    if (!link || !host_link_reads(link, &kind) || kind != LINK_RAW) return;
    world->raw |= 1u << at;
    failures_begin(world, at, link->ifindex);
}

void links_begin(struct world *world)
{
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        const struct host_link *link = link_of(world, at);
        const bool up = link && link->up;
        world->links[at] = links_state(link);
        if (up) world->served |= 1u << at;
        if (up) set_kind(world, at, link);
    }
}

/* True if an interface has kept its number, but was opened as another kind: a modem that changes to bare IP, a bond
 * whose first member is of another kind. */
static bool is_of_other_kind(const struct world *world, unsigned at, const struct host_link *link)
{
    enum pkt_link kind;
    if (!link->ifindex || link->ifindex != world->carry->ifindex[at]) return false;
    return !host_link_reads(link, &kind) || (kind == LINK_RAW) != (world->raw >> at & 1);
}

/* True if prey reads the interface's packets; if not, that is reported once. */
static bool is_read(struct world *world, unsigned at, const struct host_link *link)
{
    enum pkt_link kind;
    char why[300];
    const bool told = world->unread >> at & 1, reads = host_link_reads(link, &kind);
    world->unread &= ~(1u << at);
    if (reads) return true;
    world->unread |= 1u << at;
    host_link_unread(link, why, sizeof why);
    if (!told) tell_fault(world->tell, "%.*s: preyrun doesn't serve the interface", (int)strcspn(why, "|"), why);
    return false;
}

static bool link_is_followed(struct world *world, unsigned at, const struct host_link *link)
{
    const unsigned before = world->carry->ifindex[at];
    if (link->ifindex == before) return true;
    if (!is_read(world, at, link)) return false;
    world->carry->ifindex[at] = link->ifindex;
    const bool opened = reopen(world, at);
    if (!opened) {
        world->carry->ifindex[at] = before;
        return false;
    }
    set_kind(world, at, link);
    /* An interface that was absent at the start is new, and not counted as returned. */
    world->carry->workers[0]->ports[at].before.returned += world->served >> at & 1;
    world->served |= 1u << at;
    world->carry->away &= ~(1u << at);
    world->renumbered++;
    return true;
}

/* Replace a port by ports that carry nothing, for all workers or for none. */
static bool replace_by_nothing(struct world *world, unsigned at)
{
    struct carry *carry = world->carry;
    struct io_port *fresh[WORKERS_MOST];
    char err[100];
    for (unsigned i = 0; i < carry->worker_count; i++) {
        fresh[i] = io_AWAY.open(NULL, NULL, NULL, err, sizeof err);
        if (fresh[i]) continue;
        while (i--) io_AWAY.close(fresh[i]);
        return false;
    }
    for (unsigned i = 0; i < carry->worker_count; i++)
        replace(world, &carry->workers[i]->ports[at], &io_AWAY, fresh[i]);
    return true;
}

/* Take sockets and programs off an interface that now has another name, because rules go by names. */
static bool link_leave(struct world *world, unsigned at)
{
    struct carry *carry = world->carry;
    char err[300];
    bool left = true;
    for (unsigned i = 0; i < carry->worker_count; i++) worker_hold(carry->workers[i]);
    for (unsigned p = at; p < carry->ports.count && left; p += world->o->iface_count)
        left = replace_by_nothing(world, p);
    for (unsigned i = 0; i < carry->worker_count; i++) worker_release(carry->workers[i]);
    if (!left) return false;
    carry->ifindex[at] = carry->guard.let_in[at] = 0;
    carry->away |= 1u << at;
    /* From here on, other ports judge its packets as they leave there; only then may the packets come unjudged. */
    if (carry->in_kernel) in_kernel_world(carry);
    if (ask_LEAVE(carry->tell->channel, &(struct request_at){at}, err, sizeof err))
        tell_fault(carry->tell, "%s: %s", world->o->ifaces[at], err);
    hide_guard(carry);
    return true;
}

/* Leave an interface that still exists, but under another name. True if that was reported. */
static bool is_renamed(struct world *world, unsigned at)
{
    const struct host_link *link = host_link(world->carry->host, world->carry->ifindex[at]);
    if (!link || link_of(world, at)) return false;
    char now[IFNAMSIZ];
    snprintf(now, sizeof now, "%s", link->name);
    if (!link_leave(world, at)) return false;
    events_tell(&world->tell->events, TOLD_LINK,
                "%s is called %s now: preyrun doesn't serve that name, and serves %s again when it returns",
                world->o->ifaces[at], now, world->o->ifaces[at]);
    world->links[at] = LINK_GONE;
    return true;
}

/* Forget the numbers of removed interfaces. If a device has such a number and name later, it is another one, to
 * which no program is attached. Guard rules no longer let it in. */
static void forget_gone(struct world *world)
{
    struct carry *carry = world->carry;
    bool any = false;
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        if (!carry->ifindex[at] || !host_link_went(carry->host, carry->ifindex[at])) continue;
        carry->ifindex[at] = carry->guard.let_in[at] = 0;
        any = true;
    }
    host_links_settle(carry->host);
    if (any) hide_guard(carry);
}

void links_follow(struct world *world)
{
    forget_gone(world);
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        if (is_renamed(world, at)) continue;
        const struct host_link *link = link_of(world, at);
        if (link && link->up && is_of_other_kind(world, at, link) && link_leave(world, at))
            world->links[at] = LINK_GONE;
        const enum link_state before = world->links[at];
        if (link && link->up && !link_is_followed(world, at, link)) continue;
        world->links[at] = links_state(link);
        if (world->links[at] != before)
            events_tell(&world->tell->events, TOLD_LINK, "%s %s", world->o->ifaces[at], words[world->links[at]]);
    }
    world->carry->bare = ports_bare(world->carry); /* a device that is back may be of another kind */
    hide_past(world->carry);
}

void links_let_in(struct carry *carry)
{
    bool any = false;
    if (!carry->judges) return;
    for (unsigned at = 0; at < carry->o->iface_count; at++) {
        if (carry->away >> at & 1 || carry->guard.let_in[at] == carry->ifindex[at]) continue;
        carry->guard.let_in[at] = carry->ifindex[at];
        any = true;
    }
    if (any) hide_guard(carry);
}

bool links_missed(const struct world *world)
{
    bool missed = false;
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        const struct host_link *link = link_of(world, at);
        missed |= link && link->up && link->ifindex != world->carry->ifindex[at];
    }
    return missed;
}
