/* The hook where the kernel executor takes packets that arrive by an interface: XDP, or traffic control. */
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "vm/kernel/gen/gen.h"

/* Return the part of a program that needs XDP. NULL: none does. */
static const char *needs_xdp(const struct program *p)
{
    uint32_t up = kernel_unbounded(p);
    if (enforce_cuts(p)) return "tunnels to servers";
    /* Connections that leave their sockets stay in the kernel if traffic control takes their packets: XDP sees no
     * checksum that a sender has left to its card */
    if (kernel_lets_leave(p)) up &= ~(1u << KERNEL_UP_INLINE);
    return up ? "tunnels, inline connections, or a second VLAN tag" : NULL;
}

static bool link_is_bare(const struct host_link *link)
{
    enum pkt_link kind;
    return host_link_reads(link, &kind) && kind == LINK_RAW;
}

/* True if traffic control is better for the interface: its frames come as this machine's socket buffers, which XDP
 * would have copied, with super-packets cut, even if it passes them; or the interface has no Ethernet. An absent
 * interface may be such. */
static bool gains(struct xmit *x, const struct host_link *link)
{
    return !link || link_is_bare(link) || (!link->loopback && (*link->kind || !xmit_driver_has_xdp(x, link)));
}

/* Return the name of the first interface without Ethernet, or NULL. */
static const char *first_bare(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[i]);
        if (link && link_is_bare(link)) return link->name;
    }
    return NULL;
}

bool in_kernel_silent(const struct host_link *link) { return link && link->no_arp && !strcmp(link->kind, "ipvlan"); }

/* Return the name of the first ipvlan in mode L3, or NULL. */
static const char *first_silent(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (in_kernel_silent(host_link_named(carry->host, carry->o->ifaces[i]))) return carry->o->ifaces[i];
    return NULL;
}

bool in_kernel_may_be_bare(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (carry->by_tc >> i & 1 && !host_link_named(carry->host, carry->o->ifaces[i])) return true;
    return carry->by_tc && first_bare(carry);
}

int in_kernel_hooks(struct carry *carry)
{
    const char *needs = needs_xdp(carry->now.program), *bare = first_bare(carry), *silent = first_silent(carry);
    const enum options_hook asked = carry->o->hook;
    const uint32_t all = (1u << carry->o->iface_count) - 1;
    carry->by_tc = carry->passed ? carry->passed->hooks.by_tc : 0;
    if (carry->passed && asked == OPTIONS_HOOK_XDP && carry->by_tc)
        return complain("--takeover: the running instance uses traffic control on at least one interface, so --hook "
                        "xdp isn't possible; remove --hook xdp, or stop prey and start it without --takeover");
    if (carry->passed && asked == OPTIONS_HOOK_TC && carry->by_tc != all)
        return complain("--takeover: the running instance uses XDP on at least one interface, so --hook tc isn't "
                        "possible; remove --hook tc, or stop prey and start it without --takeover");
    if (carry->takes) return 0;
    if (bare && asked == OPTIONS_HOOK_XDP)
        return complain("--hook xdp: %s carries no Ethernet, and XDP programs see only Ethernet frames; use "
                        "--hook tc",
                        bare);
    if (silent && asked == OPTIONS_HOOK_XDP)
        return complain("--hook xdp: %s is an ipvlan in mode L3, which loses packets that XDP sends; use --hook tc",
                        silent);
    if (asked == OPTIONS_HOOK_TC && needs)
        return complain("--hook tc: %s of these rules need XDP; use --hook xdp", needs);
    if (asked == OPTIONS_HOOK_XDP || needs) return 0;
    struct xmit *x = xmit_open();
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (gains(x, host_link_named(carry->host, carry->o->ifaces[i]))) carry->by_tc |= 1u << i;
    xmit_close(x);
    /* Forwarded packets go from any interface to any other. */
    if (asked == OPTIONS_HOOK_TC || (carry->by_tc && in_kernel_binds(carry->now.program))) carry->by_tc = all;
    return 0;
}

bool in_kernel_tunnels_rise(const struct carry *carry)
{
    return carry->in_kernel && carry->by_tc && enforce_cuts(carry->now.program);
}

const char *in_kernel_hook(const struct carry *carry, unsigned iface)
{
    if (carry->by_tc >> iface & 1) return "tc";
    return carry->kernel->generic[iface] ? "xdp generic" : "xdp";
}
