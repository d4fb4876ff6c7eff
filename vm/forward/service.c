/* The service of a packet, computed plainly: the most specific of all endpoints, then the branches of its service in
 * order */
#include "vm/forward/service.h"

#include "vm/forward/endpoint.h"

static uint32_t kinds_of(const struct pbc_endpoint *e) { return endpoint_info[e->proto].kinds; }

/* True if a is more specific than b, if both hold the same packet. */
static bool more_specific(const struct pbc_endpoint *a, const struct pbc_endpoint *b)
{
    if (a->to != b->to) return a->to < b->to;
    if ((a->proto == PBC_EP_PORTS) != (b->proto == PBC_EP_PORTS)) return b->proto == PBC_EP_PORTS;
    const int ports_a = a->port_hi - a->port_lo, ports_b = b->port_hi - b->port_lo;
    if (ports_a != ports_b) return ports_a < ports_b;
    if (!a->iface != !b->iface) return a->iface;
    if (a->wire == PBC_WIRE_VLAN && b->wire == PBC_WIRE_VLAN) return a->vlan_hi - a->vlan_lo < b->vlan_hi - b->vlan_lo;
    return endpoint_tags_asked(a) > endpoint_tags_asked(b);
}

uint32_t service_endpoint(const struct program *p, const struct key *key)
{
    uint32_t best = PBC_NONE;
    if (!(key->kind & KIND_IP) || key->kind & KIND_OUT) return PBC_NONE;
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (!endpoint_has_address(e, key) || !endpoint_has_protocol(e, kinds_of(e), key)) continue;
        if (!endpoint_has_wire(e, key)) continue;
        if (best == PBC_NONE || more_specific(e, &p->endpoints[best])) best = i;
    }
    return best;
}

static bool branch_holds(const struct program *p, const struct pbc_branch *b, const struct key *key,
                         const struct pkt *pkt)
{
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++)
        if (!cond_match(p, &p->conds[c], key, pkt)) return false;
    return true;
}

uint32_t service_branch(const struct program *p, const struct key *key, const struct pkt *pkt)
{
    uint32_t endpoint = service_endpoint(p, key);
    if (endpoint == PBC_NONE) return PBC_NONE;
    const struct pbc_service *s = &p->services[p->endpoints[endpoint].service];
    uint32_t b = s->branches;
    if (mode_is(s->mode, MODE_PROXIES)) return b;            /* the contents of the connection decide */
    while (!branch_holds(p, &p->branches[b], key, pkt)) b++; /* the last has no conditions */
    return b;
}

uint32_t program_serve_naive(const struct program *p, const struct key *key, const struct pkt *pkt)
{
    return p->services_count ? service_branch(p, key, pkt) : PBC_NONE;
}

/* Count a forwarded frame as incoming if it is for a service: to one of its addresses, or taken by a service on
 * `any`. */
void key_settle(const struct program *p, struct key *key)
{
    if (!p->endpoints_count || !(key->kind & KIND_FORWARD) || !(key->kind & KIND_IP)) return;
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        if (!endpoint_stops(&p->endpoints[i], kinds_of(&p->endpoints[i]), key)) continue;
        key->kind ^= KIND_FORWARD | KIND_IN;
        return;
    }
}
