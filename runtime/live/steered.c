/* Which way frames come, and what `xdp` needs beside its sockets: a steering program an interface, the TUN device,
 * offloads turned off. What --io xdp cannot do it refuses; README.md holds the table. */
#include "runtime/live/steered.h"

#include <string.h>
#include <unistd.h>

#include "runtime/host/offload.h"

/* ---- which ---- */

/* What crosses this machine is prey's: by a firewall for it, or by nat. */
static bool routes(const struct program *p)
{
    bool forward = p->nats_count > 0;
    for (uint32_t i = 0; i < p->firewalls_count; i++) forward |= firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD);
    return forward;
}

static bool judges_host(const struct program *p)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].direction != PBC_DIR_FORWARD) return true;
    return false;
}

/* A packet socket beside each of `xdp` sees what the steering program leaves to the host, and what the host sends. */
static bool sees_host(const struct live *l, const struct program *p) { return l->o->monitor || judges_host(p); }

/* Why `xdp` can't do what is asked for; NULL: it can. Frames that it does not take it does not see. */
static const char *refusal(const struct live *l, const struct program *p)
{
    if (l->latest && judges_host(p) && l->port_count == l->o->iface_count)
        return "these rules judge what is of this machine itself, and those before did not, so nothing sees it before "
               "another start";
    if (sees_host(l, p) && 2 * l->o->iface_count > PORTS_MOST)
        return "what is of this machine itself is seen on at most 8 interfaces";
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->o->ifaces[i]);
        if (!link) continue; /* told later */
        if (link->loopback) return "the loopback has no XDP";
        if (!xdp_frame_most(link->mtu)) return "an interface's MTU is above 61,000";
    }
    return NULL;
}

/* None is of software, or of a machine that is: those leave checksums and segments to the next. */
static bool all_cards(const struct live *l)
{
    bool cards = true;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->o->ifaces[i]);
        cards &= link && !*link->kind;
    }
    return cards;
}

int steered_choose(struct live *l)
{
    const char *why = refusal(l, l->now.program);
    const bool asked = l->o->io == OPTIONS_IO_XDP;
    if (asked && why) return live_complain("--io xdp: %s; this does: --io packet", why);
    l->io = asked ? &io_XDP : &io_PACKET;
    l->port_count = l->o->iface_count * (asked && sees_host(l, l->now.program) ? 2 : 1);
    if (!why && all_cards(l)) why = "no card was tried with xdp yet, which --io xdp asks for";
    if (!why) why = "it tells of partial checksums, super-packets and VLAN tags, which xdp cannot";
    if (l->o->io == OPTIONS_IO_AUTO)
        fprintf(stderr, "--io auto: packet, for %s%s\n", asked || !refusal(l, l->now.program) ? "" : "of xdp: ", why);
    return 0;
}

/* ---- opening ---- */

int steered_tun(struct live *l, const struct program *p)
{
    char err[300];
    const bool needed = l->io == &io_XDP || p->meta->flags & PBC_OPENS;
    if (!needed || l->tun >= 0) return 0;
    if (!ask_tun(l->channel, &l->tun, err, sizeof err)) return 0;
    l->tun = -1;
    return live_fault(l, "%s", err);
}

/* The slots serve the longest frames of all as they were at the start. */
static unsigned frame_most(struct live *l)
{
    if (l->frame_most) return l->frame_most;
    uint32_t mtu = 0;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        if (link->mtu > mtu) mtu = link->mtu;
    }
    return l->frame_most = xdp_frame_most(mtu);
}

/* Of the program, and of the one before, which may be NULL; g is the caller's to unmake. False: memory is out. */
static bool rules_of(struct steer_rules *r, struct guarded *g, const struct program *p, const struct program *before)
{
    *r = (struct steer_rules){.guarded = g,
                              .routed = routes(p) || (before && routes(before)),
                              .translates = p->nats_count || (before && before->nats_count)};
    return guarded_init(g, p, before);
}

/* Each has a queue of each interface. */
static unsigned workers_most(const struct live *l, const char **narrow)
{
    unsigned most = WORKERS_MOST;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->o->ifaces[i]);
        const unsigned queues = link ? xdp_queues(link->ifindex) : most;
        if (queues < most) *narrow = l->o->ifaces[i];
        if (queues < most) most = queues;
    }
    return most;
}

