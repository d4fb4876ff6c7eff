/* Announcements of the addresses for which prey answers: at the start, and after a reload for added addresses. All
 * are announced when a link comes up, because neighbours may still have an earlier owner's MAC. */
#include "runtime/live/world/announced.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "vm/program/program.h"

/* True if the address is in a subnet of the link. */
static bool is_near(const struct host *h, unsigned ifindex, const struct host_addr *a)
{
    unsigned count;
    const struct host_address *all = host_addresses(h, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct host_address *own = &all[i];
        if (own->ifindex == ifindex && own->addr.family == a->family &&
            address_in_prefix(own->addr.word, own->prefix, a->word))
            return true;
    }
    return false;
}

/* True if the address is announced on port `at`: on the ports in its subnet, or on all if no port is. */
static bool belongs(const struct world *world, unsigned at, const struct host_addr *a)
{
    const struct carry *carry = world->carry;
    bool near = false;
    for (unsigned i = 0; i < world->o->iface_count; i++) near |= is_near(carry->host, carry->ifindex[i], a);
    return !near || is_near(carry->host, carry->ifindex[at], a);
}

static void announce_one(struct world *world, unsigned at, const struct host_addr *a)
{
    const struct host_link *link = host_link(world->carry->host, world->carry->ifindex[at]);
    if (!link || !link->mac || !belongs(world, at, a)) return;
    char text[HOST_ADDR_TEXT], err[300];
    if (ask_ANNOUNCE(world->tell->channel, &(struct request_address){*a, at}, err, sizeof err))
        events_tell(&world->tell->events, TOLD_FAULT, "%s: %s can't be announced: %s", link->name,
                    host_addr_text(a, text), err);
}

struct addresses {
    struct host_addr *all;
    unsigned count, room;
    bool failed; /* memory ran out */
};

static void add_word(struct addresses *to, const uint32_t word[4], uint8_t family)
{
    struct host_addr a;
    memset(&a, 0, sizeof a); /* the addresses are compared byte by byte */
    memcpy(a.word, word, sizeof a.word);
    a.family = family;
    to->failed |= !grow(&to->all, to->count, &to->room, 64, sizeof a);
    if (!to->failed) to->all[to->count++] = a;
}

/* Add all addresses of a range of at most PBC_SOURCES_MAX; a larger range adds nothing. */
static void add_addresses(struct addresses *to, const struct address_range *r)
{
    const uint64_t size = address_range_size(r);
    for (uint64_t n = 0; n < size && size <= PBC_SOURCES_MAX; n++) {
        uint32_t addr[4];
        address_range_at(r, n, addr);
        add_word(to, addr, r->family);
    }
}

/* Add the addresses of the sets; family: 4, 6, or 0 for both. Sets with more than PBC_SOURCES_MAX addresses, the
 * most of a pool's `source`, are left out: such a large range is routed here, so no host on the link asks for it. */
static void add_sets(struct addresses *to, const struct program *p, uint32_t sets, uint32_t count, uint8_t family)
{
    struct address_walk w = address_walk(p, sets, count, family);
    struct address_range r;
    if (address_count(p, sets, count, family, PBC_SOURCES_MAX) > PBC_SOURCES_MAX) return;
    while (address_next(&w, &r)) add_addresses(to, &r);
}

static int host_addr_compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct host_addr)); }

/* Return the addresses for which prey answers ARP requests and solicitations (vm/forward/vips.h), each once, sorted. */
static struct addresses addresses_of(const struct program *p)
{
    struct addresses a = {0};
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to == PBC_TO_ADDRESS && p->services[e->service].flags & PBC_SERVICE_ANNOUNCE)
            add_word(&a, e->addr, e->family);
    }
    for (uint32_t i = 0; i < p->pools_count; i++) add_sets(&a, p, p->pools[i].sources, p->pools[i].source_count, 0);
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        add_sets(&a, p, n->outside, n->outside_count, n->family);
        const struct address_range to = address_prefix(n->to, n->kind == PBC_NAT_MAP ? n->len : 128, n->family);
        if (n->kind == PBC_NAT_MAP || nat_to_one(n)) add_addresses(&a, &to);
    }
    if (a.count) qsort(a.all, a.count, sizeof *a.all, host_addr_compare);
    unsigned kept = 0;
    for (unsigned i = 0; i < a.count; i++)
        if (!kept || host_addr_compare(&a.all[i], &a.all[kept - 1])) a.all[kept++] = a.all[i];
    a.count = kept;
    return a;
}

/* Announce the addresses of the running program that are not in `already`. */
static void announce_all(struct world *world, unsigned at, const struct addresses *already)
{
    struct addresses a = addresses_of(world->carry->now.program);
    for (unsigned i = 0; i < a.count; i++)
        if (!already->count || !bsearch(&a.all[i], already->all, already->count, sizeof *a.all, host_addr_compare))
            announce_one(world, at, &a.all[i]);
    if (a.failed) events_tell(&world->tell->events, TOLD_FAULT, "out of memory: prey doesn't announce some addresses");
    free(a.all);
}

void announced_again(struct world *world, const struct program *before)
{
    struct addresses already = addresses_of(before);
    for (unsigned i = 0; i < world->o->iface_count; i++)
        if (world->announced[i]) announce_all(world, i, &already);
    free(already.all);
}

void announced_links(struct world *world)
{
    for (unsigned i = 0; i < world->o->iface_count; i++) {
        const struct host_link *link = host_link(world->carry->host, world->carry->ifindex[i]);
        const uint64_t up = link && link->up && link->running ? 1 + (uint64_t)link->changes : 0;
        if (up && up != world->announced[i]) announce_all(world, i, &(struct addresses){0});
        world->announced[i] = up;
    }
}
