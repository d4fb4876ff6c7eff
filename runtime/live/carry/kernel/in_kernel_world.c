/* What the stages know of the world: interfaces, their sockets, own addresses. */
#include <errno.h>
#include <string.h>

#include "runtime/host/device/offload.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/main/start.h"
#include "vm/kernel/gate.h"

/* The slots serve the longest frames of all as they were at the start, behind a note. */
static unsigned frame_most(struct live *l)
{
    uint32_t mtu = 0;
    for (unsigned i = 0; i < l->o->iface_count && !l->frame_most; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        if (link && link->mtu > mtu) mtu = link->mtu;
    }
    if (!l->frame_most) l->frame_most = xdp_frame_most(mtu + (uint32_t)sizeof(struct kernel_note));
    return l->frame_most;
}

/* Tags that a card takes off XDP does not see, nor what it joins. */
int in_kernel_open(struct live *l, unsigned at, struct io_ask *ask)
{
    char err[300];
    const unsigned change = OFFLOAD_LRO | OFFLOAD_GROHW | OFFLOAD_RXVLAN | OFFLOAD_RXSTAG;
    ask->ports = (uint8_t)l->o->iface_count;
    ask->workers = (uint8_t)l->worker_count;
    ask->frame_most = frame_most(l);
    ask->noted = true;
    if (ask->worker || !ask_offloads(l->channel, at, change, err, sizeof err)) return 0;
    return live_fault(l, "%s", err);
}

/* A frame leaves from program to program where both are in drivers, and the one that takes it can; or both are not. */
static bool sends(const struct live *l, unsigned at)
{
    bool driver = false;
    for (unsigned i = 0; i < l->o->iface_count; i++) driver |= !l->kernel->generic[i];
    return !driver || xmit_takes(l->xmit, host_link(l->host, l->ifindex[at]),
                                 kernel_program(l->kernel->kernel, KERNEL_ENTRY_try_send));
}

void in_kernel_ends(struct live *l)
{
    bool changed = false;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const bool now = sends(l, i);
        changed |= l->kernel->sends[i] != now;
        l->kernel->sends[i] = now;
    }
    if (changed && l->latest) in_kernel_world(l);
}

/* What a veth is spared is done by this process instead: rightly, and slower. */
static void warn_of_veth(const struct live *l, unsigned at)
{
    const struct program *p = l->now.program;
    const struct host_link *link = host_link(l->host, l->ifindex[at]);
    if (l->ready || !link || strcmp(link->kind, "veth") || (!p->services_count && !p->nats_count)) return;
    const bool sends = l->kernel->sends[at];
    live_complain("notice: %s (veth) %s, so this process sends %s; this mends it, at the other end: ethtool -K DEVICE "
                  "%stx off",
                  l->o->ifaces[at],
                  sends ? "may bring packets whose checksum is left to a card" : "takes nothing from programs",
                  sends ? "those on" : "what leaves there", sends ? "" : "gro on ");
}

/* Its number is known before the first packet meets its programs. */
int in_kernel_port(struct live *l, unsigned at)
{
    char err[400];
    bool generic;
    if (l->latest) in_kernel_world(l);
    if (ask_hooks(l->channel, at, &generic, err, sizeof err)) return live_fault(l, "%s: %s", l->o->ifaces[at], err);
    l->generic |= generic;
    l->kernel->generic[at] = generic;
    in_kernel_ends(l);
    warn_of_veth(l, at);
    const struct host_link *link = generic ? host_link(l->host, l->ifindex[at]) : NULL;
    if (link && !l->ready)
        live_complain(
            "notice: %s takes XDP programs in generic mode alone, which costs more a packet: its driver has no "
            "other, or none at an MTU of %u",
            l->o->ifaces[at], link->mtu);
    return 0;
}

/* The host's lists are the main thread's, and interfaces are also told by the worker that puts a program in force. */
static void look_at_links(const struct live *l)
{
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        l->kernel->redirects[i] = link && strcmp(link->kind, "veth") == 0;
        l->kernel->software[i] = link && *link->kind;
    }
}

