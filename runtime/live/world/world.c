/* The world as the kernel reports it, made into snapshots. A snapshot with new facts is a new generation. A snapshot
 * with only other neighbours stays in its generation, so the vm's recipes hold. */
#include "runtime/live/world/world.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/guard/unjudged.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/world/announced.h"
#include "runtime/live/world/devices.h"
#include "runtime/live/world/here.h"
#include "runtime/live/world/links.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/tabled.h"
#include "runtime/schedule/schedule.h"
#include "vm/packet/key.h"

/* Neighbours used within this time are kept fresh. */
#define CONFIRM_NS UINT64_C(3000000000)
/* The kernel executor looks hops up only once: a hop looked up within this time counts as used there. */
#define CONFIRM_KERNEL_NS UINT64_C(300000000000)

enum { ROUNDS_MOST = 4 }; /* most times that reports are read in a row, because all other work waits */

/* Write the facts of one port into its place. */
static void iface_facts(struct world *world, unsigned at)
{
    const struct carry *carry = world->carry;
    const struct host_link *link = host_link(carry->host, carry->ifindex[at]);
    struct facts_iface *f = &carry->now.ifaces[carry->now.iface[at]];
    struct host_addr addr;
    *f = (struct facts_iface){.peer = IFACE_NONE,
                              .as = port_known_as(carry->now.program, world->o->ifaces[at], carry->now.iface[at]),
                              .shut = unjudged_port(carry, at)};
    if (world->o->peer[at] != OPTIONS_NO_PEER)
        f->peer = carry->now.iface[world->o->peer[at]];
    else
        f->down = links_state(link) != LINK_UP;
    if (!link) return;
    f->mac = link->mac;
    f->mtu = link->mtu;
    if (host_source(carry->host, link->ifindex, 4, &addr)) f->addr4 = addr.word[0];
    if (host_source(carry->host, link->ifindex, 6, &addr)) memcpy(f->addr6, addr.word, sizeof f->addr6);
}

/* Return the id of the interface by which the address is reached. *mtu: the route's MTU, 0: unknown. *here: true for
 * an address of this machine. */
static uint16_t way_out(struct world *world, const uint32_t addr[4], uint8_t family, uint32_t *mtu, bool *here)
{
    const struct host_query q = {.to = host_addr_of(addr, family)};
    struct host_route route;
    *mtu = 0;
    const int failed = host_route(world->carry->host, &q, &route);
    *here = !failed && route.local;
    if (failed || *here) return IFACE_NONE;
    *mtu = route.mtu;
    for (unsigned i = 0; i < world->o->iface_count; i++)
        if (world->carry->ifindex[i] == route.ifindex) return world->carry->now.iface[i];
    return IFACE_NONE;
}

/* Find the way to each server and nat, with one question to the kernel for each. */
static void renew_ways(struct world *world)
{
    const struct carry *carry = world->carry;
    const struct program *p = carry->now.program;
    const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    uint32_t mtu;
    bool here;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const struct pbc_server *server = &p->servers[i];
        const uint32_t told = pmtu_of(&world->pmtu, server->addr, server->family);
        carry->now.server_out[i] = way_out(world, server->addr, server->family, &mtu, &here);
        carry->now.server_mtu[i] = told && (!mtu || told < mtu) ? told : mtu;
        here_note(world, i, here);
    }
    for (uint32_t i = 0; i < p->nats_count; i++)
        carry->now.target_out[i] = p->nats[i].kind == PBC_NAT_FORWARD
                                       ? way_out(world, p->nats[i].target, p->nats[i].family, &mtu, &here)
                                       : IFACE_NONE;
    world->routing.ways_stale = false;
    world->routing.ways_due_ns = routing_rested_ns(&world->routing.ways_paid_ns, begun_ns);
}

uint32_t world_schedules(const struct world *world, const struct program *p, uint64_t *until_ns)
{
    const uint64_t now_ns = clock_ns(CLOCK_REALTIME);
    const enum clock_doubt doubt = clock_doubt(&world->clock, now_ns);
    if (doubt == CLOCK_SET) return schedules_at(p, now_ns, until_ns);
    *until_ns = doubt == CLOCK_PAST ? world->clock.made_ns : UINT64_MAX;
    return 0;
}