unsigned steered_workers(const struct live *l, unsigned wanted)
{
    const char *narrow;
    const unsigned most = l->io == &io_XDP ? workers_most(l, &narrow) : wanted;
    return wanted < most ? wanted : most;
}

static bool look_at_workers(const struct live *l, char *why, size_t len)
{
    const char *narrow;
    const unsigned most = workers_most(l, &narrow);
    if (l->o->workers <= most) return true;
    snprintf(why, len,
             "--io xdp: %s has %u queue%s, and each worker needs one: --workers %u, or, where the device has more, "
             "ethtool -L %s combined %u",
             narrow, most, most == 1 ? "" : "s", most, narrow, l->o->workers);
    return false;
}

bool steered_look_at(const struct live *l, const struct program *p, char *why, size_t len)
{
    struct guarded g;
    struct steer_rules r;
    if (l->io != &io_XDP) return true;
    const char *no = refusal(l, p);
    if (no) snprintf(why, len, "--io xdp: %s; this does: --io packet", no);
    if (no || (!l->latest && !look_at_workers(l, why, len))) return false;
    const bool made = rules_of(&r, &g, p, NULL);
    const unsigned count = made ? steer_count(&r) : 0;
    guarded_fini(&g);
    if (made && count <= STEER_RULES_MOST) return true;
    snprintf(why, len,
             made ? "the rules name %u addresses and ports of services and servers; --io xdp tells at most %u apart: "
                    "--io packet takes any number"
                  : "out of memory",
             count, (unsigned)STEER_RULES_MOST);
    return false;
}

int steered_rules(struct live *l, const struct program *before)
{
    struct guarded g;
    struct steer_rules r;
    if (l->io != &io_XDP) return 0;
    char err[300] = "out of memory";
    int failed = rules_of(&r, &g, l->now.program, before) ? 0 : -1;
    for (unsigned i = 0; i < l->o->iface_count && !failed; i++)
        failed = ask_steer_rules(l->channel, i, &r, err, sizeof err);
    guarded_fini(&g);
    return failed ? live_fault(l, "steering: %s", err) : 0;
}

int steered_open(struct live *l, unsigned at, struct io_ask *ask)
{
    char err[300];
    if (l->io != &io_XDP) return 0;
    const unsigned change = OFFLOAD_LRO | OFFLOAD_GRO | OFFLOAD_RXVLAN | OFFLOAD_TXVLAN;
    ask->ports = (uint8_t)l->o->iface_count;
    ask->workers = (uint8_t)l->worker_count;
    ask->frame_most = frame_most(l);
    if (ask->worker) return 0; /* the first one's serves all */
    if (ask_steer(l->channel, at, ask->frame_most, err, sizeof err))
        return live_fault(l, "%s: %s", l->o->ifaces[at], err);
    return ask_offloads(l->channel, at, change, err, sizeof err) ? live_fault(l, "%s", err) : 0;
}

int steered_port(struct live *l, unsigned at)
{
    char err[300];
    bool generic;
    if (l->io != &io_XDP) return 0;
    if (steered_rules(l, NULL)) return 2;
    if (ask_steering(l->channel, at, &generic, err, sizeof err)) return live_fault(l, "%s: %s", l->o->ifaces[at], err);
    l->generic |= generic;
    return 0;
}

int steered_begin(struct live *l)
{
    int failed = 0;
    for (unsigned i = 0; i < l->o->iface_count && !failed; i++) failed = steered_port(l, i);
    return failed;
}

bool steered_world(struct live *l)
{
    char err[300];
    for (unsigned i = 0; i < l->o->iface_count && l->io == &io_XDP; i++)
        if (ask_world(l->channel, i, &l->latest->facts, l->latest->port_mac[i], err, sizeof err))
            events_tell(&l->events, TOLD_FAULT, "%s: own addresses, for steering: %s", l->o->ifaces[i], err);
    return true;
}

void steered_stats(const struct live *l, unsigned at, struct io_stats *s)
{
    if (l->io == &io_XDP) s->cut += ask_too_long(l->channel, at);
}

void steered_close(struct live *l)
{
    if (l->tun >= 0) close(l->tun);
}
