/* The world as the kernel tells it, made into snapshots. A snapshot with new facts is a new generation, one with other
 * neighbours is not: the vm's recipes hold. */
#include <string.h>
#include <time.h>

#include "runtime/live/live_priv.h"
#include "runtime/schedule/schedule.h"

static uint64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The interface whose addresses this machine speaks from: that by which translated flows leave, else the first. */
static unsigned speaker(const struct live *l)
{
    for (uint32_t i = 0; i < l->program->nats_count; i++)
        for (unsigned at = 0; at < l->o->iface_count; at++)
            if (l->worker->ports[at].iface == l->program->nats[i].out) return l->ifindex[at];
    return l->ifindex[0];
}

static uint32_t least_mtu(const struct live *l)
{
    uint32_t mtu = UINT16_MAX;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        if (link && link->mtu < mtu) mtu = link->mtu;
    }
    return mtu;
}

static struct facts facts_now(struct live *l)
{
    const struct host_self self = host_self(l->host);
    const unsigned from = speaker(l);
    const struct host_link *link = host_link(l->host, from);
    struct host_addr addr;
    struct facts f = {.self4 = self.v4,
                      .self4_count = self.v4_count,
                      .self6 = self.v6,
                      .self6_count = self.v6_count,
                      .mac = link ? link->mac : 0,
                      .mtu = least_mtu(l),
                      .drop_bad_checksum = true};
    const uint64_t wall = wall_ns();
    f.schedules = schedules_at(l->program, wall, &l->until_ns);
    if (host_source(l->host, from, 4, &addr)) f.addr4 = addr.word[0];
    if (host_source(l->host, from, 6, &addr)) memcpy(f.addr6, addr.word, sizeof f.addr6);
    return f;
}

static bool same_self(const struct facts *a, const struct facts *b)
{
    return a->self4_count == b->self4_count && a->self6_count == b->self6_count &&
           !memcmp(a->self4, b->self4, a->self4_count * sizeof *a->self4) &&
           !memcmp(a->self6, b->self6, a->self6_count * sizeof *a->self6);
}

static bool same_facts(const struct facts *a, const struct facts *b)
{
    return a->schedules == b->schedules && a->addr4 == b->addr4 && a->mac == b->mac && a->mtu == b->mtu &&
           !memcmp(a->addr6, b->addr6, sizeof a->addr6) && same_self(a, b);
}

/* Those that no worker uses any more. */
static void free_older(struct live *l)
{
    const uint64_t taken = __atomic_load_n(&l->worker->taken, __ATOMIC_ACQUIRE);
    unsigned kept = 0;
    for (unsigned i = 0; i < l->older_count; i++) {
        if (l->older[i]->number < taken)
            snapshot_free(l->older[i]);
        else
            l->older[kept++] = l->older[i];
    }
    l->older_count = kept;
}

bool world_publish(struct live *l)
{
    struct facts f = facts_now(l);
    const uint64_t generation = l->latest ? l->latest->facts.generation : 0;
    f.generation = l->latest && same_facts(&f, &l->latest->facts) ? generation : generation + 1;
    struct snapshot *s = snapshot_new(&f, l->hops.count);
    if (!s) return false;
    s->number = l->latest ? l->latest->number + 1 : 1;
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        s->port_mac[i] = link ? link->mac : 0;
    }
    for (unsigned i = 0; i < l->hops.count; i++) snapshot_add(s, &l->hops.all[i]);
    free_older(l);
    /* A worker that has not come to a batch boundary for so long: it is left what it has, and told later. */
    if (l->older_count == sizeof l->older / sizeof *l->older) {
        snapshot_free(s);
        return true;
    }
    if (l->latest) l->older[l->older_count++] = l->latest;
    l->latest = s;
    worker_tell(l->worker, s);
    return true;
}

bool world_read(struct live *l)
{
    const int changed = host_read(l->host);
    if (changed < 0) return live_complain("netlink: %s", strerror(-changed)) == 0;
    const bool hops = changed && hops_renew(&l->hops);
    return hops || changed & (HOST_LINKS | HOST_ADDRESSES) ? world_publish(l) : true;
}

bool world_asked(struct live *l)
{
    struct hop_key key;
    bool changed = false;
    while (ring_take(&l->worker->asks, &key)) changed |= hops_want(&l->hops, &key);
    return changed ? world_publish(l) : true;
}

bool world_tick(struct live *l)
{
    hops_confirm(&l->hops);
    return wall_ns() >= l->until_ns ? world_publish(l) : true;
}