static enum clock_doubt doubt_now(const struct world *world)
{
    const bool any = world->carry->now.program->schedules_count;
    return any ? clock_doubt(&world->clock, clock_ns(CLOCK_REALTIME)) : CLOCK_SET;
}

const char *world_doubt(const struct world *world)
{
    const enum clock_doubt doubt = doubt_now(world);
    return doubt == CLOCK_SET ? NULL : clock_doubt_text(doubt);
}

void world_tell_doubt(struct world *world)
{
    const enum clock_doubt doubt = doubt_now(world), before = world->doubt;
    if (doubt == before) return;
    world->doubt = doubt;
    if (doubt != CLOCK_SET)
        events_tell(&world->tell->events, TOLD_CLOCK, "the clock isn't set: %s; until it is set, no schedule is active",
                    clock_doubt_text(doubt));
    else if (clock_doubt(&world->clock, clock_ns(CLOCK_REALTIME)) == CLOCK_SET)
        events_tell(&world->tell->events, TOLD_CLOCK, "the clock is set; schedules take effect");
}

/* Return the present facts. For packets that leave by no known interface, the first interface's facts hold. */
static struct facts facts_now(struct world *world)
{
    const struct carry *carry = world->carry;
    const struct host_self self = host_self(carry->host);
    const bool host_routes = carry->in_kernel || !enforce_routes(carry, carry->now.program);
    struct facts f = {.self4 = self.v4,
                      .self4_count = self.v4_count,
                      .self6 = self.v6,
                      .self6_count = self.v6_count,
                      .ifaces = carry->now.ifaces,
                      .ifaces_count = carry->now.ifaces_count,
                      .server_out = carry->now.server_out,
                      .server_mtu = carry->now.server_mtu,
                      .target_out = carry->now.target_out,
                      .down = carry->now.down,
                      .up_since_ns = carry->now.up_since_ns,
                      .weights = carry->now.weights,
                      .drains = carry->now.drains,
                      .ports = shared_ports_facts(carry),
                      .host_routes4 = carry->forwards.ip4 && host_routes,
                      .host_routes6 = carry->forwards.ip6 && host_routes,
                      .drop_bad_checksum = true};
    for (unsigned i = 0; i < world->o->iface_count; i++) {
        iface_facts(world, i);
        f.bridges |= world->o->peer[i] != OPTIONS_NO_PEER;
        f.shuts |= carry->now.ifaces[carry->now.iface[i]].shut != 0;
        f.patterns |= carry->now.ifaces[carry->now.iface[i]].as != 0;
    }
    const struct facts_iface *first = &carry->now.ifaces[carry->now.iface[0]];
    f.mac = first->mac;
    f.mtu = first->mtu;
    f.addr4 = first->addr4;
    memcpy(f.addr6, first->addr6, sizeof f.addr6);
    f.schedules = world_schedules(world, carry->now.program, &world->until_ns);
    return f;
}

/* Free the snapshots that no worker uses. */
static void free_older(struct world *world)
{
    uint64_t taken = proxied_taken(world->carry);
    unsigned kept = 0;
    for (unsigned i = 0; i < world->carry->worker_count; i++) {
        const uint64_t one = __atomic_load_n(&world->carry->workers[i]->taken, __ATOMIC_ACQUIRE);
        if (one < taken) taken = one;
    }
    for (unsigned i = 0; i < world->older_count; i++) {
        if (world->older[i]->number < taken)
            snapshot_free(world->older[i]);
        else
            world->older[kept++] = world->older[i];
    }
    world->older_count = kept;
}

/* Make `s` the latest. Reloads skip world_publish: at the next reload, no worker uses the snapshots before the
 * latest. */
static void world_give(struct world *world, struct snapshot *s)
{
    free_older(world);
    if (world->carry->latest) world->older[world->older_count++] = world->carry->latest;
    world->carry->latest = s;
    recorded_world(world->carry, s);
}

/* Return a number that grows when ways of the kernel executor may have changed. */
static uint64_t ways_number(const struct world *world)
{
    if (!world->carry->in_kernel) return 0;
    return world->hops.moved + world->anew.number + (world->routing.table ? world->routing.table->number : 0);
}

