/* Sockets and ring of a port are opened separately and joined; the dealing program's tables come with the first port */
#include "runtime/live/carry/worker_ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/host/device/offload.h"
#include "runtime/io/steer/deal.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/way.h"
#include "runtime/live/tell/log.h"

/* True if outgoing packets must be seen: for `out` firewalls, state of the host's own flows, or its DNS questions.
 * (Not at the port of a bridge: packets that leave there came by the other port, and segments that the kernel cuts
 * of a super-packet would not be recognised as ours.) */
static bool needs_outgoing(const struct program *p)
{
    bool host = false, state = false;
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        if (p->firewalls[i].direction == PBC_DIR_OUT) return true;
        host |= p->firewalls[i].direction != PBC_DIR_FORWARD;
    }
    for (uint32_t i = 0; i < p->lives_count; i++)
        if (p->lives[i].answers) return true;
    for (uint32_t i = 0; i < p->conds_count; i++)
        state |= p->conds[i].kind == COND_STATE || p->conds[i].kind == COND_FLOWS_OVER;
    return host && state;
}

bool ports_miss_questions(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    bool asks = false;
    for (uint32_t i = 0; i < p->lives_count; i++) asks |= p->lives[i].answers != 0;
    return asks && !carry->in_kernel && !carry->sees_own;
}

/* True if connections are observed, and leaving packets are this machine's own half of them. Forwarded packets were
 * seen when they came. (Not if the program may cut into crossing connections: packets that prey sends in an
 * endpoint's name would come back.) */
static bool watches_own(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    const bool in_the_way = program_holds(p) != PBC_NONE && enforce_routes(carry, p);
    return p->observes_count && !carry->forwards.any && !in_the_way;
}

void dealt_world(struct carry *carry)
{
    const struct deal_world w = {.owners = carry->now.owners,
                                 .facts = &carry->latest->facts,
                                 .ifindex = carry->ifindex,
                                 .iface = carry->now.iface,
                                 .ports = carry->o->iface_count,
                                 .workers = carry->worker_count};
    if (carry->ports.dealt) deal_fill(carry->ports.dealt, &w);
}

void dealt_close(struct carry *carry)
{
    deal_unmap(carry->ports.dealt);
    carry->ports.dealt = NULL;
    if (carry->ports.owners) munmap(carry->ports.owners, sizeof *carry->ports.owners);
    carry->ports.owners = NULL;
}

