/* The stages' facts: interfaces, their sockets, own addresses, and the ports that take copies of whole frames. */
#include <errno.h>
#include <net/if_arp.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/host/device/offload.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/kernel/run/copied_ring.h"
#include "runtime/kernel/run/others.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/tell/log.h"

/* Turn off offloads that XDP cannot see: tags that a card removes, and frames that it joins. Traffic control sees
 * them all, but a frame that a card has joined for good (LRO) cannot be forwarded. */
int in_kernel_open(struct carry *carry, unsigned at, struct io_ask *ask)
{
    char err[300];
    const bool by_tc = carry->by_tc >> at & 1;
    const unsigned joined = OFFLOAD_LRO, unseen = OFFLOAD_GROHW | OFFLOAD_RXVLAN | OFFLOAD_RXSTAG;
    const unsigned change = by_tc ? joined : joined | unseen;
    ask->noted = true;
    if (ask->worker || (by_tc && !ports_send_on(carry))) return 0;
    if (!ports_turn_off(carry, at, change, err, sizeof err)) return 0;
    return tell_fault(carry->tell, "%s", err);
}

/* True if programs can send frames by the interface: it takes frames from drivers, or no program runs in a driver. */
static bool sends(const struct carry *carry, unsigned at)
{
    bool driver = false;
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        driver |= !(carry->by_tc >> i & 1) && !carry->kernel->generic[i];
    return !driver || xmit_takes(carry->xmit, host_link(carry->host, carry->ifindex[at]), carry->kernel->generic[at],
                                 kernel_program(carry->kernel->kernel, KERNEL_ENTRY_try_send));
}

bool in_kernel_sends(const struct carry *carry)
{
    bool changed = false;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const bool now = sends(carry, i);
        changed |= carry->kernel->sends[i] != now;
        carry->kernel->sends[i] = now;
    }
    return changed;
}

void in_kernel_ends(struct carry *carry)
{
    if (in_kernel_sends(carry) && carry->latest) in_kernel_world(carry);
}

/* Warn of a veth that makes this process do the kernel programs' work, correctly but slower. */
static void warn_of_veth(const struct carry *carry, unsigned at)
{
    const struct program *p = carry->now.program;
    const struct host_link *link = host_link(carry->host, carry->ifindex[at]);
    const bool told = carry->tell->ready || carry->passed;
    if (carry->by_tc >> at & 1 || told || !link || strcmp(link->kind, "veth") || (!p->services_count && !p->nats_count))
        return;
    const bool sends = carry->kernel->sends[at];
    complain("notice: %s (veth) %s, so preyrun sends %s; to fix it, run at the peer: ethtool -K DEVICE "
             "%stx off",
             carry->o->ifaces[at],
             sends ? "may receive packets with partial checksums" : "takes no packets from XDP programs",
             sends ? "those on" : "packets that leave there", sends ? "" : "gro on ");
}

/* Attach the programs to a port. Its number is in the maps before the first packet arrives. */
int in_kernel_port(struct carry *carry, unsigned at)
{
    char err[400];
    uint64_t generic;
    if (carry->kernel->waits) return 0;
    if (carry->latest) in_kernel_world(carry);
    if (ask_HOOKS(carry->tell->channel, &(struct request_at){at}, &generic, err, sizeof err)) {
        const bool told = carry->kernel->refuses[at] == carry->ifindex[at]; /* it is tried repeatedly */
        carry->kernel->refuses[at] = carry->ifindex[at];
        return told ? 2 : tell_fault(carry->tell, "%s: %s", carry->o->ifaces[at], err);
    }
    carry->ports.generic |= generic;
    carry->kernel->generic[at] = generic;
    in_kernel_ends(carry);
    warn_of_veth(carry, at);
    const struct host_link *link = generic ? host_link(carry->host, carry->ifindex[at]) : NULL;
    if (link && !carry->tell->ready && !carry->passed)
        complain("notice: %s runs XDP programs only in generic mode, which is slower%s: its driver has no native mode, "
                 "or none with an MTU of %u",
                 carry->o->ifaces[at],
                 carry->now.program->services_count || carry->now.program->nats_count
                     ? ", and can't forward super-packets (--exec user can)"
                     : "",
                 link->mtu);
    return 0;
}

/* Note kinds of links. Only the main thread may read the host's lists, but a worker also writes the ports' map. */
static void look_at_links(const struct carry *carry)
{
    const uint32_t bare = ports_bare(carry);
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link(carry->host, carry->ifindex[i]);
        carry->kernel->redirects[i] = link && strcmp(link->kind, "veth") == 0;
        carry->kernel->software[i] = link && (*link->kind || carry->by_tc >> i & 1);
        /* On PPP a raw socket sends frames whose network header is further on, and a clone would begin there. */
        carry->kernel->clones[i] = link && *link->kind && link->type != ARPHRD_PPP;
        carry->kernel->opens[i] = link && (!strcmp(link->kind, "xfrm") || !strncmp(link->kind, "vti", 3));
        carry->kernel->link[i] = bare >> i & 1 ? LINK_RAW : LINK_ETHER;
    }
}

