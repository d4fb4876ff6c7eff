/* Reasons for --exec auto to let this process judge although the kernel could, too, and both enforce the same. Each
 * reason is measured in tests/bench/RESULTS.md, or is an option for this process. */
#include <stdarg.h>
#include <string.h>

#include "runtime/host/device/tun.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/host/look/preflight.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "vm/kernel/gen/gen.h"

enum {
    WHY = 400,
    /* Most workers that one worker beside the kernel replaces. It begins 0.75 times as many flows per second as a
     * worker in user space. But it sees only six packets of a TCP connection, and the others see all: with
     * connections of sixty packets it begins as many flows as four of them. */
    WORKERS_REPLACED = 4
};

/* Write a reason. Return true. */
__attribute__((format(printf, 2, 3))) static bool because(char why[WHY], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, WHY, fmt, args);
    va_end(args);
    return true;
}

/* Write a reason in the options for this process's sockets and workers. False: none. */
static bool by_options(const struct options *o, char why[WHY])
{
    if (o->monitor) return because(why, "--monitor only counts");
    if (o->io != OPTIONS_IO_UNSET)
        return because(why, "--io %s configures the user-space executor",
                       o->io == OPTIONS_IO_XDP      ? "xdp"
                       : o->io == OPTIONS_IO_PACKET ? "packet"
                                                    : "auto");
    if (o->workers > 1)
        return because(why, "--workers %u asks for several workers, but the kernel executor has only one", o->workers);
    if (o->ring < OPTIONS_RING) return because(why, "--ring is too small for the sockets of the kernel executor");
    if (o->record && !o->record_sample)
        return because(why, "--record keeps every frame in user space, and only samples in the kernel (add "
                            "--record-sample N to choose samples)");
    return false;
}

bool in_kernel_binds(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (!p->services[i].proxy) return true;
    return p->nats_count;
}

/* Write a reason in the rules: an unlimited share of the packets comes up (kernel_unbounded; `preyc --stats`).
 * False: none. */
static bool by_rules(const struct carry *carry, const struct program *p, char why[WHY])
{
    const uint32_t up = kernel_unbounded(p);
    if (up >> KERNEL_UP_TUNNEL & 1)
        return because(why, "`decap` opens tunnels, and all their packets would go to preyrun");
    if (up >> KERNEL_UP_INLINE & 1)
        return because(why,
                       "service `%.100s` keeps its inline connections in sockets, so all their packets would go to "
                       "preyrun; `splice packets` or `-> pass` avoids that",
                       program_str(p, p->services[kernel_stays_in_wire(p)].name));
    if (up >> KERNEL_UP_STACK & 1)
        return because(why, "rules match a second VLAN tag, and all packets with two tags would go to preyrun");
    if (!carry->forwards.any && enforce_routes(carry, p))
        return because(why, "IP forwarding is off (net.ipv4.ip_forward=0), so the kernel executor would pass every "
                            "packet that prey forwards to preyrun");
    return false;
}

/* True if packets that arrived on an interface are sent on, here or by this machine's own stack. */
static bool sends_on(const struct carry *carry, const struct program *p)
{
    return in_kernel_binds(p) || p->services_count || (carry->forwards.any && p->firewalls_count);
}

/* Write a reason in the interfaces: programs run too late there, or the interface takes no frames from them. False:
 * none. */
static bool by_devices(const struct carry *carry, const struct program *p, struct xmit *x, char why[WHY])
{
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[i]);
        const bool veth = link && !strcmp(link->kind, "veth");
        const int trial = carry->loaded.kernel ? kernel_program(carry->loaded.kernel, KERNEL_ENTRY_try_send) : -1;
        if (!link || carry->by_tc >> i & 1) continue; /* a missing link is reported later */
        if (host_xdp_is_taken(carry->host, carry->o->name, link->name) && !carry->o->xdp_replace)
            return because(why, "%s has an XDP program of another process, and an interface takes only one",
                           link->name);
        if (*link->kind && !veth)
            return because(why,
                           "%s (%s) has super-packets, partial checksums and VLAN tags outside its frames, which XDP "
                           "programs can't see",
                           link->name, link->kind);
        if (!xmit_driver_has_xdp(x, link))
            return because(why, "%s runs XDP programs only in generic mode: its driver has no native mode", link->name);
        if (veth && sends_on(carry, p) && !xmit_takes(x, link, false, trial))
            return because(why,
                           "%s (veth) takes no packets from XDP programs, so leaving packets would go to preyrun; to "
                           "fix it, run at the peer: ethtool -K DEVICE gro on tx off",
                           link->name);
    }
    return false;
}

/* Write a reason in this machine: a kill would leave it open, or something that a start needs is missing. False:
 * none. */
static bool by_machine(const struct carry *carry, char why[WHY])
{
    char err[300];
    const unsigned rings = carry->o->iface_count - (unsigned)__builtin_popcount(carry->by_tc);
    if (host_may_lock() < carry->o->ring * rings)
        return because(why, "the limit on locked memory is too low for the kernel executor's frames: run ulimit -l "
                            "unlimited, or add the capability IPC_LOCK");
    if (!hooks_last())
        return because(why, "%s" HOOKS_FILES "%s, so no rules would filter packets if preyrun were killed",
                       hooks_hidden() ? "the BPF file system at " : "",
                       hooks_hidden() ? " is hidden, for example by `ip netns exec`"
                                      : " isn't a writable BPF file system");
    return tun_lack(err, sizeof err) && because(why, "%s", err);
}

bool in_kernel_comes_up(const struct carry *carry, const struct program *p, char *why, size_t len)
{
    char text[WHY];
    const bool up = by_rules(carry, p, text);
    if (up) snprintf(why, len, "%s", text);
    return up;
}

bool in_kernel_here(const struct carry *carry, const struct program *p, char *why, size_t len)
{
    char text[WHY];
    const unsigned cpus = worker_cpus();
    struct xmit *x = xmit_open();
    bool here = by_options(carry->o, text);
    if (!here && in_kernel_binds(p) && !carry->o->workers && cpus > WORKERS_REPLACED)
        here = because(text,
                       "%u workers open more connections per second than the kernel executor's single worker "
                       "(--workers 1 chooses the kernel executor)",
                       cpus);
    here = here || by_devices(carry, p, x, text) || by_machine(carry, text);
    xmit_close(x);
    if (here) snprintf(why, len, "%s", text);
    return here;
}
