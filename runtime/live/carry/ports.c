#include "runtime/live/carry/ports.h"

#include "runtime/io/steer/deal.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/way.h"
#include "runtime/live/tell/log.h"

/* True if outgoing packets must be seen: `out` firewalls, or state of the host's own flows. (Not at the port of a
 * bridge: what leaves there came by the other one, and segments that the kernel cuts of a super-packet are not known as
 * ours.) */
static bool needs_outgoing(const struct program *p)
{
    bool host = false, state = false;
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        if (p->firewalls[i].direction == PBC_DIR_OUT) return true;
        host |= p->firewalls[i].direction != PBC_DIR_FORWARD;
    }
    for (uint32_t i = 0; i < p->conds_count; i++)
        state |= p->conds[i].kind == COND_STATE || p->conds[i].kind == COND_FLOWS_OVER;
    return host && state;
}

/* True if connections are watched, and what leaves is this machine's own: its half of them. What is forwarded was seen
 * when it came. (Not where connections that cross may be cut into: what we send in an end's name would come back.) */
static bool watches_own(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    const bool in_the_way = program_guards(p) != PBC_NONE && enforce_routes(carry, p);
    return p->observes_count && !carry->forwards && !in_the_way;
}

void dealt_world(struct carry *carry)
{
    const struct deal_world w = {.owners = carry->now.owners,
                                 .facts = &carry->latest->facts,
                                 .ifindex = carry->ifindex,
                                 .iface = carry->now.iface,
                                 .ports = carry->o->iface_count};
    if (carry->dealt) deal_fill(carry->dealt, &w);
}

void dealt_close(struct carry *carry)
{
    deal_unmap(carry->dealt);
    carry->dealt = NULL;
}

/* Take the dealing program's tables from the new port's descriptors, before the port is opened. */
static void dealt_take(struct carry *carry, struct io_made *made)
{
    if (!made->deal) return;
    deal_unmap(carry->dealt);
    carry->dealt = deal_map(made->fds[--made->fd_count]); /* the last descriptor */
    made->deal = 0;
    if (carry->latest) dealt_world(carry);
}

bool ports_mirror(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    return carry->o->monitor && (p->observes_count || p->mirrors_count) && !p->services_count && !p->nats_count &&
           !carry->forwards;
}

const struct io_ops *ports_ops(const struct carry *carry, unsigned at)
{
    return at < carry->o->iface_count ? way_of(carry, at) : &io_PACKET;
}

struct io_port *ports_open(struct carry *carry, const struct worker *w, unsigned at, int *group)
{
    char err[200];
    const struct io_ops *ops = ports_ops(carry, at);
    const unsigned iface = at % carry->o->iface_count;
    struct io_made made;
    const bool bridged = carry->o->peer[iface] != OPTIONS_NO_PEER;
    const struct host_link *link = host_link(carry->host, carry->ifindex[iface]);
    if (!link) {
        tell_fault(carry->tell, "%s: the interface is gone", carry->o->ifaces[iface]);
        return NULL;
    }
    /* Packet sockets of an interface share its ring memory; with xdp each worker needs it in full. */
    const uint64_t share = ops == &io_PACKET ? carry->o->ring / carry->worker_count : carry->o->ring;
    struct io_ask ask = {.ring_bytes = share > OPTIONS_RING_LEAST ? share : OPTIONS_RING_LEAST,
                         .ifindex = carry->ifindex[iface],
                         .mtu = link->mtu,
                         .group = *group,
                         .worker = (uint8_t)w->cfg.worker,
                         .port = (uint8_t)iface,
                         .busy = carry->o->busy_poll,
                         .beside = at >= carry->o->iface_count,
                         .outgoing = !bridged && (needs_outgoing(carry->now.program) || watches_own(carry)),
                         .all = bridged || ports_mirror(carry),
                         .shared = carry->worker_count > 1,
                         .hurried = carry->tell->ready};
    if (!ask.beside && steered_open(carry, iface, &ask)) return NULL;
    struct io_port *io = NULL;
    if (!ask_port(carry->tell->channel, &ask, &made, err, sizeof err)) {
        *group = made.group;
        dealt_take(carry, &made);
        io = ops->open(&ask, &made, &carry->umems[w->cfg.worker], err, sizeof err);
    }
    if (io && ops->bind && ask_bind(carry->tell->channel, err, sizeof err)) {
        ops->close(io);
        io = NULL;
    }
    if (!io) tell_fault(carry->tell, "%s: %s", carry->o->ifaces[iface], err);
    return io;
}
