/* The world as the kernel tells it, made into snapshots. A snapshot with new facts is a new generation, one with other
 * neighbours is not: the vm's recipes hold. */
#include "runtime/live/world/world.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/dealt.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/world/announced.h"
#include "runtime/live/world/devices.h"
#include "runtime/live/world/links.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/tabled.h"
#include "runtime/schedule/schedule.h"
#include "vm/packet/key.h"

/* A neighbour that was used so lately is kept fresh. */
#define CONFIRM_NS UINT64_C(3000000000)
/* The kernel's executor sends to them without looking them up: who was looked up so lately is in use there. */
#define CONFIRM_KERNEL_NS UINT64_C(300000000000)

/* Of one port, into its place. */
static void iface_facts(struct live *l, unsigned at)
{

    const struct host_link *link = host_link(l->carry.host, l->carry.ifindex[at]);
    struct facts_iface *f = &l->carry.now.ifaces[l->carry.now.iface[at]];
    struct host_addr addr;
    *f = (struct facts_iface){.peer = IFACE_NONE,
                              .as = port_known_as(l->carry.now.program, l->o->ifaces[at], l->carry.now.iface[at])};
    if (l->o->peer[at] != OPTIONS_NO_PEER) f->peer = l->carry.now.iface[l->o->peer[at]];
    if (!link) return;
    f->mac = link->mac;
    f->mtu = link->mtu;
    if (host_source(l->carry.host, link->ifindex, 4, &addr)) f->addr4 = addr.word[0];
    if (host_source(l->carry.host, link->ifindex, 6, &addr)) memcpy(f->addr6, addr.word, sizeof f->addr6);
}

/* The id of the interface that a route leads out of; *mtu: what it bears, 0: not known. */
static uint16_t way_out(struct live *l, const uint32_t addr[4], uint8_t family, uint32_t *mtu)
{
    struct host_query q = {.to = {.family = family}};
    struct host_route route;
    *mtu = 0;
    memcpy(q.to.word, addr, sizeof q.to.word);
    if (host_route(l->carry.host, &q, &route) || route.local) return IFACE_NONE;
    *mtu = route.mtu;
    for (unsigned i = 0; i < l->o->iface_count; i++)
        if (l->carry.ifindex[i] == route.ifindex) return l->carry.now.iface[i];
    return IFACE_NONE;
}

/* The kernel is asked once a server and a nat. */
static void renew_ways(struct live *l)
{
    const struct program *p = l->carry.now.program;
    const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    uint32_t mtu;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const struct pbc_server *server = &p->servers[i];
        const uint32_t told = pmtu_of(&l->world.pmtu, server->addr, server->family);
        l->carry.now.server_out[i] = way_out(l, server->addr, server->family, &mtu);
        l->carry.now.server_mtu[i] = told && (!mtu || told < mtu) ? told : mtu;
    }
    for (uint32_t i = 0; i < p->nats_count; i++)
        l->carry.now.target_out[i] =
            p->nats[i].kind == PBC_NAT_FORWARD ? way_out(l, p->nats[i].target, p->nats[i].family, &mtu) : IFACE_NONE;
    l->world.routing.ways_stale = false;
    l->world.routing.ways_due_ns = routing_rested_ns(begun_ns);
}

/* For what leaves by no interface that is known: as the first says. */
static struct facts facts_now(struct live *l)
{
    const struct host_self self = host_self(l->carry.host);
    struct facts f = {.self4 = self.v4,
                      .self4_count = self.v4_count,
                      .self6 = self.v6,
                      .self6_count = self.v6_count,
                      .ifaces = l->carry.now.ifaces,
                      .ifaces_count = l->carry.now.ifaces_count,
                      .server_out = l->carry.now.server_out,
                      .server_mtu = l->carry.now.server_mtu,
                      .target_out = l->carry.now.target_out,
                      .down = l->carry.now.down,
                      .up_since_ns = l->carry.now.up_since_ns,
                      .weights = l->carry.now.weights,
                      .ports = shared_ports_facts(&l->carry),
                      .drop_bad_checksum = true};
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        iface_facts(l, i);
        f.bridges |= l->o->peer[i] != OPTIONS_NO_PEER;
        f.patterns |= l->carry.now.ifaces[l->carry.now.iface[i]].as != 0;
    }
    const struct facts_iface *first = &l->carry.now.ifaces[l->carry.now.iface[0]];
    f.mac = first->mac;
    f.mtu = first->mtu;
    f.addr4 = first->addr4;
    memcpy(f.addr6, first->addr6, sizeof f.addr6);
    f.schedules = schedules_at(l->carry.now.program, clock_ns(CLOCK_REALTIME), &l->world.until_ns);
    return f;
}

