/* A new table replaces the old one only if it differs; each obstacle is reported once until it is gone */
#include "runtime/live/world/routing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/host/view/ipsec.h"
#include "runtime/host/view/routing.h"
#include "runtime/live/tell/log.h"

enum { TIMES = 10 };
#define LONGEST_NS UINT64_C(5000000000)
#define FAILED_NS  UINT64_C(100000000)
/* Total of pauses that may be postponed: an interface that dials in brings reports of a link, addresses and routes
 * within milliseconds, and each takes effect at once. */
#define SAVED_NS UINT64_C(2000000000)

/* Report once that there are too many policy rules. */
static void tell_rules(struct world *world, const struct routes *r)
{
    bool many = false;
    for (uint32_t i = 0; i < r->size.rules4 + r->size.rules6; i++)
        many |= r->rules[i].does == ROUTE_ASKS && r->rules[i].why == WAY_TOO_MANY;
    tell_once(world->tell, many, &world->routing.many_rules, TOLD_LIMIT,
              "the kernel has more than %d policy rules with conditions for IPv4 or for IPv6, or more than %d tables "
              "for these rules: preyrun asks the kernel for each route, which is slow, and `out on` is false",
              ROUTE_RULES_MOST, ROUTE_VIEWS_MOST);
}

/* Report that guard rules may miss replies to connections that a `nat` translates in a VRF: in some kernels `fib
 * daddr type` reads only the table `local`. */
static void tell_vrf(struct world *world, const char *name)
{
    events_tell(
        &world->tell->events, TOLD_UNJUDGED,
        "notice: %s is in a VRF, whose addresses nftables doesn't find in some kernels, such as Linux 6.1: this "
        "machine then resets connections that a `nat` translates there; use --exec kernel",
        name);
}

static void tell_arrival(struct world *world, const char *name)
{
    events_tell(&world->tell->events, TOLD_UNJUDGED,
                "notice: `ip rule` has a rule with `iif %s`: give -i for all interfaces to which these rules lead a "
                "packet, or for none of them; otherwise this machine may forward packets that prey also forwards",
                name);
}

/* Report once that rules by an incoming interface lead packets that prey itself sends on; report it again only after
 * there were none. Report rules of VRFs separately, because the kernel or its user makes these for all VRFs. Guard
 * rules that hide such packets from the host can't see them (docs/guide/how-to/nat-router.md). */
static void tell_arrivals(struct world *world, const struct routes *r)
{
    const struct host *h = world->carry->host;
    const char *vrf = NULL, *other = NULL;
    for (uint32_t i = 0; i < r->size.rules4 + r->size.rules6; i++) {
        if (!(r->rules[i].asks & ROUTE_ASKS_ARRIVAL)) continue;
        const struct route_device *device = r->rules[i].device ? &r->devices[r->rules[i].device - 1] : NULL;
        const char **first = device && host_link_vrf(h, host_link_named(h, device->name)) ? &vrf : &other;
        if (!*first) *first = device ? device->name : "…";
    }
    const bool tells = !world->carry->in_kernel && !world->o->monitor;
    if (tells && vrf && !world->routing.by_vrf && world->carry->now.program->nats_count) tell_vrf(world, vrf);
    if (tells && other && !world->routing.by_arrival) tell_arrival(world, other);
    world->routing.by_vrf = vrf;
    world->routing.by_arrival = other;
}

uint32_t routing_most(const struct world *world)
{
    const struct program *p = world->carry->now.program;
    return p->settings_count ? (uint32_t)p->settings->routes : PBC_ROUTES_DEFAULT;
}

