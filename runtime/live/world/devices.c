#include "runtime/live/world/devices.h"

#include <stdlib.h>

#include "runtime/exchange/first_frame.h"
#include "runtime/exchange/iface_id.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Do frames for the device come by that link: a port of the bridge or bond that it is, or the link below a VLAN? */
static bool lies_under(const struct live *l, unsigned ifindex, unsigned device)
{
    const struct host_link *link = host_link(l->host, ifindex), *over = host_link(l->host, device);
    if (!link || !over || over->vrf_table) return false;
    if (link->master == device) return true;
    return over->under && (over->under == ifindex || over->under == link->master);
}

/* The interface that the device's frames come by, as ids of the program are. */
static uint16_t comes_by(const struct live *l, const struct program *p, unsigned device)
{
    uint16_t found = IFACE_NONE;
    for (unsigned at = 0; at < l->o->iface_count; at++)
        if (l->ifindex[at] == device) return port_iface_id(p, l->o->ifaces[at], at);
    for (unsigned at = 0; at < l->o->iface_count; at++)
        if (lies_under(l, l->ifindex[at], device))
            found = found == IFACE_NONE ? port_iface_id(p, l->o->ifaces[at], at) : IFACE_SEVERAL;
    return found;
}

struct facts_device *devices_of(const struct live *l, const struct program *p, const struct routes *table)
{
    struct facts_device *all = calloc(table->size.devices + (size_t)1, sizeof *all);
    for (uint32_t i = 0; all && i < table->size.devices; i++)
        all[i] = (struct facts_device){comes_by(l, p, table->devices[i].ifindex),
                                       device_known_as(p, table->devices[i].name)};
    return all;
}

uint8_t devices_opener(const struct live *l, const struct facts *facts, const struct flow_record *f)
{
    const bool own = facts_have_self(facts) && sides_of(facts, f->family, f->src, f->dst) & KIND_SRC_SELF;
    if (l->o->iface_count == 1 || l->o->bridge_count) return 0;
    const uint8_t port = l->routing.table ? first_frame_port(l->routing.table, f, own) : ROUTE_NO_PORT;
    return port < l->o->iface_count ? port : OPTIONS_NO_PEER;
}
