/* Requests to the parent for each interface: frame size, offloads, rules, own addresses */
#include "runtime/live/carry/steered.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/host/device/offload.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/carry/steer_rules.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/tell/log.h"
#include "vm/kernel/gate.h"

static bool is_steered(const struct carry *carry) { return carry->io == &io_XDP && !carry->in_kernel; }

bool steered_needs_tun(const struct carry *carry, const struct program *p)
{
    return carry->in_kernel || carry->io == &io_XDP || p->meta->flags & PBC_OPENS || p->proxies_count;
}

int steered_tun(struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    const bool needs = steered_needs_tun(carry, p);
    if (carry->tun.fd >= 0 || (!needs && !shared_ports_grow(carry, p))) return 0;
    struct answer a;
    const int failed = ask_TUN(carry->tell->channel, &a, &carry->tun.fd, err, err_len);
    if (failed)
        carry->tun.fd = -1;
    else
        carry->tun.ifindex = (unsigned)a.value;
    if (!failed || needs) return failed;
    complain("notice: translation uses only the ports 61000-65535 of this machine's addresses, because packets can't "
             "be returned to it: %s",
             err);
    return 0;
}

/* Return the slot size: the longest frame of all interfaces at the start, plus a note if the kernel judges. */
static unsigned frame_most(struct carry *carry)
{
    if (carry->ports.frame_most) return carry->ports.frame_most;
    uint32_t mtu = 0;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link(carry->host, carry->ifindex[i]);
        if (link && link->mtu > mtu) mtu = link->mtu;
    }
    if (carry->in_kernel) mtu += (uint32_t)sizeof(struct kernel_note);
    return carry->ports.frame_most = xdp_frame_most(mtu);
}

/* Set the rules in all steering programs. Return 0, or a negative errno with one line in err. */
static int steered_take(struct carry *carry, char *err, size_t err_len)
{
    struct guarded g;
    struct steer_rules r;
    char why[300] = "out of memory";
    if (!is_steered(carry)) return 0;
    const struct lingering *left = &carry->guard.lingering;
    const bool made = steered_guarded(&r, &g, carry->now.program, NULL, &carry->guard.ports.host) &&
                      guarded_more(&g, left->matches, left->count);
    int failed = made ? 0 : -ENOMEM;
    r.routed |= left->whole_ns[LINGERS_STEERED] != 0;
    r.translates |= left->whole_ns[LINGERS_TRANSLATED] != 0;
    for (unsigned i = 0; i < carry->o->iface_count && !failed; i++)
        failed = ask_TAKE(carry->tell->channel, &(struct request_take){i, r.routed, r.translates}, g.matches,
                          (uint32_t)g.match_count, why, sizeof why);
    guarded_fini(&g);
    if (failed) snprintf(err, err_len, "steering: %s", why);
    return failed;
}

int steered_rules(struct carry *carry)
{
    char err[400];
    return steered_take(carry, err, sizeof err) ? tell_fault(carry->tell, "%s", err) : 0;
}

void steered_shape(struct carry *carry, struct io_ask *ask)
{
    if (!carry->in_kernel && carry->io != &io_XDP) return;
    ask->ports = (uint8_t)carry->o->iface_count;
    ask->workers = (uint8_t)carry->worker_count;
    ask->frame_most = frame_most(carry);
}

int steered_over(struct carry *carry, uint32_t lent)
{
    char err[500];
    for (unsigned i = 0; i < carry->o->iface_count && is_steered(carry); i++)
        if (lent >> i & 1 &&
            ask_STEER(carry->tell->channel, &(struct request_steer){i, frame_most(carry)}, err, sizeof err))
            return tell_fault(carry->tell, "%s: %s", carry->o->ifaces[i], err);
    return 0;
}

int steered_open(struct carry *carry, unsigned at, struct io_ask *ask)
{
    char err[500];
    const unsigned change =
        OFFLOAD_LRO | OFFLOAD_GRO | OFFLOAD_GROHW | OFFLOAD_RXVLAN | OFFLOAD_RXSTAG | OFFLOAD_TXVLAN | OFFLOAD_TXSTAG;
    if (!carry->in_kernel && carry->io != &io_XDP) {
        const bool parts = !ask->worker && ports_send_on(carry);
        if (!parts || !ports_turn_off(carry, at, OFFLOAD_LRO, err, sizeof err)) return 0;
        return tell_fault(carry->tell, "%s", err);
    }
    steered_shape(carry, ask);
    if (carry->in_kernel) return in_kernel_open(carry, at, ask);
    if (ask->worker) return 0; /* the first worker's steering program serves all workers */
    if (ask_STEER(carry->tell->channel, &(struct request_steer){at, ask->frame_most}, err, sizeof err))
        return tell_fault(carry->tell, "%s: %s", carry->o->ifaces[at], err);
    if (!ports_turn_off(carry, at, change, err, sizeof err)) return 0;
    return tell_fault(carry->tell, "%s; use --io packet", err);
}

int steered_port(struct carry *carry, unsigned at)
{
    char err[500];
    uint64_t generic;
    if (carry->in_kernel) return in_kernel_port(carry, at);
    if (!is_steered(carry)) return 0;
    if (steered_rules(carry)) return 2;
    if (ask_STEERING(carry->tell->channel, &(struct request_at){at}, &generic, err, sizeof err))
        return tell_fault(carry->tell, "%s: %s", carry->o->ifaces[at], err);
    carry->ports.generic |= generic;
    return 0;
}

int steered_begin(struct carry *carry)
{
    int failed = 0;
    for (unsigned i = 0; i < carry->o->iface_count && !failed; i++)
        if (!(carry->away >> i & 1)) failed = steered_port(carry, i);
    return failed;
}

bool steered_world(struct carry *carry)
{
    char err[500];
    if (carry->in_kernel) in_kernel_world(carry);
    /* Packet sockets share one filter, so the request for the first interface serves all. */
    const unsigned count = is_steered(carry) ? carry->o->iface_count : carry->guard.proxies;
    for (unsigned i = 0; i < count; i++)
        if (ask_world(carry->tell->channel, i, &carry->latest->facts, carry->latest->port_mac[i], err, sizeof err))
            events_tell(&carry->tell->events, TOLD_FAULT,
                        "%s: the eBPF programs can't get this machine's addresses: %s", carry->o->ifaces[i], err);
    return true;
}

void steered_stats(const struct carry *carry, unsigned at, struct io_stats *s)
{
    uint64_t cut;
    if (is_steered(carry) && !ask_TOO_LONG(carry->tell->channel, &(struct request_at){at}, &cut, NULL, 0))
        s->cut += cut;
}

static bool tun_prepare(struct program_change *c) { return !steered_tun(c->carry, c->program, c->err, c->err_len); }

const struct part part_tun = {.prepares = tun_prepare};

static bool steered_prepare(struct program_change *c) { return !steered_take(c->carry, c->err, c->err_len); }

const struct part part_steered = {.prepares = steered_prepare};
