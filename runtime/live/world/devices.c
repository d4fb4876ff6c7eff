#include "runtime/live/world/devices.h"

#include <stdlib.h>

#include "runtime/exchange/first_frame.h"
#include "runtime/exchange/iface_id.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* True if the device's frames come by that link: a port of the device (bridge or bond), or the link below a VLAN. */
static bool lies_under(const struct world *world, unsigned ifindex, unsigned device)
{
    const struct host_link *link = host_link(world->carry->host, ifindex),
                           *over = host_link(world->carry->host, device);
    if (!link || !over || over->vrf_table) return false;
    if (link->master == device) return true;
    return over->under && (over->under == ifindex || over->under == link->master);
}

/* True for a port of a bridge or bond: what comes by it comes by that, to routes. */
static bool is_enslaved(const struct world *world, unsigned device)
{
    const struct host_link *link = host_link(world->carry->host, device);
    const struct host_link *master = link && link->master ? host_link(world->carry->host, link->master) : NULL;
    return master && !master->vrf_table;
}

/* Return the tags of the device's frames, as in struct facts_device. */
static uint16_t tag_of(const struct world *world, unsigned device)
{
    const struct host_link *link = host_link(world->carry->host, device);
    return link && link->under ? (uint16_t)(FACTS_TAGGED + (link->tag & VLAN_VID)) : FACTS_UNTAGGED;
}

/* Return the program's interface id by which the device's frames arrive, or IFACE_NONE or IFACE_SEVERAL. */
static uint16_t comes_by(const struct world *world, const struct program *p, unsigned device)
{
    uint16_t found = IFACE_NONE;
    if (is_enslaved(world, device)) return IFACE_NONE;
    for (unsigned at = 0; at < world->o->iface_count; at++)
        if (world->carry->ifindex[at] == device) return port_iface_id(p, world->o->ifaces[at], at);
    for (unsigned at = 0; at < world->o->iface_count; at++)
        if (lies_under(world, world->carry->ifindex[at], device))
            found = found == IFACE_NONE ? port_iface_id(p, world->o->ifaces[at], at) : IFACE_SEVERAL;
    return found;
}

static uint32_t mtu_of(const struct world *world, unsigned device)
{
    const struct host_link *link = host_link(world->carry->host, device);
    return link ? link->mtu : 0;
}

struct facts_device *devices_of(const struct world *world, const struct program *p, const struct routes *table)
{
    struct facts_device *all = calloc(table->size.devices + (size_t)1, sizeof *all);
    for (uint32_t i = 0; all && i < table->size.devices; i++)
        all[i] = (struct facts_device){.iface = comes_by(world, p, table->devices[i].ifindex),
                                       .as = device_known_as(p, table->devices[i].name),
                                       .tag = tag_of(world, table->devices[i].ifindex),
                                       .mtu = mtu_of(world, table->devices[i].ifindex)};
    return all;
}

uint8_t devices_opener(const struct world *world, const struct facts *facts, const struct flow_record *f)
{
    const bool own = facts_have_self(facts) && sides_of(facts, f->family, f->src, f->dst) & KIND_SRC_SELF;
    if (world->o->iface_count == 1 || world->o->bridge_count) return 0;
    const uint8_t port = world->routing.table ? first_frame_port(world->routing.table, f, own) : ROUTE_NO_PORT;
    return port < world->o->iface_count ? port : OPTIONS_NO_PEER;
}
