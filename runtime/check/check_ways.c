/* Services whose branches send to the server's pool, by their endpoints; each address once */
#include "runtime/check/check_ways.h"

#include <string.h>

#include "vm/vm.h"

/* Return the service's port for the check's protocol at that endpoint; 0: none */
static uint16_t endpoint_port(const struct pbc_check *c, const struct pbc_endpoint *e)
{
    const bool udp = c->kind == PBC_CHECK_UDP;
    if (c->port) return c->port;
    if (e->proto != PBC_EP_PORTS && e->proto != (udp ? PBC_EP_UDP : PBC_EP_TCP)) return 0;
    return e->port_lo;
}

static bool ways_have(const struct check_way *ways, unsigned count, const struct check_way *w)
{
    for (unsigned i = 0; i < count; i++)
        if (ways[i].service == w->service && ways[i].family == w->family &&
            !memcmp(ways[i].addr, w->addr, sizeof w->addr))
            return true;
    return false;
}

/* Append the ways through a service. Return the new count. */
static unsigned through(const struct program *p, uint32_t server, uint32_t service, struct check_way *ways,
                        unsigned count)
{
    const struct pbc_service *s = &p->services[service];
    const struct pbc_check *check = &p->checks[program_check(p, server)];
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count && count < CHECK_WAYS_MOST; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        struct check_way w = {.service = service, .port = endpoint_port(check, e), .family = e->family};
        if (e->to != PBC_TO_ADDRESS) continue;
        if (!w.port && check->kind != PBC_CHECK_ICMP) continue;
        memcpy(w.addr, e->addr, sizeof w.addr);
        if (!ways_have(ways, count, &w)) ways[count++] = w;
    }
    return count;
}

static bool sends_to(const struct program *p, const struct pbc_service *s, uint32_t pool)
{
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        for (uint32_t i = 0; i < branch_shares(&p->branches[b]); i++)
            if (p->shares[p->branches[b].shares + i].pool == pool) return true;
    return false;
}

/* Return the service's port for a server without its own */
static uint16_t kept_port(const struct program *p, const struct pbc_check *c, const struct pbc_service *s)
{
    uint16_t port = 0;
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count && !port; i++)
        port = endpoint_port(c, &p->endpoints[i]);
    return port;
}

unsigned check_ways(const struct program *p, uint32_t server, bool may, struct check_way ways[CHECK_WAYS_MOST])
{
    const struct pbc_server *at = &p->servers[server];
    const struct pbc_check *check = &p->checks[program_check(p, server)];
    const uint32_t services = p->past ? p->past->services : p->services_count;
    struct check_way own = {.service = PBC_NONE, .port = check->port ? check->port : at->port, .family = at->family};
    bool plain = false;
    unsigned count = 0;
    memcpy(own.addr, at->addr, sizeof own.addr);
    for (uint32_t i = 0; i < services; i++) {
        const struct pbc_service *s = &p->services[i];
        const unsigned before = count;
        if (!sends_to(p, s, at->pool)) continue;
        if (may && service_checked_via(s)) count = through(p, server, i, ways, count);
        plain |= count == before;
        if (!own.port) own.port = kept_port(p, check, s);
    }
    if (count && (!plain || count == CHECK_WAYS_MOST)) return count;
    ways[count] = own;
    return count + 1;
}