/* Return the interfaces by which a nat of the program in force, or of an earlier one, may translate leaving packets,
 * one bit per interface. */
static uint32_t nats_leave(const struct carry *carry, const struct kernel_program *k)
{
    const struct program *p = carry->now.program;
    uint32_t all = 0;
    for (unsigned i = 0; i < carry->o->iface_count && program_all_nats(p); i++) {
        const uint16_t own = carry->now.iface[i], known = port_known_as(p, carry->o->ifaces[i], own);
        const uint16_t as = known ? (uint16_t)(known - 1) : own;
        const bool named = as < KERNEL_WAYS && k->nat_ways[as / 32] >> as % 32 & 1;
        if (named || k->flags & KERNEL_NATS_ANY_WAY) all |= 1u << i;
    }
    return all;
}

uint32_t in_kernel_rings(const struct carry *carry)
{
    struct kernel_program k;
    if (!program_all_nats(carry->now.program)) return 0;
    kernel_program_of(&k, carry->now.program, true);
    return nats_leave(carry, &k) & ~carry->by_tc;
}

/* Write the ports' map. A port whose number has changed leaves its old place. */
static void push_ports(const struct carry *carry)
{
    struct in_kernel *k = carry->kernel;
    struct kernel_port *ports = kernel_map(k->kernel, KERNEL_MAP_ports)->memory;
    const bool takes_all = ports_mirror(carry);
    const uint32_t nats = nats_leave(carry, kernel_rows(k->kernel));
    memset(k->by_id, 0, sizeof k->by_id);
    memset(k->link_by_id, 0, sizeof k->link_by_id);
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct kernel_port now = {.ifindex = carry->ifindex[i],
                                        .iface = carry->now.iface[i],
                                        .link = k->link[i],
                                        .redirects = k->redirects[i],
                                        .nats = nats >> i & 1,
                                        .software = k->software[i],
                                        .opens = k->opens[i],
                                        .clones = k->clones[i],
                                        .mac = takes_all ? 0 : carry->latest->port_mac[i],
                                        .served = (uint8_t)i,
                                        .xsks = (uint16_t)(i * IO_QUEUES)};
        if (k->ifindex[i] && k->ifindex[i] != now.ifindex)
            ports[k->ifindex[i] % KERNEL_PORTS] = (struct kernel_port){0};
        k->ifindex[i] = now.ifindex;
        ports[now.ifindex % KERNEL_PORTS] = now;
        if (now.iface >= KERNEL_WAYS || !k->sends[i]) continue;
        k->by_id[now.iface] = now.ifindex;
        k->link_by_id[now.iface] = now.link;
    }
}

/* Return the families whose crossing packets prey sends on: those that the host does not forward. */
static uint32_t routes(const struct carry *carry)
{
    if (!enforce_routes(carry, carry->now.program)) return 0;
    return (carry->forwards.ip4 ? 0 : KERNEL_ROUTES_4) | (carry->forwards.ip6 ? 0 : KERNEL_ROUTES_6);
}

/* Keep flows of earlier programs going, even if the program in force keeps no flows. */
static void follow_past(const struct carry *carry, struct kernel_world *w)
{
    if (!carry->now.program->past || !carry->kernel->ops.flows) return;
    w->flags |= PBC_KEEPS_FLOWS;
    if (w->clock == KERNEL_CLOCK_NONE) w->clock = KERNEL_CLOCK_COARSE;
    w->programs[w->program % KERNEL_PROGRAMS].flags |= KERNEL_KEEPS_FLOWS | KERNEL_SENDS_ON;
}

/* Seconds for which nats still look at leaving packets after the routes have changed: a packet whose way was unknown
 * may wait in the host's queues. */
enum { HIDES_S = 5 };

/* Let nats look at leaving packets, before the routes that hide ways exist. */
static void push_hidden(const struct carry *carry)
{
    struct in_kernel *k = carry->kernel;
    const struct routes *r = carry->latest->routes;
    const bool nats = program_all_nats(carry->now.program);
    if (routes_may_hide(r) || k->facts.routes.hides || (r && r->number != k->routes_number)) k->hides = HIDES_S;
    k->routes_number = r ? r->number : 0;
    __atomic_store_n(&kernel_world(k->kernel)->nats_leave, nats && k->hides, __ATOMIC_SEQ_CST);
}

bool in_kernel_hides(const struct carry *carry) { return carry->kernel && carry->kernel->hides; }

