/* Links above and below a device are followed to ports of the program */
#include "runtime/live/world/devices.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/exchange/first_frame.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/kernel/run/others.h"
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

/* Return the program's interface id by which the device's frames arrive, or IFACE_NONE or IFACE_SEVERAL. */
static uint16_t comes_by(const struct world *world, const struct program *p, unsigned device)
{
    uint16_t found = IFACE_NONE;
    /* A port of a bridge or bond is not a separate device: to routes, frames come by the device above. */
    const struct host *h = world->carry->host;
    if (host_link_joined(h, host_link(h, device))) return IFACE_NONE;
    for (unsigned at = 0; at < world->o->iface_count; at++)
        if (world->carry->ifindex[at] == device) return port_iface_id(p, world->o->ifaces[at], at);
    for (unsigned at = 0; at < world->o->iface_count; at++)
        if (lies_under(world, world->carry->ifindex[at], device))
            found = found == IFACE_NONE ? port_iface_id(p, world->o->ifaces[at], at) : IFACE_SEVERAL;
    return found;
}

struct facts_device *devices_of(const struct world *world, const struct program *p, const struct routes *table)
{
    struct facts_device *all = calloc(table->size.devices + (size_t)1, sizeof *all);
    for (uint32_t i = 0; all && i < table->size.devices; i++) {
        const struct host_link *link = host_link(world->carry->host, table->devices[i].ifindex);
        const bool tagged = link && link->under;
        all[i] =
            (struct facts_device){.iface = comes_by(world, p, table->devices[i].ifindex),
                                  .as = device_known_as(p, table->devices[i].name),
                                  .tag = tagged ? (uint16_t)(FACTS_TAGGED + (link->tag & VLAN_VID)) : FACTS_UNTAGGED,
                                  .mtu = link ? link->mtu : 0};
    }
    return all;
}

/* True if the interface is one of -i, and its programs or sockets are in place. */
static bool ifindex_is_served(const struct world *world, unsigned ifindex)
{
    bool is = false;
    for (unsigned at = 0; at < world->o->iface_count; at++)
        is |= world->carry->ifindex[at] == ifindex && !(world->carry->away >> at & 1);
    return is;
}

enum { STACKED_MOST = 8 }; /* most devices above one another */

static bool has_ports(const struct host_link *link)
{
    static const char *const kinds[] = {"bridge", "bond", "team", "vrf"};
    bool has = false;
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) has |= !strcmp(link->kind, kinds[i]);
    return has;
}

/* True if all frames that come by the device come by served interfaces. Frames of a macvlan may be sent by another
 * macvlan above the same link. */
static bool device_is_judged(const struct world *world, unsigned ifindex, unsigned deep)
{
    unsigned count, ports = 0;
    const struct host_link *all = host_links(world->carry->host, &count),
                           *link = host_link(world->carry->host, ifindex);
    if (ifindex_is_served(world, ifindex)) return true;
    if (!link || !deep) return false;
    if (link->under) return device_is_judged(world, link->under, deep - 1);
    for (unsigned i = 0; i < count && has_ports(link); i++) {
        if (all[i].master != ifindex) continue;
        if (!device_is_judged(world, all[i].ifindex, deep - 1)) return false;
        ports++;
    }
    return ports;
}

/* Return 1 + the id in rules of the interface by which the device's frames come; 0: there are several. */
static uint16_t came_as(const struct world *world, const struct program *p, unsigned device)
{
    const uint16_t by = comes_by(world, p, device);
    for (unsigned at = 0; at < world->o->iface_count; at++) {
        const uint16_t own = port_iface_id(p, world->o->ifaces[at], at);
        const uint16_t as = port_known_as(p, world->o->ifaces[at], own);
        if (own == by) return as ? as : (uint16_t)(own + 1);
    }
    return 0;
}

/* Return the unserved devices that rules know, or whose frames are judged, in order; malloc'd, or NULL. */
static struct other *others_of(const struct world *world, const struct program *p, uint32_t *count)
{
    unsigned links;
    const struct host_link *all = host_links(world->carry->host, &links);
    struct other *others = calloc(links + (size_t)1, sizeof *others);
    *count = 0;
    for (unsigned i = 0; others && i < links; i++) {
        const unsigned at = all[i].ifindex;
        if (all[i].loopback || ifindex_is_served(world, at)) continue;
        const bool judged = device_is_judged(world, at, STACKED_MOST);
        const uint16_t as = judged ? came_as(world, p, at) : (uint16_t)(device_known_as(p, all[i].name) + 1);
        if (judged || as != (uint16_t)(IFACE_OTHER + 1))
            others[(*count)++] = (struct other){.ifindex = at, .as = as, .judged = judged};
    }
    if (*count) qsort(others, *count, sizeof *others, other_order);
    return others;
}

static struct around *around_new(const struct world *world, const struct program *p)
{
    struct around *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->refs = 1;
    a->others = others_of(world, p, &a->others_count);
    if (a->others && receivers_of(world->carry->host, &a->receivers)) return a;
    around_put(a);
    return NULL;
}

struct around *devices_around(struct world *world, const struct program *p)
{
    struct around_key of;
    memset(&of, 0, sizeof of); /* compared as bytes */
    of.host = host_number(world->carry->host);
    of.program = p->serial;
    of.away = world->carry->away;
    for (unsigned at = 0; at < world->o->iface_count; at++) of.ifindex[at] = world->carry->ifindex[at];
    if (!world->around.last || memcmp(&of, &world->around.of, sizeof of) != 0) {
        around_put(world->around.last);
        world->around.last = around_new(world, p);
        world->around.of = of;
    }
    return world->around.last ? around_get(world->around.last) : NULL;
}

uint8_t devices_opener(const struct world *world, const struct facts *facts, const struct flow_record *f)
{
    const bool own = facts_have_self(facts) && sides_of(facts, f->family, f->src, f->dst) & KIND_SRC_SELF;
    if (world->o->iface_count == 1 || world->o->bridge_count) return 0;
    const uint8_t port = world->routing.table ? first_frame_port(world->routing.table, f, own) : ROUTE_NO_PORT;
    return port < world->o->iface_count ? port : OPTIONS_NO_PEER;
}

uint16_t devices_opener_iface(const struct world *world, const struct facts *facts, const struct flow_record *f)
{
    const struct carry *carry = world->carry;
    const uint8_t port = devices_opener(world, facts, f);
    if (port != OPTIONS_NO_PEER) return carry->now.iface[port];
    if (!carry->in_kernel || !facts->routes) return IFACE_NONE;
    const bool own = facts_have_self(facts) && sides_of(facts, f->family, f->src, f->dst) & KIND_SRC_SELF;
    const struct route_leg *leg = own ? NULL : first_frame_leg(facts->routes, f, false);
    const uint16_t as = leg && leg->device ? facts->devices[leg->device - 1].as : IFACE_OTHER;
    const struct program *p = carry->now.program;
    const struct iface_table t = program_ifaces(p);
    const bool judged =
        as != IFACE_OTHER && firewall_find(&t, p->firewalls, p->firewalls_count, PBC_DIR_FORWARD, as) != PBC_NONE;
    return judged ? as : IFACE_NONE;
}