/* Make a snapshot of the program in force, unpublished. NULL: none can be made. */
static struct snapshot *world_snapshot(struct world *world, bool ways)
{
    const struct carry *carry = world->carry;
    free_older(world);
    if (world->older_count > OLDER_MOST) return NULL;
    if (ways) renew_ways(world);
    struct facts f = facts_now(world);
    struct facts_device *devices =
        world->routing.table ? devices_of(world, carry->now.program, world->routing.table) : NULL;
    f.routes = devices ? world->routing.table : NULL;
    f.devices = devices;
    struct snapshot *s =
        devices || !world->routing.table ? snapshot_new(carry->now.program, &f, hops_known(&world->hops)) : NULL;
    free(devices);
    if (!s) return NULL;
    const struct snapshot *last = carry->latest;
    const uint64_t generation = last ? last->facts.generation : 0;
    s->number = last ? last->number + 1 : 1;
    s->facts.generation = last && snapshot_same_facts(s, last) ? generation : generation + 1;
    s->facts.ways = ways_number(world);
    s->around = devices_around(world, carry->now.program);
    if (!s->around) {
        snapshot_free(s);
        return NULL;
    }
    for (unsigned i = 0; i < world->o->iface_count; i++) s->ifindex[i] = carry->ifindex[i];
    for (unsigned i = 0; i < PORTS_MOST; i++) s->port_mac[i] = carry->now.ifaces[carry->now.iface[i]].mac;
    s->devices = (uint8_t)world->o->iface_count;
    s->bare = carry->bare;
    s->elsewhere = enforce_elsewhere(carry);
    hops_fill(&world->hops, s);
    tabled_world(world, s);
    return s;
}

/* True if outdated ways may be looked up now: this takes at most a tenth of the time. world_step does it when due. */
static bool may_ask(const struct world *world)
{
    return world->routing.ways_stale && clock_ns(CLOCK_MONOTONIC) >= world->routing.ways_due_ns;
}

bool world_publish(struct world *world, bool ways)
{
    world->routing.ways_stale |= ways || world->stale; /* a postponed publication may have needed ways */
    /* Postpone publication if a worker has not reached a batch boundary for long, or has to change its program. */
    free_older(world);
    world->stale = world->older_count >= OLDER_MOST || change_pending(world->carry);
    if (world->stale) return true;
    struct snapshot *s = world_snapshot(world, may_ask(world));
    if (!s) return false;
    world_give(world, s);
    for (unsigned i = 0; i < world->carry->worker_count; i++) worker_tell(world->carry->workers[i], s);
    proxied_tell(world->carry, s);
    dealt_world(world->carry);
    if (!steered_world(world->carry)) return false;
    links_let_in(world->carry);
    return true;
}

/* Time after which this machine's stack must again route a flow whose way only it can know. Marks may have changed,
 * and a neighbour that is never looked up is never reported. Linux trusts a neighbour for as long
 * (base_reachable_time_ms). */
#define ANEW_NS UINT64_C(30000000000)

/* Have flows of unknown way routed again after that time, and when a neighbour has moved. True if they are routed
 * again. */
static bool route_anew(struct world *world, uint64_t now_ns)
{
    const uint64_t moves = host_moves(world->carry->host);
    const bool due = now_ns >= world->anew.due_ns || moves != world->anew.moves;
    if (!due) return false;
    world->anew.moves = moves;
    world->anew.due_ns = now_ns + ANEW_NS;
    if (!in_kernel_hides(world->carry)) return false;
    world->anew.number++;
    return true;
}

static void follow_links(struct world *world)
{
    links_follow(world);
    announced_links(world);
}

/* Read the kernel's reports, and follow links. It takes tens of milliseconds to serve a returned link, and its
 * addresses come meanwhile, so they are read at once. Return HOST_ bits, or a negative errno. */
static int read_news(struct world *world)
{
    int changed = 0, fresh;
    unsigned rounds = 0;
    do {
        fresh = host_read(world->carry->host);
        if (fresh < 0) return fresh;
        if (fresh & HOST_LINKS) follow_links(world);
        changed |= fresh;
    } while (fresh & HOST_LINKS && ++rounds < ROUNDS_MOST);
    return changed;
}