void in_kernel_hidden(struct carry *carry)
{
    struct in_kernel *k = carry->kernel;
    if (!k->hides || !carry->latest || routes_may_hide(carry->latest->routes) || k->facts.routes.hides) return;
    if (!--k->hides) __atomic_store_n(&kernel_world(k->kernel)->nats_leave, 0, __ATOMIC_SEQ_CST);
}

bool in_kernel_others_differ(const struct carry *carry)
{
    const struct in_kernel *k = carry->kernel;
    const struct around *a = carry->latest->around;
    return k->others_count != a->others_count || memcmp(k->others, a->others, a->others_count * sizeof *a->others) != 0;
}

/* Write the devices that are not served, if they have changed. */
static int push_others(const struct carry *carry)
{
    struct in_kernel *k = carry->kernel;
    const struct around *a = carry->latest->around;
    if (k->others && !k->others_failed && !in_kernel_others_differ(carry)) return 0;
    free(k->others);
    k->others = malloc((a->others_count + (size_t)1) * sizeof *a->others);
    k->others_count = k->others ? a->others_count : 0;
    if (k->others) memcpy(k->others, a->others, a->others_count * sizeof *a->others);
    return kernel_others_push(k->kernel, a->others, a->others_count);
}

int in_kernel_push(const struct carry *carry)
{
    struct in_kernel *k = carry->kernel;
    struct kernel_world *world = kernel_world(k->kernel);
    if (k->waits) return 0;
    world->routes = routes(carry);
    push_hidden(carry);
    world->given = carry->tun.ifindex;
    follow_past(carry, world);
    /* Verdicts on crossing packets are enforced unless the host's stack sends them on. */
    world->enforces = carry->forwards.any && !enforce_routes(carry, carry->now.program) ? 0 : KIND_FORWARD;
    world->watches = carry->o->monitor;
    world->number = (uint32_t)carry->latest->number;
    push_ports(carry);
    k->facts.ifindexes = k->by_id;
    k->facts.links = k->link_by_id;
    k->others_failed = push_others(carry);
    return kernel_facts_push(&k->facts, k->kernel, &carry->latest->facts);
}

void in_kernel_world(struct carry *carry)
{
    look_at_links(carry);
    struct in_kernel *k = carry->kernel;
    const int failed = in_kernel_push(carry), routes_failed = k->facts.routes_failed;
    if (failed == -E2BIG)
        events_tell(&carry->tell->events, TOLD_FAULT,
                    "this machine has more than %u addresses of one family (IPv4 or IPv6); rules ignore the rest",
                    (unsigned)KERNEL_OWN);
    else if (failed)
        events_tell(&carry->tell->events, TOLD_FAULT, "the eBPF programs can't get this machine's addresses: %s",
                    strerror(-failed));
    tell_once(carry->tell, routes_failed, &k->told_routes, TOLD_FAULT,
              "the eBPF programs can't get the routes: %s; until they do, `out on` and `urpf-failed` are false",
              routes_failed == -E2BIG ? "too many routes or policy rules" : strerror(-routes_failed));
    tell_once(carry->tell, k->others_failed, &k->told_others, TOLD_FAULT,
              "the eBPF programs can't get all devices that the rules name without -i: %s; `on` doesn't recognize the "
              "rest: name fewer devices in the rules, or add -i",
              k->others_failed == -E2BIG ? "too many" : strerror(-k->others_failed));
}

/* ---- copies of whole frames: mirrors that take them, and devices that get theirs at traffic control ---- */

enum { LINK_BYTES = 14 /* bytes of the Ethernet header, which an MTU does not count */ };

int in_kernel_copies(struct carry *carry)
{
    const int failed = carry->kernel ? risen_begin(&carry->workers[0]->risen, carry->kernel->kernel) : 0;
    if (failed)
        return complain("--exec kernel: preyrun can't get copies of packets from the kernel: %s", strerror(-failed));
    in_kernel_devices(carry);
    return 0;
}

/* While a change of programs is under way nothing is reported: mirrors of two programs have the same numbers. */
void in_kernel_devices(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    if (!carry->kernel || __atomic_load_n(&carry->kernel->judges, __ATOMIC_ACQUIRE) != p) return;
    for (uint32_t i = 0; i < p->mirrors_count; i++) {
        const struct pbc_mirror *m = &p->mirrors[i];
        const struct host_link *link =
            m->to == PBC_MIRROR_DEVICE ? host_link_named(carry->host, program_str(p, m->target)) : NULL;
        if (link && host_link_has_ethernet(link) && link->up)
            kernel_copies_device(carry->kernel->kernel, p, i, link->ifindex, link->mtu + LINK_BYTES);
        else
            kernel_copies_device(carry->kernel->kernel, p, i, 0, 0);
    }
}
