/* A server keeps its address for as long as its name has it. Otherwise it gets the first one that fits and that no
 * other server of its pool has. An answer without addresses changes nothing, nor does a missing answer: a check
 * decides whether the server is healthy. */
#include "runtime/live/rules/servers/named_servers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/carry_state.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/live/tell/tell_state.h"
#include "runtime/report/text.h"
#include "vm/judge/lives.h"

/* Return the program as it was compiled, without its past. */
static const struct program *without_past(const struct program *p) { return p->past ? p->past->under : p; }

static bool serves_at(const struct program *p, const struct pbc_server *s, const uint32_t addr[4])
{
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to == PBC_TO_ADDRESS && !e->wire && e->family == s->family && !memcmp(e->addr, addr, sizeof e->addr))
            return true;
    }
    return false;
}

/* The place that a server may have: one of the addresses of its name. */
struct server_place {
    const uint32_t *addr;
    uint16_t port, weight;
    bool backup;
};

static bool is_at(const struct pbc_server *s, const struct server_place *at)
{
    return !memcmp(s->addr, at->addr, sizeof s->addr) && s->port == at->port;
}

/* True if another server of the pool already has this place. */
static bool is_taken(const struct program *p, const struct pbc_server *all, uint32_t server,
                     const struct server_place *at)
{
    const struct pbc_server *s = &all[server];
    const struct pbc_pool *pool = &p->pools[s->pool];
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        if (i != server && all[i].family == s->family && !(all[i].flags & PBC_SERVER_UNKNOWN) && is_at(&all[i], at))
            return true;
    return false;
}

/* Return the weight of an address. Weights of records reach 65,535, those of servers LB_WEIGHT_MAX; without weights
 * all are equal (RFC 2782, "Weight"). */
static uint16_t weight_of(const struct host_addresses *a, uint32_t i)
{
    uint32_t most = 0;
    for (uint32_t k = 0; k < a->count; k++)
        if (a->at[k].weight > most) most = a->at[k].weight;
    const uint32_t weight = most > LB_WEIGHT_MAX ? a->at[i].weight * (uint32_t)LB_WEIGHT_MAX / most : a->at[i].weight;
    return (uint16_t)(weight ? weight : 1);
}

/* True if the target waits, because another has a lower priority number: it serves only when those can't. */
static bool waits(const struct host_addresses *a, uint32_t i)
{
    for (uint32_t k = 0; k < a->count; k++)
        if (a->at[k].priority < a->at[i].priority) return true;
    return false;
}

static struct server_place place_at(const struct host_addresses *a, uint32_t i, const struct pbc_server *s)
{
    struct server_place at = {a->addr[i], s->port, s->weight, s->flags & PBC_SERVER_BACKUP};
    if (a->at) at = (struct server_place){a->addr[i], a->at[i].port, weight_of(a, i), waits(a, i)};
    return at;
}

/* Return the server of that row in the other program if it has the same pool, name, host and family, and its address is
 * known there. */
static const struct pbc_server *server_at_row(const struct program *other, uint32_t row, const struct program *p,
                                              const struct pbc_named *n)
{
    const struct pbc_server *s = &p->servers[n->server], *t = &other->servers[other->named[row].server];
    const bool same = t->family == s->family && !(t->flags & PBC_SERVER_UNKNOWN) &&
                      !strcmp(program_str(other, other->named[row].host), program_str(p, n->host)) &&
                      !strcmp(program_str(other, t->name), program_str(p, s->name)) &&
                      !strcmp(program_str(other, other->pools[t->pool].name), program_str(p, p->pools[s->pool].name));
    return same ? t : NULL;
}

/* Find the server in any row of the other program; usually it is in the same row. */
static const struct pbc_server *server_there(const struct program *other, const struct program *p,
                                             const struct pbc_named *n)
{
    const struct program *o = without_past(other);
    const uint32_t row = (uint32_t)(n - p->named);
    const struct pbc_server *found = row < o->named_count ? server_at_row(o, row, p, n) : NULL;
    for (uint32_t i = 0; !found && i < o->named_count; i++) found = server_at_row(o, i, p, n);
    return found;
}

/* The decision about one server. */
enum moves { STAYS, MOVES, LEAVES };