/* An interface that is none of ours, and up. Those of the kernel's own, and prey's tun devices, lead nowhere. */
bool world_elsewhere(const struct live *l)
{
    unsigned count;
    const struct host_link *all = host_links(l->carry.host, &count);
    for (unsigned i = 0; i < count; i++) {
        bool ours = all[i].loopback || !all[i].up || !strncmp(all[i].name, "prey-", strlen("prey-"));
        for (unsigned at = 0; at < l->o->iface_count; at++) ours |= l->carry.ifindex[at] == all[i].ifindex;
        if (!ours) return true;
    }
    return false;
}

/* Those that no worker uses any more. */
static void free_older(struct live *l)
{
    uint64_t taken = proxied_taken(&l->carry);
    unsigned kept = 0;
    for (unsigned i = 0; i < l->carry.worker_count; i++) {
        const uint64_t one = __atomic_load_n(&l->carry.workers[i]->taken, __ATOMIC_ACQUIRE);
        if (one < taken) taken = one;
    }
    for (unsigned i = 0; i < l->world.older_count; i++) {
        if (l->world.older[i]->number < taken)
            snapshot_free(l->world.older[i]);
        else
            l->world.older[kept++] = l->world.older[i];
    }
    l->world.older_count = kept;
}

/* Reloads come here without world_publish: at the next one, all that was given before the last is free. */
void world_give(struct live *l, struct snapshot *s)
{
    free_older(l);
    if (l->carry.latest) l->world.older[l->world.older_count++] = l->carry.latest;
    l->carry.latest = s;
    recorded_world(&l->carry, s);
}

/* Grows when ways of the executor in the kernel may be others. */
static uint64_t ways_number(const struct live *l)
{
    if (!l->carry.in_kernel) return 0;
    return l->world.hops.moved + (l->world.routing.table ? l->world.routing.table->number : 0);
}

struct snapshot *world_snapshot(struct live *l, bool ways)
{
    free_older(l);
    if (l->world.older_count > OLDER_MOST) return NULL;
    if (ways) renew_ways(l);
    struct facts f = facts_now(l);
    struct facts_device *devices =
        l->world.routing.table ? devices_of(l, l->carry.now.program, l->world.routing.table) : NULL;
    f.routes = devices ? l->world.routing.table : NULL;
    f.devices = devices;
    struct snapshot *s =
        devices || !l->world.routing.table ? snapshot_new(l->carry.now.program, &f, hops_known(&l->world.hops)) : NULL;
    free(devices);
    if (!s) return NULL;
    const struct snapshot *last = l->carry.latest;
    const uint64_t generation = last ? last->facts.generation : 0;
    s->number = last ? last->number + 1 : 1;
    s->facts.generation = last && snapshot_same_facts(s, last) ? generation : generation + 1;
    s->facts.ways = ways_number(l);
    for (unsigned i = 0; i < PORTS_MOST; i++) s->port_mac[i] = l->carry.now.ifaces[l->carry.now.iface[i]].mac;
    s->devices = (uint8_t)l->o->iface_count;
    s->elsewhere = world_elsewhere(l);
    hops_fill(&l->world.hops, s);
    tabled_world(l, s);
    return s;
}

/* Ways are asked for a tenth of the time at most: then this is done by world_step. */
static bool may_ask(const struct live *l)
{
    return l->world.routing.ways_stale && clock_ns(CLOCK_MONOTONIC) >= l->world.routing.ways_due_ns;
}

