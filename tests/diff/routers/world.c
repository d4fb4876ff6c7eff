/* Names and numbers of a drawn router's networks and hosts */
#include "tests/diff/routers/world.h"

#include <arpa/inet.h>
#include <string.h>

void world_addr(bool v6, unsigned net, unsigned host, uint8_t out[16])
{
    memset(out, 0, 16);
    const uint8_t x = (uint8_t)(net + 1);
    if (!v6 && net == NET_WORLD)
        memcpy(out, (uint8_t[4]){198, 51, 100, (uint8_t)host}, 4);
    else if (!v6)
        memcpy(out, (uint8_t[4]){10, x, 0, (uint8_t)host}, 4);
    else if (net == NET_WORLD)
        memcpy(out, (uint8_t[6]){0x20, 0x01, 0x0d, 0xb8, 0, 0x51}, 6);
    else
        memcpy(out, (uint8_t[4]){0xfd, 0, 0, x}, 4);
    if (v6) out[15] = (uint8_t)host;
}

void world_probe_addr(const struct world *w, uint32_t number, uint8_t out[16])
{
    memset(out, 0, 16);
    memcpy(out, (uint8_t[4]){172, (uint8_t)(PROBE_OUTSIDE + w->number), (uint8_t)(number >> 8), (uint8_t)number}, 4);
}

const char *world_host_text(bool v6, unsigned net, unsigned host, char buf[48])
{
    uint8_t addr[16];
    world_addr(v6, net, host, addr);
    return inet_ntop(v6 ? AF_INET6 : AF_INET, addr, buf, 48);
}

const char *world_net_text(bool v6, unsigned net, char buf[48])
{
    world_host_text(v6, net, 0, buf);
    return strcat(buf, v6 ? "/64" : "/24");
}

bool world_has_net(const struct world *w, unsigned net) { return net >= IFS_MOST || net < w->ifs; }

unsigned world_behind(const struct world *w, bool v6, unsigned net)
{
    if (net < IFS_MOST) return net;
    if (net < NET_WORLD) return w->far_by[net - NET_FAR];
    return net == NET_WORLD ? w->world_by[v6] : 0;
}

void world_mac(unsigned iface, unsigned host, uint8_t mac[6])
{
    memcpy(mac, (uint8_t[6]){2, 0, 0, 0, (uint8_t)(iface + 1), (uint8_t)host}, 6);
}
