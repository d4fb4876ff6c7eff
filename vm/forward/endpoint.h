/* Packets that an endpoint of a service takes, for both executors */
#pragma once

#include <stdbool.h>

#include "vm/packet/key.h"
#include "vm/pbc.h"

/* True if the packet's destination is one of the endpoint's addresses. A service in the wire takes no packets for
 * the host itself, because they are not forwarded. */
static inline bool endpoint_has_address(const struct pbc_endpoint *e, const struct key *key)
{
    if (e->wire && key->kind & KIND_DST_SELF) return false;
    if (e->to == PBC_TO_ANY) return true;
    if (e->to == PBC_TO_SELF) return key->kind & KIND_DST_SELF;
    if (!(key->kind & (e->family == 4 ? KIND_IP4 : KIND_IP6))) return false;
    for (unsigned i = 0; i < 4; i++)
        if (key->dst[i] != e->addr[i]) return false;
    return true;
}

/* True if the packet has the endpoint's protocol. kinds: of that protocol (endpoint.def). */
static inline bool endpoint_has_protocol(const struct pbc_endpoint *e, uint32_t kinds, const struct key *key)
{
    if (!(key->kind & kinds)) return false;
    if (e->proto == PBC_EP_ECHO4) return key->kind & KIND_ICMP_HEADER && key->icmp_type == 8;
    if (e->proto == PBC_EP_ECHO6) return key->kind & KIND_ICMP_HEADER && key->icmp_type == 128;
    return key->kind & KIND_PORTS && key->dst_port >= e->port_lo && key->dst_port <= e->port_hi;
}

/* True if the packet has the endpoint's interface and tags. */
static inline bool endpoint_has_wire(const struct pbc_endpoint *e, const struct key *key)
{
    if (e->iface && key->iface != e->iface - 1) return false;
    if (e->wire <= PBC_WIRE_ALL) return true;
    if (!(key->kind & KIND_VLAN)) return e->wire == PBC_WIRE_UNTAGGED;
    if (e->wire != PBC_WIRE_VLAN) return e->wire == PBC_WIRE_TAGGED;
    return key->vlan_outer >= e->vlan_lo && key->vlan_outer <= e->vlan_hi;
}

/* True if a forwarded packet is for the service instead: to one of its addresses, or of a protocol that it takes for
 * any address. Packets that a service in the wire takes still cross the machine. */
static inline bool endpoint_stops(const struct pbc_endpoint *e, uint32_t kinds, const struct key *key)
{
    return !e->wire && endpoint_has_address(e, key) && (e->to != PBC_TO_ANY || endpoint_has_protocol(e, kinds, key));
}