/* One whose number has changed leaves its old place. */
static void push_ports(const struct live *l)
{
    struct in_kernel *k = l->kernel;
    struct kernel_port *ports = kernel_map(k->kernel, KERNEL_MAP_ports)->memory;
    memset(k->by_id, 0, sizeof k->by_id);
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct kernel_port now = {.ifindex = l->ifindex[i],
                                        .iface = l->now.iface[i],
                                        .link = LINK_ETHER,
                                        .redirects = k->redirects[i],
                                        .software = k->software[i],
                                        .served = (uint8_t)i,
                                        .xsks = (uint16_t)(i * IO_QUEUES)};
        if (k->ifindex[i] && k->ifindex[i] != now.ifindex)
            ports[k->ifindex[i] % KERNEL_PORTS] = (struct kernel_port){0};
        k->ifindex[i] = now.ifindex;
        ports[now.ifindex % KERNEL_PORTS] = now;
        if (now.iface < KERNEL_WAYS && k->sends[i]) k->by_id[now.iface] = now.ifindex;
    }
}

/* Who sends on what crosses. */
static uint32_t routes(const struct live *l)
{
    if (!start_routes(l, l->now.program)) return 0;
    return (l->forwards4 ? 0 : KERNEL_ROUTES_4) | (l->forwards6 ? 0 : KERNEL_ROUTES_6);
}

/* Flows of programs before go on, also where the one in force has none of its own. */
static void follow_past(const struct live *l, struct kernel_world *w)
{
    if (!l->now.program->past || !l->kernel->ops.flows) return;
    w->flags |= PBC_KEEPS_FLOWS;
    if (w->clock == KERNEL_CLOCK_NONE) w->clock = KERNEL_CLOCK_COARSE;
    w->programs[w->program % KERNEL_PROGRAMS].flags |= KERNEL_KEEPS_FLOWS | KERNEL_SENDS_ON;
}

/* What crosses is enforced where nobody else would send it on. */
static void push_watched(const struct live *l)
{
    struct kernel_world *w = kernel_world(l->kernel->kernel);
    w->enforces = l->forwards && !start_routes(l, l->now.program) ? 0 : KIND_FORWARD;
    w->watches = l->o->monitor;
    w->number = (uint32_t)l->latest->number;
}

int in_kernel_push(const struct live *l)
{
    struct in_kernel *k = l->kernel;
    struct kernel_world *world = kernel_world(k->kernel);
    world->routes = routes(l);
    world->host_routes = KERNEL_ROUTES_4 | KERNEL_ROUTES_6;
    world->given = l->tun_ifindex;
    follow_past(l, world);
    push_watched(l);
    push_ports(l);
    k->facts.ifindexes = k->by_id;
    return kernel_facts_push(&k->facts, k->kernel, &l->latest->facts);
}

uint64_t in_kernel_ways(const struct live *l)
{
    if (!l->in_kernel) return 0;
    return l->hops.moved + (l->routing.table ? l->routing.table->number : 0);
}

/* Told once, until they are there again. */
static void tell_routes(struct live *l)
{
    const int failed = l->kernel->facts.routes_failed;
    if (failed && !l->kernel->routes_failed)
        events_tell(
            &l->events, TOLD_FAULT,
            "routes, for the programs in the kernel: %s; until they are there `out on` and `urpf-failed` know no way",
            failed == -E2BIG ? "there are too many, or too many rules of policy" : strerror(-failed));
    l->kernel->routes_failed = failed;
}

void in_kernel_world(struct live *l)
{
    look_at_links(l);
    const int failed = in_kernel_push(l);
    if (failed == -E2BIG)
        events_tell(&l->events, TOLD_FAULT,
                    "this machine has more than %u addresses of a family: to the rest of them its rules do not apply",
                    (unsigned)KERNEL_OWN);
    else if (failed)
        events_tell(&l->events, TOLD_FAULT, "own addresses, for the programs in the kernel: %s", strerror(-failed));
    tell_routes(l);
}