/* Read IPsec's policies, which the parent requests from the kernel. Without them the way of every packet is unknown. */
static void read_ipsec(struct world *world)
{
    const struct carry *carry = world->carry;
    char why[300] = "";
    int fd = -1;
    if (!ipsec_is_stale(carry->host)) return;
    const int given = ask_IPSEC(world->tell->channel, &fd, why, sizeof why);
    int failed = given < 0 ? given : 0;
    if (failed) {
        ipsec_unknown(carry->host);
    } else if ((failed = ipsec_read(carry->host, fd))) {
        snprintf(why, sizeof why, "%s", strerror(-failed));
    }
    if (fd >= 0) close(fd);
    tell_once(world->tell, failed, &world->routing.ipsec_failed, TOLD_FAULT,
              "IPsec's policies can't be read: %s; until prey can read them, this machine's "
              "stack routes each packet",
              why);
    const uint32_t all = (uint32_t)((UINT64_C(1) << world->o->iface_count) - 1);
    tell_once(world->tell, ipsec_is_used(carry->host) && carry->in_kernel && (carry->by_tc & all) != all,
              &world->routing.ipsec_passes, TOLD_LIMIT,
              "this machine has policies of IPsec: decrypted packets arrive behind XDP, where no rule judges them; to "
              "fix it, start with --hook tc");
}

static bool routes_reread(struct world *world)
{
    const struct served_ports ports = {world->carry->ifindex, world->o->iface_count};
    const uint32_t most = routing_most(world);
    const struct routes *was = world->routing.table;
    struct routes *fresh;
    uint32_t count;
    read_ipsec(world);
    const int failed = host_routes(world->carry->host, &ports, most, &fresh, &count);
    /* The kernel may not answer, or the table may change faster than it can be read; then the last table is kept. */
    tell_once(world->tell, failed, &world->routing.failed, TOLD_FAULT,
              "routes of the kernel can't be read: %s; the last routes stay in use",
              failed == -EINTR ? "the routes keep changing" : strerror(-failed));
    if (failed) return false;
    world->routing.stale = false;
    world->routing.count = count;
    tell_once(world->tell, count > most, &world->routing.full, TOLD_LIMIT,
              "the kernel has %u routes, but `limits { routes }` allows %u: preyrun asks the kernel for each route, "
              "which is slow",
              count, most);
    if (count <= most) tell_rules(world, fresh);
    tell_arrivals(world, fresh);
    if (was && !memcmp(&was->size, &fresh->size, sizeof was->size) && !memcmp(was->range6, fresh->range6, was->bytes)) {
        routes_put(fresh);
        return false;
    }
    fresh->number = was ? was->number + 1 : 1;
    routes_put(world->routing.table);
    world->routing.table = fresh;
    return true;
}

uint64_t routing_rested_ns(uint64_t *paid_ns, uint64_t begun_ns)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), rest_ns = TIMES * (now_ns - begun_ns);
    *paid_ns = (*paid_ns > now_ns ? *paid_ns : now_ns) + rest_ns;
    if (*paid_ns > now_ns + SAVED_NS + LONGEST_NS) *paid_ns = now_ns + SAVED_NS + LONGEST_NS;
    return *paid_ns > now_ns + SAVED_NS ? *paid_ns - SAVED_NS : now_ns;
}

bool routing_renew(struct world *world)
{
    const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    if (!world->routing.stale || begun_ns < world->routing.due_ns) return false;
    const bool changed = routes_reread(world);
    const uint64_t due_ns = routing_rested_ns(&world->routing.paid_ns, begun_ns), least_ns = begun_ns + FAILED_NS;
    world->routing.due_ns = world->routing.failed && due_ns < least_ns ? least_ns : due_ns;
    return changed;
}

void routing_stale(struct world *world) { world->routing.stale = true; }

uint64_t routing_due_ns(const struct world *world)
{
    const uint64_t table_ns = world->routing.stale ? world->routing.due_ns : UINT64_MAX;
    const uint64_t ways_ns = world->routing.ways_stale && !world->stale ? world->routing.ways_due_ns : UINT64_MAX;
    return table_ns < ways_ns ? table_ns : ways_ns;
}