/* Find the place for the server. */
static enum moves find_server_place(const struct rules *rules, const struct program *p, const struct pbc_server *all,
                                    const struct pbc_named *n, struct server_place *to)
{
    const struct pbc_server *s = &all[n->server];
    const bool v6 = s->family == 6, unknown = s->flags & PBC_SERVER_UNKNOWN;
    const struct host_name *h = names_find(rules, program_str(p, n->host));
    const struct host_addresses *a = h ? &h->of[v6] : NULL;
    const struct pbc_server *has = unknown ? server_there(rules->carry->now.program, p, n) : s;
    bool found = false;
    for (uint32_t i = 0; a && i < a->count; i++) {
        const struct server_place at = place_at(a, i, s);
        if (!at.port != !s->port || !live_is_of_host(at.addr, v6) || serves_at(p, s, at.addr) ||
            is_taken(p, all, n->server, &at))
            continue;
        const bool here = has && is_at(has, &at);
        if (!found || here) *to = at;
        found = true;
        if (here) break;
    }
    if (found) return MOVES;
    const bool none_left = n->flags & PBC_NAMED_ONE_OF && a && a->count; /* other servers have all addresses */
    if (!unknown) return none_left ? LEAVES : STAYS;
    if (!has || none_left) return STAYS;
    *to = (struct server_place){has->addr, has->port, has->weight, has->flags & PBC_SERVER_BACKUP};
    return is_taken(p, all, n->server, to) ? STAYS : MOVES;
}

/* Move one server. True: its entry has changed. */
static bool server_move(const struct rules *rules, const struct program *p, struct pbc_server *all, uint32_t row)
{
    const struct pbc_named *n = &p->named[row];
    struct pbc_server *s = &all[n->server], to = *s;
    struct server_place at;
    const enum moves moves = find_server_place(rules, p, all, n, &at);
    if (moves == STAYS) return false;
    if (moves == LEAVES) {
        program_forget_address(p, row, &to);
    } else {
        memcpy(to.addr, at.addr, sizeof to.addr);
        to.port = at.port;
        to.weight = at.weight;
        to.flags =
            (uint8_t)((to.flags & ~(PBC_SERVER_UNKNOWN | PBC_SERVER_BACKUP)) | (at.backup ? PBC_SERVER_BACKUP : 0));
    }
    if (!memcmp(&to, s, sizeof to)) return false;
    *s = to;
    return true;
}

/* Return the servers with the present addresses of their names; NULL: nothing has changed, or out of memory. Servers
 * that leave make room first. */
static struct pbc_server *servers_now(const struct rules *rules, const struct program *p)
{
    struct pbc_server *all = program_servers_copy(p);
    bool changed = false;
    for (uint32_t i = 0; all && i < p->named_count; i++) changed |= server_move(rules, p, all, i);
    if (changed) return all;
    free(all);
    return NULL;
}

struct program *named_program(const struct rules *rules, struct program *p)
{
    size_t len;
    char err[600] = "out of memory";
    struct pbc_server *servers = p->named_count ? servers_now(rules, without_past(p)) : NULL;
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

/* Report where the server is, if it was elsewhere in the former program. */
static void tell_move(const struct rules *rules, const struct program *p, const struct pbc_named *n,
                      const struct program *before)
{
    char now[INET6_ADDRSTRLEN], was[INET6_ADDRSTRLEN];
    const struct pbc_server *s = &p->servers[n->server], *there = server_there(before, p, n);
    const char *pool = program_str(p, p->pools[s->pool].name), *name = program_str(p, s->name),
               *host = program_str(p, n->host);
    const bool has = !(s->flags & PBC_SERVER_UNKNOWN);
    if (there ? has && !memcmp(there->addr, s->addr, sizeof s->addr) && there->port == s->port : !has) return;
    address_text(s->family, s->addr, now);
    if (there) address_text(s->family, there->addr, was);
    events_tell(&rules->tell->events, TOLD_NAMES, "%s/%s: %s %s%s%s%s%s", pool, name, host,
                has ? "is " : "has no address for this server any more", has ? now : "", has ? " now" : "",
                there ? "; it was " : "", there ? was : "");
}

void named_tell(const struct rules *rules, const struct program *before)
{
    const struct program *p = without_past(rules->carry->now.program);
    for (uint32_t i = 0; i < p->named_count; i++) tell_move(rules, p, &p->named[i], before);
}
