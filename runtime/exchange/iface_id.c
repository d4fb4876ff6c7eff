/* Declared interfaces have their index, others numbers behind them; a pattern may have a device's name too */
#include "runtime/exchange/iface_id.h"

#include <string.h>

#include "vm/packet/key.h"

uint16_t port_iface_id(const struct program *p, const char *device, unsigned at)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (!strcmp(program_str(p, p->ifaces[i].device), device)) return (uint16_t)i;
    return (uint16_t)(p->ifaces_count + at);
}

uint16_t port_known_as(const struct program *p, const char *device, uint16_t own)
{
    const struct iface_table t = program_ifaces(p);
    const uint32_t id = iface_match(&t, device);
    return id == PBC_NONE || id == own ? 0 : (uint16_t)(id + 1);
}

uint16_t device_known_as(const struct program *p, const char *device)
{
    const struct iface_table t = program_ifaces(p);
    const uint32_t id = iface_match(&t, device);
    return id == PBC_NONE ? IFACE_OTHER : (uint16_t)id;
}