bool world_read(struct world *world)
{
    const int changed = read_news(world);
    if (changed < 0) return tell_fault(world->tell, "netlink: %s", strerror(-changed)) == 0;
    const bool hops = changed && hops_renew(&world->hops, changed & ~HOST_NEIGHBOURS);
    const bool facts = changed & (HOST_LINKS | HOST_ADDRESSES | HOST_ROUTES);
    if (facts) routing_stale(world);
    if (changed & HOST_ADDRESSES) enforce_watched_now(world->carry);
    const bool table = routing_renew(world);
    const bool anew = changed & HOST_NEIGHBOURS && route_anew(world, clock_ns(CLOCK_MONOTONIC));
    return hops || facts || table || anew ? world_publish(world, facts || table) : true;
}

bool world_step(struct world *world)
{
    const bool table = routing_renew(world);
    return table || may_ask(world) ? world_publish(world, table) : true;
}

bool world_asked(struct world *world, struct worker *w)
{
    struct hop_ask ask;
    bool changed = false;
    struct pmtu_note note;
    bool ways = false;
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    while (ring_take(&w->asks, &ask)) changed |= hops_want(&world->hops, &ask, now_ns);
    while (ring_take(&w->told, &note)) ways |= pmtu_learn(&world->pmtu, &note, now_ns);
    return changed || ways ? world_publish(world, ways) : true;
}

/* Return the absolute value of ns, rounded to hundredths of a second. A smaller change is not worth a line. */
static uint64_t rounded(int64_t ns) { return ((uint64_t)llabs(ns) + 5000000) / 10000000 * 10000000; }

bool world_clock(struct world *world)
{
    int64_t jumped_ns, slept_ns;
    char text[TEXT_NUMBER];
    if (!clock_look(&world->clock, &jumped_ns, &slept_ns)) return true;
    if (slept_ns)
        events_tell(&world->tell->events, TOLD_CLOCK,
                    "this machine slept for %s; connections didn't age during that time",
                    text_duration(rounded(slept_ns), text));
    if (rounded(jumped_ns))
        events_tell(&world->tell->events, TOLD_CLOCK, "the clock was set %s %s; schedules follow it",
                    text_duration(rounded(jumped_ns), text), jumped_ns < 0 ? "back" : "ahead");
    world_tell_doubt(world);
    return world_publish(world, false);
}

bool world_tick(struct world *world)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (world->carry->latest) hops_used(&world->hops, world->carry->latest, now_ns);
    for (unsigned i = 0; i < world->older_count; i++) hops_used(&world->hops, world->older[i], now_ns);
    const uint64_t lately_ns = world->carry->in_kernel ? CONFIRM_KERNEL_NS : CONFIRM_NS;
    hops_confirm(&world->hops, now_ns > lately_ns ? now_ns - lately_ns : 0);
    links_renew(world);
    links_fail(world);
    world_tell_doubt(world);
    if (links_missed(world)) {
        follow_links(world);
        world->stale = true;
        routing_stale(world);
        hops_renew(&world->hops, true);
    }
    const bool ways = pmtu_expire(&world->pmtu, clock_ns(CLOCK_MONOTONIC)) || world->stale;
    const bool anew = route_anew(world, now_ns);
    links_close(world);
    return ways || anew || clock_ns(CLOCK_REALTIME) >= world->until_ns ? world_publish(world, ways) : true;
}

void world_fini(struct world *world)
{
    links_close(world);
    snapshot_free(world->carry->latest);
    for (unsigned i = 0; i < world->older_count; i++) snapshot_free(world->older[i]);
    around_put(world->around.last);
    hops_fini(&world->hops);
    routes_put(world->routing.table);
    pmtu_fini(&world->pmtu);
}

/* ---- a change of programs ---- */

static bool world_prepare(struct program_change *c)
{
    routing_stale(c->world); /* `limits { routes }` may have changed */
    routing_renew(c->world);
    c->snapshot = world_snapshot(c->world, true);
    return c->snapshot;
}

static void world_offer(struct program_change *c)
{
    world_give(c->world, c->snapshot);
    c->snapshot = NULL;
}

/* Mark the published snapshot as outdated: it may depend on the other program, for example for the time of the next
 * schedule change. */
static void world_end(struct program_change *c)
{
    snapshot_free(c->snapshot);
    c->snapshot = NULL;
    c->world->stale = true;
}

const struct part part_world = {.prepares = world_prepare, .offers = world_offer, .ends = world_end};
