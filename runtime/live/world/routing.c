#include "runtime/live/world/routing.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/host/view/routing.h"

enum { TIMES = 10 };
#define LONGEST_NS UINT64_C(5000000000)
#define FAILED_NS  UINT64_C(100000000)

static bool same(const struct routes *a, const struct routes *b)
{
    return a && !memcmp(&a->size, &b->size, sizeof a->size) && !memcmp(a->range6, b->range6, a->bytes);
}

/* Told once, until there are fewer again. */
static void tell_full(struct live *l, uint32_t count, uint32_t most)
{
    const bool full = count > most;
    if (full && !l->world.routing.full)
        events_tell(
            &l->tell.events, TOLD_LIMIT,
            "the kernel has %u routes, and `limits { routes }` holds %u: it is asked for each way, which is slow",
            count, most);
    l->world.routing.full = full;
    l->world.routing.count = count;
}

uint32_t routing_most(const struct live *l)
{
    const struct program *p = l->carry.now.program;
    return p->settings_count ? (uint32_t)p->settings->routes : PBC_ROUTES_DEFAULT;
}

/* The kernel may not tell at all, or the table changes faster than it can be read: what was known stays. Told once,
 * until it can be read again. */
static void tell_failed(struct live *l, int failed)
{
    if (failed && !l->world.routing.failed)
        events_tell(&l->tell.events, TOLD_FAULT,
                    "routes of the kernel cannot be read: %s; those that were read before hold until they can",
                    failed == -EINTR ? "they change all the time" : strerror(-failed));
    l->world.routing.failed = failed;
}

static bool make(struct live *l)
{
    const struct served_ports ports = {l->carry.ifindex, l->o->iface_count};
    const uint32_t most = routing_most(l);
    struct routes *fresh;
    uint32_t count;
    const int failed = host_routes(l->carry.host, &ports, most, &fresh, &count);
    tell_failed(l, failed);
    if (failed) return false;
    l->world.routing.stale = false;
    tell_full(l, count, most);
    if (same(l->world.routing.table, fresh)) {
        routes_put(fresh);
        return false;
    }
    fresh->number = l->world.routing.table ? l->world.routing.table->number + 1 : 1;
    routes_put(l->world.routing.table);
    l->world.routing.table = fresh;
    return true;
}

uint64_t routing_rested_ns(uint64_t begun_ns)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), rest_ns = TIMES * (now_ns - begun_ns);
    return now_ns + (rest_ns < LONGEST_NS ? rest_ns : LONGEST_NS);
}

bool routing_renew(struct live *l)
{
    const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    if (!l->world.routing.stale || begun_ns < l->world.routing.due_ns) return false;
    const bool changed = make(l);
    const uint64_t due_ns = routing_rested_ns(begun_ns), least_ns = begun_ns + FAILED_NS;
    l->world.routing.due_ns = l->world.routing.failed && due_ns < least_ns ? least_ns : due_ns;
    return changed;
}

void routing_stale(struct live *l) { l->world.routing.stale = true; }

static int wait_ms(uint64_t due_ns, uint64_t now_ns, int most)
{
    if (due_ns >= now_ns + (uint64_t)most * 1000000) return most;
    return due_ns > now_ns ? (int)((due_ns - now_ns) / 1000000) + 1 : 0;
}

int routing_wait_ms(const struct live *l, uint64_t now_ns, int most)
{
    if (l->world.routing.stale) most = wait_ms(l->world.routing.due_ns, now_ns, most);
    return l->world.routing.ways_stale && !l->world.stale ? wait_ms(l->world.routing.ways_due_ns, now_ns, most) : most;
}

void routing_fini(struct live *l) { routes_put(l->world.routing.table); }
