/* Facts of a program for the stages (counts.h). */
#include "vm/kernel/counts.h"

#include <string.h>

#include "vm/forward/bind/nat.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"

/* True if some service's mode has all traits of `with`, and none of `without`. */
static bool has_mode(const struct program *p, uint32_t with, uint32_t without)
{
    bool any = false;
    for (uint32_t i = 0; i < p->services_count; i++) {
        const uint32_t traits = mode_info[p->services[i].mode].traits;
        any |= (traits & (with | without)) == with;
    }
    return any;
}

/* True if the nat takes ports of own addresses. A map takes no packets to own addresses. */
static bool takes_ports(const struct pbc_nat *n)
{
    return n->kind != PBC_NAT_MAP && (n->kind != PBC_NAT_FORWARD || n->proto < PBC_EP_ECHO4);
}

/* True if a nat of this program or an earlier one forwards protocols with neither ports nor identifiers. */
static bool forwards_bare(const struct program *p)
{
    bool bare = false;
    for (uint32_t i = 0; i < program_all_nats(p); i++)
        bare |= p->nats[i].kind == PBC_NAT_FORWARD && p->nats[i].proto == PBC_EP_IP;
    return bare;
}

static uint32_t flags_of(const struct program *p, bool live)
{
    const uint32_t meta = p->meta->flags, nats = program_all_nats(p);
    const bool sends = p->services_count || nats, followed = !live || meta & PBC_COUNTS_FLOWS;
    const bool sockets = has_mode(p, MODE_PROXIES, live ? MODE_INLINE_STACK : 0);
    return (p->firewalls_count || p->would ? KERNEL_JUDGES : 0u) | (p->would ? KERNEL_AUDITS : 0u) |
           (meta & PBC_KEEPS_FLOWS ? KERNEL_KEEPS_FLOWS : 0u) | (sends ? KERNEL_SENDS_ON : 0u) |
           (nats ? KERNEL_TRANSLATES : 0u) | (forwards_bare(p) ? KERNEL_FORWARDS_BARE : 0u) |
           (meta & PBC_NAMES_ARP ? KERNEL_NAMES_ARP : 0u) | (meta & PBC_CLAMPS ? KERNEL_CLAMPS : 0u) |
           (followed ? KERNEL_FOLLOWS_PROXIED : 0u) | (program_has_cookies(p) ? KERNEL_HAS_COOKIES : 0u) |
           (sockets ? KERNEL_HAS_PROXIES : 0u) | (has_mode(p, MODE_TUNNELS, 0) ? KERNEL_HAS_TUNNELS : 0u) |
           (live && has_mode(p, MODE_INLINE_STACK, 0) ? KERNEL_HAS_WIRES : 0u);
}

/* Fill in the ports of nats. If no row is left, the last one grows. Mappings of earlier programs may have any port. */
static void nat_ports_of(struct kernel_program *k, const struct program *p)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < KERNEL_NAT_PORTS; i++) k->nat_ports[i] = (struct kernel_nat_ports){.lo = 1};
    if (program_all_nats(p) != p->nats_count) k->nat_ports[rows++] = (struct kernel_nat_ports){.hi = UINT16_MAX};
    for (uint32_t i = 0; i < p->nats_count; i++) {
        if (!takes_ports(&p->nats[i])) continue;
        const struct kernel_nat_ports one = {.lo = p->nats[i].port_lo, .hi = p->nats[i].port_hi};
        struct kernel_nat_ports *last = &k->nat_ports[KERNEL_NAT_PORTS - 1];
        bool there = false;
        for (uint32_t j = 0; j < rows; j++) there |= k->nat_ports[j].lo <= one.lo && one.hi <= k->nat_ports[j].hi;
        if (there) continue;
        if (rows < KERNEL_NAT_PORTS) {
            k->nat_ports[rows++] = one;
            continue;
        }
        if (one.lo < last->lo) last->lo = one.lo;
        if (one.hi > last->hi) last->hi = one.hi;
    }
}

/* Note the interfaces that the nats' statements name as ways out. Flows of earlier programs may leave by any. */
static void nat_ways_of(struct kernel_program *k, const struct program *p)
{
    for (uint32_t i = 0; i < program_all_nats(p); i++) {
        const struct pbc_nat *n = &p->nats[i];
        const bool past = i >= p->nats_count;
        if (n->kind == PBC_NAT_FORWARD && n->flags & PBC_NAT_TO_ANY && !past) k->flags |= KERNEL_FORWARDS_ANY;
        if (n->kind == PBC_NAT_FORWARD) continue;
        const bool anywhere = nat_leaves_anywhere(p, n);
        if (anywhere && !past) k->flags |= KERNEL_NATS_ALL;
        if (anywhere || nat_leaves(p, n, IFACE_OTHER)) k->flags |= KERNEL_NATS_ANY_WAY;
        for (uint32_t id = 0; id < p->ifaces_count && id < KERNEL_WAYS; id++)
            if (nat_leaves(p, n, (uint16_t)id)) k->nat_ways[id / 32] |= UINT32_C(1) << id % 32;
    }
}

/* Add a range to the resolvers, unless it is there. */
static void resolver_add(struct kernel_program *k, const struct kernel_resolver *r)
{
    for (uint32_t i = 0; i < k->resolvers && i < KERNEL_RESOLVERS; i++)
        if (!memcmp(&k->resolver[i], r, sizeof *r)) return;
    if (k->resolvers < KERNEL_RESOLVERS) k->resolver[k->resolvers] = *r;
    if (k->resolvers <= KERNEL_RESOLVERS) k->resolvers++;
}

/* Note the resolvers that live sets trust. */
static void resolvers_of(struct kernel_program *k, const struct program *p)
{
    for (uint32_t i = 0; i < p->lives_count; i++) {
        if (!p->lives[i].answers) continue;
        const struct pbc_set *s = &p->sets[p->lives[i].from];
        k->flags |= KERNEL_HEARS_DNS;
        for (uint32_t n = 0; n < s->count4; n++) {
            const struct pbc_range *r = &p->set4[s->first4 + n];
            resolver_add(k, &(struct kernel_resolver){{0, KERNEL_RESOLVER4 | r->lo}, {0, KERNEL_RESOLVER4 | r->hi}});
        }
        for (uint32_t n = 0; n < s->count6; n++) {
            const struct pbc_range6 *r = &p->set6[s->first6 + n];
            resolver_add(k, &(struct kernel_resolver){{r->lo_hi, r->lo_lo}, {r->hi_hi, r->hi_lo}});
        }
    }
}

void kernel_program_of(struct kernel_program *k, const struct program *p, bool live)
{
    const uint32_t line = 64 / sizeof(struct counter);
    *k = (struct kernel_program){.serial = (uint32_t)p->serial, .flags = flags_of(p, live), .rules = p->rules_count};
    nat_ports_of(k, p);
    nat_ways_of(k, p);
    resolvers_of(k, p);
    k->services = p->rules_count + 1 + p->firewalls_count;
    const uint32_t past = live ? KERNEL_PAST : 0;
    k->unserved = k->services + p->services_count + past;
    k->servers = k->unserved + p->services_count + past;
    k->nats = k->servers + p->servers_count + past;
    k->would = k->nats + program_all_nats(p) + past;
    k->would_rules = p->would_rules_count;
    const uint32_t cells = p->would ? kernel_would_at(p->would_rules_count + p->would_firewalls_count) : 0;
    k->row = (k->would + cells + line - 1) / line * line;
}
