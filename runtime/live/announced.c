/* Addresses that the program answers for are claimed at the start, and again when a link comes up: an earlier owner's
 * MAC is in the neighbours' tables. */
#include "runtime/live/announced.h"

#include <string.h>

#include "runtime/live/claim.h"

/* Is the address in a subnet of that link? */
static bool is_near(const struct host *h, unsigned ifindex, const struct host_addr *a)
{
    unsigned count;
    const struct host_address *all = host_addresses(h, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct host_address *own = &all[i];
        unsigned bits = own->prefix, differ = own->ifindex != ifindex || own->addr.family != a->family;
        for (unsigned w = 0; w < 4 && bits && !differ; w++) {
            const unsigned here = bits < 32 ? bits : 32;
            differ = (own->addr.word[w] ^ a->word[w]) >> (32 - here);
            bits -= here;
        }
        if (!differ) return true;
    }
    return false;
}

/* It is asked for where its subnet is; where none of ours is, anywhere. */
static bool belongs(const struct live *l, unsigned at, const struct host_addr *a)
{
    bool near = false;
    for (unsigned i = 0; i < l->o->iface_count; i++) near |= is_near(l->host, l->ifindex[i], a);
    return !near || is_near(l->host, l->ifindex[at], a);
}

static void claim(struct live *l, unsigned at, const struct host_addr *a)
{
    const struct host_link *link = host_link(l->host, l->ifindex[at]);
    if (!link || !link->mac || !belongs(l, at, a)) return;
    char text[HOST_ADDR_TEXT], err[300];
    if (ask_announce(l->channel, at, link->mac, a, err, sizeof err))
        events_tell(&l->events, TOLD_FAULT, "%s: %s can't be claimed: %s", link->name, host_addr_text(a, text), err);
}

static void claim_word(struct live *l, unsigned at, const uint32_t word[4], uint8_t family)
{
    const struct host_addr a = {{word[0], word[1], word[2], word[3]}, family};
    claim(l, at, &a);
}

/* The addresses of a pool's `source`: PBC_SOURCES_MAX bounds how many there are. */
static void claim_set(struct live *l, unsigned at, const struct pbc_set *set)
{
    const struct program *p = l->now.program;
    for (uint32_t i = set->first4; i < set->first4 + set->count4; i++)
        for (uint64_t a = p->set4[i].lo; a <= p->set4[i].hi; a++)
            claim_word(l, at, (const uint32_t[4]){(uint32_t)a}, 4);
    for (uint32_t i = set->first6; i < set->first6 + set->count6; i++) {
        const struct pbc_range6 *r = &p->set6[i];
        for (uint64_t n = 0; n <= r->hi_lo - r->lo_lo; n++)
            claim_word(l, at,
                       (const uint32_t[4]){(uint32_t)(r->lo_hi >> 32), (uint32_t)r->lo_hi,
                                           (uint32_t)((r->lo_lo + n) >> 32), (uint32_t)(r->lo_lo + n)},
                       6);
    }
}

/* Those for which ARP and solicitations are answered (vm/forward/vips.h). */
static void claim_all(struct live *l, unsigned at)
{
    const struct program *p = l->now.program;
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to == PBC_TO_ADDRESS && p->services[e->service].flags & PBC_SERVICE_ANNOUNCE)
            claim_word(l, at, e->addr, e->family);
    }
    for (uint32_t i = 0; i < p->pools_count; i++)
        for (uint32_t k = 0; k < p->pools[i].source_count; k++) claim_set(l, at, &p->sets[p->pools[i].sources + k]);
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (p->nats[i].kind != PBC_NAT_MASQUERADE && !(p->nats[i].flags & PBC_NAT_TO_SELF))
            claim_word(l, at, p->nats[i].to, p->nats[i].family);
}

void announced_links(struct live *l)
{
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        const bool up = link && link->up && link->running;
        if (up && !l->announced[i]) claim_all(l, i);
        l->announced[i] = up;
    }
}
