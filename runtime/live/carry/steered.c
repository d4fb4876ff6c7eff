/* What `xdp` needs beside its sockets: a steering program an interface, the TUN device, offloads turned off. */
#include "runtime/live/carry/steered.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/host/device/offload.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/steer_rules.h"
#include "runtime/live/tell/log.h"

static bool is_steered(const struct live *l) { return l->carry.io == &io_XDP && !l->carry.in_kernel; }

bool steered_needs_tun(const struct live *l, const struct program *p)
{
    return l->carry.io == &io_XDP || p->meta->flags & PBC_OPENS || p->proxies_count;
}

int steered_tun(struct live *l, const struct program *p, char *err, size_t err_len)
{
    if (!steered_needs_tun(l, p) || l->carry.tun >= 0) return 0;
    const int failed = ask_tun(l->tell.channel, &l->carry.tun, &l->carry.tun_ifindex, err, err_len);
    if (failed) l->carry.tun = -1;
    return failed;
}

/* The slots serve the longest frames of all as they were at the start. */
static unsigned frame_most(struct live *l)
{
    if (l->carry.frame_most) return l->carry.frame_most;
    uint32_t mtu = 0;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link(l->carry.host, l->carry.ifindex[i]);
        if (link->mtu > mtu) mtu = link->mtu;
    }
    return l->carry.frame_most = xdp_frame_most(mtu);
}

int steered_take(struct live *l, char *err, size_t err_len)
{
    struct guarded g;
    struct steer_rules r;
    char why[300] = "out of memory";
    if (!is_steered(l)) return 0;
    const struct lingering *left = &l->carry.lingering;
    const bool made = steered_guarded(&r, &g, l->carry.now.program, NULL, &l->carry.ports.host) &&
                      guarded_more(&g, left->matches, left->count);
    int failed = made ? 0 : -ENOMEM;
    r.routed |= left->whole_ns[LINGERS_STEERED] != 0;
    r.translates |= left->whole_ns[LINGERS_TRANSLATED] != 0;
    for (unsigned i = 0; i < l->o->iface_count && !failed; i++)
        failed = ask_steer_rules(l->tell.channel, i, &r, why, sizeof why);
    guarded_fini(&g);
    if (failed) snprintf(err, err_len, "steering: %s", why);
    return failed;
}

int steered_rules(struct live *l)
{
    char err[400];
    return steered_take(l, err, sizeof err) ? tell_fault(&l->tell, "%s", err) : 0;
}

int steered_open(struct live *l, unsigned at, struct io_ask *ask)
{
    char err[300];
    if (l->carry.in_kernel) return in_kernel_open(l, at, ask);
    if (!is_steered(l)) return 0;
    const unsigned change =
        OFFLOAD_LRO | OFFLOAD_GRO | OFFLOAD_GROHW | OFFLOAD_RXVLAN | OFFLOAD_RXSTAG | OFFLOAD_TXVLAN | OFFLOAD_TXSTAG;
    ask->ports = (uint8_t)l->o->iface_count;
    ask->workers = (uint8_t)l->carry.worker_count;
    ask->frame_most = frame_most(l);
    if (ask->worker) return 0; /* the first one's serves all */
    if (ask_steer(l->tell.channel, at, ask->frame_most, err, sizeof err))
        return tell_fault(&l->tell, "%s: %s", l->o->ifaces[at], err);
    if (!ask_offloads(l->tell.channel, at, change, err, sizeof err)) return 0;
    return tell_fault(&l->tell, "%s; this does without: --io packet", err);
}

int steered_port(struct live *l, unsigned at)
{
    char err[300];
    bool generic;
    if (l->carry.in_kernel) return in_kernel_port(l, at);
    if (!is_steered(l)) return 0;
    if (steered_rules(l)) return 2;
    if (ask_steering(l->tell.channel, at, &generic, err, sizeof err))
        return tell_fault(&l->tell, "%s: %s", l->o->ifaces[at], err);
    l->carry.generic |= generic;
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
    if (l->carry.in_kernel) in_kernel_world(l);
    /* Of packet sockets the first asks for all: they share one filter. */
    const unsigned count = is_steered(l) ? l->o->iface_count : l->carry.proxies;
    for (unsigned i = 0; i < count; i++)
        if (ask_world(l->tell.channel, i, &l->carry.latest->facts, l->carry.latest->port_mac[i], err, sizeof err))
            events_tell(&l->tell.events, TOLD_FAULT, "%s: own addresses, for the programs in the kernel: %s",
                        l->o->ifaces[i], err);
    return true;
}

void steered_stats(const struct live *l, unsigned at, struct io_stats *s)
{
    if (is_steered(l)) s->cut += ask_too_long(l->tell.channel, at);
}

void steered_close(struct live *l)
{
    if (l->carry.tun >= 0) close(l->carry.tun);
}
