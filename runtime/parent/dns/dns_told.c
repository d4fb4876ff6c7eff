/* The form of the resolver's datagrams. Nothing in them is trusted, because their writer reads strangers' bytes. */
#include <string.h>

#include "runtime/parent/dns/dns.h"

/* Compare two addresses as the resolver sorts them, and their ports. */
static int place_order(const struct dns_told *t, const struct dns_port *at, uint32_t a, uint32_t b)
{
    for (unsigned i = 0; i < 4; i++)
        if (t->addr[a][i] != t->addr[b][i]) return t->addr[a][i] < t->addr[b][i] ? -1 : 1;
    return at ? (int)at[a].port - (int)at[b].port : 0;
}

bool dns_told_is_sound(const struct dns_told *t, size_t len, bool service)
{
    if (len < sizeof *t || (t->family != 4 && t->family != 6) || t->how > DNS_LIVES ||
        (t->how == DNS_LIVES && t->count) || t->count > DNS_ADDRESSES_MOST || len != dns_told_size(t->count, service) ||
        !memchr(t->why, 0, sizeof t->why))
        return false;
    const struct dns_port *at = service ? (const struct dns_port *)(const void *)t->addr[t->count] : NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->family == 4 && (t->addr[i][1] || t->addr[i][2] || t->addr[i][3])) return false;
        if (i && place_order(t, at, i - 1, i) >= 0) return false;
    }
    return true;
}
