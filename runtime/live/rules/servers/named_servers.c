/* A server keeps its address for as long as its name has it; else it gets the first that fits. An answer without
 * addresses, or none, changes nothing: a check says whether the server is well. */
#include "runtime/live/rules/servers/named_servers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/carry_state.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/live/tell/tell_state.h"
#include "runtime/report/text.h"

/* The program as it was compiled, without its past. */
static const struct program *below(const struct program *p) { return p->past ? p->past->under : p; }

static bool serves_at(const struct program *p, const struct pbc_server *s, const uint32_t addr[4])
{
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to == PBC_TO_ADDRESS && !e->wire && e->family == s->family && !memcmp(e->addr, addr, sizeof e->addr))
            return true;
    }
    return false;
}

/* True if another server of the pool is there already. */
static bool is_taken(const struct program *p, const struct pbc_server *all, uint32_t server, const uint32_t addr[4])
{
    const struct pbc_server *s = &all[server];
    const struct pbc_pool *pool = &p->pools[s->pool];
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        if (i != server && all[i].family == s->family && all[i].port == s->port &&
            !(all[i].flags & PBC_SERVER_UNKNOWN) && !memcmp(all[i].addr, addr, sizeof s->addr))
            return true;
    return false;
}

/* Find the server of the same pool, name, host and family in the program in force, if its address is known. */
static const struct pbc_server *server_there(const struct rules *rules, const struct program *p,
                                             const struct pbc_server *s, const struct pbc_named *n)
{
    const struct program *now = below(rules->carry->now.program);
    for (uint32_t i = 0; i < now->named_count; i++) {
        const struct pbc_server *t = &now->servers[now->named[i].server];
        if (t->family == s->family && !(t->flags & PBC_SERVER_UNKNOWN) &&
            !strcmp(program_str(now, now->named[i].host), program_str(p, n->host)) &&
            !strcmp(program_str(now, t->name), program_str(p, s->name)) &&
            !strcmp(program_str(now, now->pools[t->pool].name), program_str(p, p->pools[s->pool].name)))
            return t;
    }
    return NULL;
}

/* Find the address that the server is to have; NULL: none other than it has. */
static const uint32_t *address_of(const struct rules *rules, const struct program *p, const struct pbc_server *all,
                                  const struct pbc_named *n)
{
    const struct pbc_server *s = &all[n->server];
    const bool v6 = s->family == 6, unknown = s->flags & PBC_SERVER_UNKNOWN;
    const struct host_name *h = names_find(rules, program_str(p, n->host));
    const struct host_addresses *a = h ? &h->of[v6] : NULL;
    const struct pbc_server *has = unknown ? server_there(rules, p, s, n) : s;
    const uint32_t *first = NULL;
    for (uint32_t i = 0; a && i < a->count; i++) {
        const uint32_t *addr = a->addr[i];
        if (!names_address_fits(v6, addr) || serves_at(p, s, addr) || is_taken(p, all, n->server, addr)) continue;
        if (has && !memcmp(addr, has->addr, sizeof has->addr)) return unknown ? addr : NULL;
        if (!first) first = addr;
    }
    if (first || !unknown || !has || is_taken(p, all, n->server, has->addr)) return first;
    return has->addr;
}

static void tell_address(const struct rules *rules, const struct program *p, const struct pbc_server *s,
                         const struct pbc_named *n, const uint32_t addr[4])
{
    char now[INET6_ADDRSTRLEN], before[INET6_ADDRSTRLEN];
    address_text(s->family, addr, now);
    address_text(s->family, s->addr, before);
    const bool first = s->flags & PBC_SERVER_UNKNOWN;
    events_tell(&rules->tell->events, TOLD_NAMES, "%s/%s: %s is %s now%s%s", program_str(p, p->pools[s->pool].name),
                program_str(p, s->name), program_str(p, n->host), now, first ? "" : "; it was ", first ? "" : before);
}

/* Return the servers with the addresses of now; NULL: nothing has changed, or out of memory. */
static struct pbc_server *servers_now(const struct rules *rules, const struct program *p)
{
    struct pbc_server *all = program_servers_copy(p);
    bool changed = false;
    for (uint32_t i = 0; all && i < p->named_count; i++) {
        struct pbc_server *s = &all[p->named[i].server];
        const uint32_t *addr = address_of(rules, p, all, &p->named[i]);
        if (!addr) continue;
        const struct pbc_server *there = server_there(rules, p, s, &p->named[i]);
        if (!there || memcmp(there->addr, addr, sizeof there->addr) != 0) tell_address(rules, p, s, &p->named[i], addr);
        memcpy(s->addr, addr, sizeof s->addr);
        s->flags &= (uint8_t)~PBC_SERVER_UNKNOWN;
        changed = true;
    }
    if (changed) return all;
    free(all);
    return NULL;
}

struct program *named_program(const struct rules *rules, struct program *p)
{
    size_t len;
    char err[600] = "out of memory";
    struct pbc_server *servers = p->named_count ? servers_now(rules, below(p)) : NULL;
    if (!servers) return program_get(p);
    uint8_t *file = program_file_with(p, servers, &len);
    struct program *next = file ? program_load(file, len, err, sizeof err) : NULL;
    free(file);
    free(servers);
    if (next) {
        program_bound(next, p->flows, p->half_open);
        return next;
    }
    events_tell(&rules->tell->events, TOLD_NAMES, "servers keep their addresses: %s", err);
    return program_get(p);
}
