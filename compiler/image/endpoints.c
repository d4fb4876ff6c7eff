/* Order of endpoints: those of one address are neighbours, and the more specific of two that overlap comes first. */
#include <string.h>

#include "compiler/image/image.h"

int image_endpoint_order(const void *pa, const void *pb)
{
    const struct pbc_endpoint *a = *(const struct pbc_endpoint *const *)pa,
                              *b = *(const struct pbc_endpoint *const *)pb;
    const bool any_a = a->proto == PBC_EP_PORTS, any_b = b->proto == PBC_EP_PORTS;
    const unsigned ports_a = (unsigned)(a->port_hi - a->port_lo), ports_b = (unsigned)(b->port_hi - b->port_lo);
    if (a->to != b->to) return a->to < b->to ? -1 : 1;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    const int addr = memcmp(a->addr, b->addr, sizeof(a->addr));
    if (addr) return addr;
    if (any_a != any_b) return any_b ? -1 : 1;
    if (ports_a != ports_b) return ports_a < ports_b ? -1 : 1;
    /* Interface and tags come last, and then the order of the file. */
    const unsigned tags_a = endpoint_tags_asked(a), tags_b = endpoint_tags_asked(b);
    const unsigned vlans_a = (unsigned)(a->vlan_hi - a->vlan_lo), vlans_b = (unsigned)(b->vlan_hi - b->vlan_lo);
    if (!a->iface != !b->iface) return a->iface ? -1 : 1;
    if (tags_a != tags_b) return tags_a > tags_b ? -1 : 1;
    if (vlans_a != vlans_b) return vlans_a < vlans_b ? -1 : 1;
    return a < b ? -1 : 1;
}
