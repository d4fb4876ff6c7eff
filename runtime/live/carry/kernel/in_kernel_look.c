/* Obstacles of this machine to the kernel executor, regardless of the rules. */
#include "runtime/host/hook/hooks.h"
#include "runtime/io/card.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"

static unsigned ifindex_at(const struct carry *carry, unsigned at)
{
    const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[at]);
    return link ? link->ifindex : 0;
}

static bool rights(const struct carry *carry, struct obstacle *o) { return carry && refused_here(o); }

/* Interface numbers may conflict, because stages distinguish interfaces by the lowest bits. */
static bool numbers(const struct carry *carry, struct obstacle *o)
{
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        for (unsigned k = 0; k < i; k++) {
            const unsigned a = ifindex_at(carry, k), b = ifindex_at(carry, i);
            if (!a || !b || a == b || a % KERNEL_PORTS != b % KERNEL_PORTS) continue;
            *o = (struct obstacle){0};
            snprintf(o->why, sizeof o->why,
                     "the interface numbers of %.15s and %.15s, %u and %u, differ by a multiple of %u; to fix "
                     "it, create %.15s again",
                     carry->o->ifaces[k], carry->o->ifaces[i], a, b, (unsigned)KERNEL_PORTS, carry->o->ifaces[i]);
            return true;
        }
    return false;
}

/* Own networks are an obstacle, because stages look up single addresses. */
static bool networks(const struct carry *carry, struct obstacle *o)
{
    const struct host_self self = host_self(carry->host);
    bool whole = self.left_out;
    for (unsigned i = 0; i < self.v6_count; i++)
        whole |= self.v6[i].lo_hi != self.v6[i].hi_hi || self.v6[i].lo_lo != self.v6[i].hi_lo;
    if (whole)
        *o = (struct obstacle){
            "a whole network belongs to this machine (to list it, run: ip route show table local type local; ip -6 "
            "route show table local type local), and the kernel executor knows only single addresses",
            "--exec user"};
    return whole;
}

/* The hook for leaving packets, which are judged at traffic control, by a link or a filter. */
static bool egress(const struct carry *carry, struct obstacle *o)
{
    struct hooks_where where[OPTIONS_IFACES];
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        where[i] =
            (struct hooks_where){carry->o->name, carry->o->ifaces[i], ifindex_at(carry, i), carry->by_tc >> i & 1};
    *o = (struct obstacle){0};
    return hooks_lack(where, carry->o->iface_count, o->why, sizeof o->why);
}

static bool queues(const struct carry *carry, struct obstacle *o)
{
    struct card c;
    *o = (struct obstacle){0};
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (!(carry->by_tc >> i & 1) && card_of(ifindex_at(carry, i), &c) &&
            !card_runs_programs(&c, o->why, sizeof o->why))
            return true;
    return false;
}

bool in_kernel_look(const struct carry *carry, unsigned at, struct obstacle *o)
{
    static bool (*const looks[IN_KERNEL_LOOKS])(const struct carry *, struct obstacle *) = {rights, numbers, networks,
                                                                                            egress, queues};
    return looks[at](carry, o);
}