bool dealt_open(struct carry *carry)
{
    void *at = mmap(NULL, sizeof *carry->ports.owners, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    carry->ports.owners = at == MAP_FAILED ? NULL : at;
    return carry->ports.owners;
}

/* Map the tables and close the descriptor; existing owners of ports stay. False: out of memory. */
static bool dealt_map(struct carry *carry, int memory)
{
    struct port_owners *own = malloc(sizeof *own);
    if (own) *own = *carry->ports.owners;
    deal_unmap(carry->ports.dealt);
    carry->ports.dealt = own ? deal_map(memory, carry->ports.owners) : NULL;
    if (!own) close(memory);
    if (carry->ports.dealt) *carry->ports.owners = *own;
    free(own);
    return carry->ports.dealt;
}

bool dealt_take(struct carry *carry, int tables)
{
    const bool mapped = dealt_map(carry, tables);
    dealt_world(carry);
    return mapped;
}

int dealt_anew(struct carry *carry, char *err, size_t err_len)
{
    int fds[2];
    const int failed = ask_DEALER(carry->tell->channel, fds, err, err_len);
    if (failed) return failed;
    carry->ports.dealer = fds[0];
    if (carry->worker_count > 1) return dealt_map(carry, fds[1]) ? 0 : -ENOMEM;
    close(fds[1]); /* the only worker gets all frames, as without tables */
    return 0;
}

void dealt_begin(struct carry *carry)
{
    int failed = 0;
    if (!carry->ports.dealer) return;
    for (unsigned at = 0; at < carry->ports.count; at++) {
        const struct port *p = &carry->workers[0]->ports[at];
        if (p->ops->deal && !failed) failed = p->ops->deal(p->io, carry->ports.dealer);
    }
    if (failed) complain("notice: workers still hand frames to each other, which is slower: %s", strerror(-failed));
    close(carry->ports.dealer);
    carry->ports.dealer = 0;
    dealt_world(carry);
}

void dealt_leave(struct carry *carry)
{
    struct port_owners *o = carry->ports.owners;
    if (o) mmap(o, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Take the dealing program's tables from the new port's descriptors, before the port is opened. */
static void dealt_made(struct carry *carry, struct io_made *made)
{
    if (!made->deal) return;
    deal_unmap(carry->ports.dealt);
    carry->ports.dealt = deal_map(made->fds[--made->fd_count], carry->ports.owners); /* the last descriptor */
    made->deal = 0;
    if (carry->latest) dealt_world(carry);
}

bool ports_mirror(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    return carry->o->monitor && (p->observes_count || p->mirrors_count) && !p->services_count && !p->nats_count &&
           !carry->forwards.any;
}

uint32_t ports_bare(const struct carry *carry)
{
    uint32_t bare = 0;
    enum pkt_link kind;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link(carry->host, carry->ifindex[i]);
        if (link && host_link_reads(link, &kind) && kind == LINK_RAW) bare |= 1u << i;
    }
    return bare;
}

const struct io_ops *ports_ops(const struct carry *carry, unsigned at)
{
    return at < carry->o->iface_count ? way_of(carry, at) : &io_PACKET;
}

int ports_turn_off(struct carry *carry, unsigned at, unsigned which, char *err, size_t err_len)
{
    char words[200];
    uint64_t off;
    const int failed = ask_OFFLOADS(carry->tell->channel, &(struct request_offloads){at, which}, &off, err, err_len);
    const unsigned news = (unsigned)off & ~carry->ports.told_off[at];
    if (!news) return failed;
    carry->ports.told_off[at] |= news;
    offload_words(news, words, sizeof words);
    if (carry->tell->ready)
        events_tell(&carry->tell->events, TOLD_LINK, "%s: preyrun turns off %s until it stops", carry->o->ifaces[at],
                    words);
    else
        complain("notice: %s: preyrun turns off %s until it stops", carry->o->ifaces[at], words);
    return failed;
}

bool ports_send_on(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    return in_kernel_binds(p) || enforce_routes(carry, p) || carry->o->bridge_count;
}

/* Open the ring beside the sockets of an interface. NULL: err has one line. */
static struct io_port *ring_open(struct carry *carry, unsigned iface, char *err, size_t err_len)
{
    const struct io_ask ask = {.ring_bytes = OPTIONS_RING_LEAST,
                               .ifindex = carry->ifindex[iface],
                               .group = -1,
                               .port = (uint8_t)iface,
                               .beside = true};
    struct io_made made;
    if (ask_port(carry->tell->channel, &ask, &made, err, err_len)) return NULL;
    return io_RAISED.open(&ask, &made, NULL, err, err_len);
}

/* Join sockets and ring. Return NULL without a ring, or if the ring was closed; then err has one line, and the
 * sockets stay. */
static struct io_port *ring_join(struct io_port *sockets, struct io_port *ring, char *err, size_t err_len)
{
    struct io_port *joined = ring ? ringed_join(sockets, ring) : NULL;
    if (joined || !ring) return joined;
    snprintf(err, err_len, "the ring for packets from the kernel can't be set up: %s", strerror(errno));
    io_RAISED.close(ring);
    return NULL;
}

/* Return the size of each worker's ring in bytes, for so many workers. Packet sockets of an interface share its
 * memory; with xdp each needs all of it. */
static uint64_t ring_share(const struct carry *carry, unsigned at, unsigned workers)
{
    const uint64_t share = ports_ops(carry, at) == &io_PACKET ? carry->o->ring / workers : carry->o->ring;
    return share > OPTIONS_RING_LEAST ? share : OPTIONS_RING_LEAST;
}

/* Describe the sockets of a port to the code that makes them. */
static struct io_ask ask_for(const struct carry *carry, const struct worker *w, unsigned at,
                             const struct host_link *link, enum pkt_link kind, int group)
{
    const unsigned iface = at % carry->o->iface_count;
    const bool bridged = carry->o->peer[iface] != OPTIONS_NO_PEER;
    return (struct io_ask){.ring_bytes = ring_share(carry, at, carry->worker_count),
                           .ifindex = carry->ifindex[iface],
                           .mtu = link->mtu,
                           .link = (uint8_t)kind,
                           .group = group,
                           .worker = (uint8_t)w->cfg.worker,
                           .port = (uint8_t)iface,
                           .busy = carry->o->busy_poll,
                           .beside = at >= carry->o->iface_count,
                           .outgoing = !bridged && (needs_outgoing(carry->now.program) || watches_own(carry)),
                           .all = bridged || ports_mirror(carry),
                           .shared = carry->worker_count > 1,
                           .hurried = carry->tell->ready};
}

struct io_port *ports_open(struct carry *carry, const struct worker *w, unsigned at, int *group)
{
    char err[200];
    const bool ringed = ports_ops(carry, at) == &io_RINGED;
    const struct io_ops *ops = ringed ? &io_XDP : ports_ops(carry, at);
    const unsigned iface = at % carry->o->iface_count;
    struct io_made made;
    const struct host_link *link = host_link(carry->host, carry->ifindex[iface]);
    if (!link) {
        tell_fault(carry->tell, "%s: the interface is gone", carry->o->ifaces[iface]);
        return NULL;
    }
    enum pkt_link kind;
    if (!host_link_reads(link, &kind)) {
        host_link_unread(link, err, sizeof err);
        tell_fault(carry->tell, "%.*s", (int)strcspn(err, "|"), err);
        return NULL;
    }
    if (kind == LINK_RAW && ops != &io_PACKET && ops != &io_RAISED) {
        tell_fault(carry->tell, "%s carries no Ethernet, which XDP needs: restart preyrun to serve it by %s",
                   link->name, carry->in_kernel ? "--hook tc" : "--io packet");
        return NULL;
    }
    struct io_ask ask = ask_for(carry, w, at, link, kind, *group);
    carry->sees_own |= ask.outgoing;
    if (!ask.beside && steered_open(carry, iface, &ask)) return NULL;
    struct io_port *io = NULL;
    if (!ask_port(carry->tell->channel, &ask, &made, err, sizeof err)) {
        *group = made.group;
        dealt_made(carry, &made);
        io = ops->open(&ask, &made, &carry->ports.umems[w->cfg.worker], err, sizeof err);
    }
    if (io && ops->bind && ask_BIND(carry->tell->channel, err, sizeof err)) {
        ops->close(io);
        io = NULL;
    }
    if (io && ringed) {
        struct io_port *sockets = io;
        io = ring_join(sockets, ring_open(carry, iface, err, sizeof err), err, sizeof err);
        if (!io) ops->close(sockets);
    }
    if (!io) tell_fault(carry->tell, "%s: %s", carry->o->ifaces[iface], err);
    return io;
}

/* Ask for a ring like the one handed over, if any number of workers would have such a ring: its instance, or an
 * earlier one, may have had another number when the ring was made. */
static void ring_as_handed(const struct carry *carry, const struct worker *w, unsigned at, const struct io_made *made,
                           struct io_ask *ask)
{
    const struct io_ops *ops = w->ports[at].ops;
    const uint64_t own = ask->ring_bytes;
    bool fits = !ops->fits || ops->fits(ask, made);
    for (unsigned n = 1; n <= WORKERS_MOST && !fits; n++) {
        ask->ring_bytes = ring_share(carry, at, n);
        fits = ops->fits(ask, made);
    }
    if (!fits) ask->ring_bytes = own;
}

/* Open one port of another instance. An interface that is away there is away here, too, and is opened at the next
 * look. NULL: err has one line. */
static struct io_port *port_take(struct carry *carry, struct worker *w, unsigned at, const struct io_made *made,
                                 char *err, size_t err_len)
{
    const unsigned iface = at % carry->o->iface_count;
    const struct host_link *link = host_link(carry->host, carry->ifindex[iface]);
    struct io_port *early = w->ports[at].io;
    struct io_made last = *made;
    enum pkt_link kind;
    w->ports[at].io = NULL;
    if (early && w->ports[at].ops->resume(early, &last)) return early;
    if (early) w->ports[at].ops->close(early);
    if (!made->fd_count) {
        carry->away |= 1u << iface;
        w->ports[at].ops = &io_AWAY;
        return io_AWAY.open(NULL, NULL, NULL, err, err_len);
    }
    if (!link || !host_link_reads(link, &kind)) {
        struct io_made unused = *made;
        io_made_close(&unused);
        snprintf(err, err_len, "the interface is gone");
        return NULL;
    }
    struct io_ask ask = ask_for(carry, w, at, link, kind, -1);
    ring_as_handed(carry, w, at, made, &ask);
    ask.noted = carry->in_kernel;
    steered_shape(carry, &ask);
    return w->ports[at].ops->open(&ask, made, &carry->ports.umems[w->cfg.worker], err, err_len);
}

const char *ports_stay(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->worker_count; i++)
        for (unsigned at = 0; at < carry->workers[i]->egress.port_count; at++) {
            const struct port *p = &carry->workers[i]->ports[at];
            const char *why = p->ops->stays ? p->ops->stays(p->io) : NULL;
            if (why) return why;
        }
    return NULL;
}

int ports_hand(const struct carry *carry, const struct worker *w, unsigned at, struct io_made *made)
{
    const struct port *p = &w->ports[at];
    *made = (struct io_made){.group = -1};
    if (!p->ops->hand || !host_link(carry->host, carry->ifindex[at % carry->o->iface_count])) return 0;
    return p->ops->hand(p->io, made) ? 0 : -EBUSY;
}

bool ports_walk_state(const struct carry *carry, const struct worker *w, struct archive *a)
{
    for (unsigned at = 0; at < w->egress.port_count; at++) {
        const struct port *p = &w->ports[at];
        const bool there = host_link(carry->host, carry->ifindex[at % carry->o->iface_count]);
        uint32_t has = p->ops->archive && (there || a->reads);
        ARCHIVE(a, has);
        if (!archive_sound(a, has == (p->ops->archive != NULL))) return false;
        if (has && !p->ops->archive(p->io, a)) return false;
    }
    return !a->bad;
}

void ports_take_early(struct carry *carry, struct worker *w, struct io_made made[PORTS_MOST])
{
    char err[200]; /* not reported: a port that can't be opened yet is opened again, and reported then */
    for (unsigned at = 0; at < carry->ports.count; at++) {
        struct port *p = &w->ports[at];
        if (p->ops->resume && made[at].fd_count)
            p->io = port_take(carry, w, at, &made[at], err, sizeof err);
        else
            io_made_close(&made[at]);
        made[at].fd_count = 0;
    }
}

void ports_leave_early(const struct carry *carry, struct worker *w)
{
    for (unsigned at = w->egress.port_count; at < carry->ports.count; at++) {
        struct port *p = &w->ports[at];
        if (p->io) p->ops->close(p->io);
        p->io = NULL;
    }
}

int ports_take(struct carry *carry, struct worker *w, struct io_made made[PORTS_MOST])
{
    char err[200] = "";
    for (unsigned at = 0; at < carry->ports.count; at++) {
        struct io_port *io = port_take(carry, w, at, &made[at], err, sizeof err);
        made[at].fd_count = 0;
        if (!io) return complain("%s: %s", carry->o->ifaces[at % carry->o->iface_count], err);
        w->ports[at].io = io;
        w->egress.port_count = at + 1;
    }
    return 0;
}

/* Open a port beside the first worker's, unless it is open already; group: the sockets there, -1: none. False, after
 * one line. */
static bool port_join(struct carry *carry, struct worker *w, unsigned at, int group)
{
    const struct port *with = &carry->workers[0]->ports[at];
    struct port *p = &w->ports[at];
    char err[100];
    if (p->io && p->ops == with->ops && (!p->ops->group || p->ops->group(p->io) == group)) return true;
    if (p->io) p->ops->close(p->io);
    p->ops = with->ops;
    p->io = with->ops == &io_AWAY ? io_AWAY.open(NULL, NULL, NULL, err, sizeof err) : ports_open(carry, w, at, &group);
    return p->io;
}

int ports_join(struct carry *carry, unsigned first)
{
    for (unsigned at = 0; at < carry->ports.count; at++) {
        const struct port *with = &carry->workers[0]->ports[at];
        const bool groups = with->io && with->ops->group && first < carry->worker_count;
        const int group = groups ? with->ops->group(with->io) : -1;
        if (groups && group < 0)
            return complain("--takeover: %s: the workers can't share its packet socket: %s",
                            carry->o->ifaces[at % carry->o->iface_count], strerror(-group));
        for (unsigned i = first; i < carry->worker_count && with->io; i++)
            if (!port_join(carry, carry->workers[i], at, group)) return 2;
    }
    return 0;
}

int ports_filter(struct carry *carry, char *err, size_t err_len)
{
    int fds[2];
    int failed = ask_FILTER(carry->tell->channel, fds, err, err_len);
    if (failed) return failed == -ENOTSUP ? 0 : failed;
    for (unsigned i = 0; i < carry->worker_count; i++)
        for (unsigned at = 0; at < carry->workers[i]->egress.port_count && !failed; at++) {
            const struct port *p = &carry->workers[i]->ports[at];
            const int memory = i || !p->ops->filter ? -1 : fcntl(fds[1], F_DUPFD_CLOEXEC, 0);
            if (p->ops->filter) failed = p->ops->filter(p->io, fds[0], memory);
        }
    if (failed) snprintf(err, err_len, "packet sockets keep the previous process's filter: %s", strerror(-failed));
    close(fds[0]);
    close(fds[1]);
    return failed;
}

/* Put a ring beside the sockets that the kernel executor's worker has on an interface. */
static bool ring_add(struct carry *carry, unsigned iface, char *err, size_t err_len)
{
    struct worker *w = carry->workers[0];
    struct port *port = &w->ports[iface];
    struct io_port *ring = ring_open(carry, iface, err, err_len);
    worker_hold(w);
    struct io_port *joined = ring_join(port->io, ring, err, err_len);
    if (joined) port->io = joined;
    if (joined) port->ops = &io_RINGED;
    worker_release(w);
    return joined;
}

/* Put rings beside sockets for carry->now, where the kernel executor needs them and has none yet (in_kernel_rings).
 * False: err has one line. Rings stay, also after a program that needs none. */
static bool ports_rings(struct carry *carry, char *err, size_t err_len)
{
    char why[200];
    const uint32_t fresh = carry->in_kernel ? in_kernel_rings(carry) & ~carry->rings : 0;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const bool there = carry->workers[0]->ports[i].ops == &io_XDP && host_link(carry->host, carry->ifindex[i]);
        if (!(fresh >> i & 1)) continue;
        if (there && !ring_add(carry, i, why, sizeof why)) {
            snprintf(err, err_len, "%s: %s", carry->o->ifaces[i], why);
            return false;
        }
        carry->rings |= 1u << i; /* an absent interface gets its ring with its sockets */
    }
    return true;
}

static bool ports_prepare(struct program_change *c)
{
    struct carry *carry = c->carry;
    if (!ports_rings(carry, c->err, c->err_len)) return false;
    /* Turn LRO off at present interfaces if the new program forwards packets. */
    int failed = 0;
    for (unsigned i = 0; i < carry->o->iface_count && ports_send_on(carry) && !failed; i++)
        if (host_link(carry->host, carry->ifindex[i]))
            failed = ports_turn_off(carry, i, OFFLOAD_LRO, c->err, c->err_len);
    return !failed;
}

const struct part part_ports = {.prepares = ports_prepare};