bool world_publish(struct live *l, bool ways)
{
    l->world.routing.ways_stale |= ways || l->world.stale; /* it may have been asked for then */
    /* A worker has not come to a batch boundary for so long, or is to change its program: later. */
    free_older(l);
    l->world.stale = l->world.older_count >= OLDER_MOST || change_pending(&l->carry);
    if (l->world.stale) return true;
    struct snapshot *s = world_snapshot(l, may_ask(l));
    if (!s) return false;
    world_give(l, s);
    for (unsigned i = 0; i < l->carry.worker_count; i++) worker_tell(l->carry.workers[i], s);
    proxied_tell(&l->carry, s);
    dealt_world(&l->carry);
    return steered_world(&l->carry);
}

static void follow_links(struct live *l)
{
    links_follow(l);
    announced_links(l);
}

bool world_read(struct live *l)
{
    const int changed = host_read(l->carry.host);
    if (changed < 0) return tell_fault(&l->tell, "netlink: %s", strerror(-changed)) == 0;
    if (changed & HOST_LINKS) follow_links(l);
    const bool hops = changed && hops_renew(&l->world.hops, changed & ~HOST_NEIGHBOURS);
    const bool facts = changed & (HOST_LINKS | HOST_ADDRESSES | HOST_ROUTES);
    if (facts) routing_stale(l);
    if (changed & HOST_ADDRESSES) enforce_watched_now(&l->carry);
    const bool table = routing_renew(l);
    return hops || facts || table ? world_publish(l, facts || table) : true;
}

bool world_step(struct live *l)
{
    const bool table = routing_renew(l);
    return table || may_ask(l) ? world_publish(l, table) : true;
}

bool world_asked(struct live *l, struct worker *w)
{
    struct hop_ask ask;
    bool changed = false;
    struct pmtu_note note;
    bool ways = false;
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    while (ring_take(&w->asks, &ask)) changed |= hops_want(&l->world.hops, &ask, now_ns);
    while (ring_take(&w->told, &note)) ways |= pmtu_learn(&l->world.pmtu, &note, now_ns);
    return changed || ways ? world_publish(l, ways) : true;
}

/* In hundredths of a second; less is not worth a line. */
static uint64_t rounded(int64_t ns) { return ((uint64_t)llabs(ns) + 5000000) / 10000000 * 10000000; }

static void tell_clock(struct live *l, int64_t jumped_ns, int64_t slept_ns)
{
    char text[TEXT_NUMBER];
    if (slept_ns)
        events_tell(&l->tell.events, TOLD_CLOCK, "this machine slept for %s; connections have not aged meanwhile",
                    text_duration(rounded(slept_ns), text));
    if (rounded(jumped_ns))
        events_tell(&l->tell.events, TOLD_CLOCK, "the clock was set %s %s; schedules follow it",
                    text_duration(rounded(jumped_ns), text), jumped_ns < 0 ? "back" : "ahead");
}

bool world_clock(struct live *l)
{
    int64_t jumped_ns, slept_ns;
    if (!clock_look(&l->world.clock, &jumped_ns, &slept_ns)) return true;
    tell_clock(l, jumped_ns, slept_ns);
    return world_publish(l, false);
}

bool world_tick(struct live *l)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (l->carry.latest) hops_used(&l->world.hops, l->carry.latest, now_ns);
    for (unsigned i = 0; i < l->world.older_count; i++) hops_used(&l->world.hops, l->world.older[i], now_ns);
    const uint64_t lately_ns = l->carry.in_kernel ? CONFIRM_KERNEL_NS : CONFIRM_NS;
    hops_confirm(&l->world.hops, now_ns > lately_ns ? now_ns - lately_ns : 0);
    links_renew(l);
    if (links_missed(l)) {
        follow_links(l);
        l->world.stale = true;
        routing_stale(l);
        hops_renew(&l->world.hops, true);
    }
    const bool ways = pmtu_expire(&l->world.pmtu, clock_ns(CLOCK_MONOTONIC)) || l->world.stale;
    return ways || clock_ns(CLOCK_REALTIME) >= l->world.until_ns ? world_publish(l, ways) : true;
}

void world_fini(struct live *l)
{
    snapshot_free(l->carry.latest);
    for (unsigned i = 0; i < l->world.older_count; i++) snapshot_free(l->world.older[i]);
    hops_fini(&l->world.hops);
    routing_fini(l);
    pmtu_fini(&l->world.pmtu);
}
