/* Pools by their servers, and capacity by source ports, of two programs side by side (compared.h) */
#include "runtime/preyctl/compared.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/image/image.h"
#include "compiler/resolve/services/service_work.h"
#include "runtime/report/json.h"

/* Return the pool of that name; PBC_NONE: none. */
static uint32_t pool_named(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->pools_count; i++)
        if (!strcmp(program_str(p, p->pools[i].name), name)) return i;
    return PBC_NONE;
}

static const struct pbc_server *server_named(const struct program *p, uint32_t pool, const char *name)
{
    for (uint32_t i = 0; pool != PBC_NONE && i < p->pools[pool].server_count; i++) {
        const struct pbc_server *s = &p->servers[p->pools[pool].servers + i];
        if (!strcmp(program_str(p, s->name), name)) return s;
    }
    return NULL;
}

static void weight_add(cJSON *to, const char *key, const struct pbc_server *s)
{
    if (s)
        json_number(to, key, s->weight);
    else
        cJSON_AddNullToObject(to, key);
}

static const struct pbc_named *row_of(const struct program *p, const struct pbc_server *s)
{
    return program_named(p, (uint32_t)(s - p->servers));
}

/* A server and its program, for one of the two sides */
struct side {
    const struct program *program;
    const struct pbc_server *server; /* NULL: the pool has no such server */
};

/* Return the host or service from which both servers have their addresses, or NULL. */
static const char *host_of_both(struct side was, struct side now)
{
    if (!was.server || !now.server || was.server->family != now.server->family) return NULL;
    const struct pbc_named *a = row_of(was.program, was.server), *b = row_of(now.program, now.server);
    const char *host = b ? program_str(now.program, b->host) : NULL;
    return a && b && a->flags == b->flags && !strcmp(program_str(was.program, a->host), host) ? host : NULL;
}

/* Add a server unless both are the same. */
static void server_add(cJSON *servers, const char *name, struct side of_old, struct side of_new)
{
    /* A server of the same name elsewhere is another server: connections to it end. A server with a host name has
     * the name's addresses, and one with a service's name also has its record's weight, regardless of the file. */
    const struct pbc_server *was = of_old.server, *now = of_new.server;
    const char *host = host_of_both(of_old, of_new);
    const bool moved =
        was && now && !host && (was->family != now->family || memcmp(was->addr, now->addr, sizeof was->addr) != 0);
    const bool same_weight = was && now && (was->weight == now->weight || (host && *host == '_'));
    const bool same_port = was && now && (was->port == now->port || (host && *host == '_'));
    if (same_weight && same_port && !moved) return;
    cJSON *one = json_object(servers);
    cJSON_AddStringToObject(one, "name", name);
    weight_add(one, "was", was);
    weight_add(one, "now", now);
    if (moved) cJSON_AddTrueToObject(one, "moved");
    if (was && now && !same_weight) cJSON_AddTrueToObject(one, "weighs");
    if (was && now && !same_port) {
        cJSON_AddTrueToObject(one, "another_port"); /* 0: the service's own */
        json_number(one, "port_was", was->port);
        json_number(one, "port_now", now->port);
    }
}

static void pool_add(cJSON *pools, const char *name, const struct program *old, uint32_t was, const struct program *new,
                     uint32_t now)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "pool", name);
    cJSON_AddBoolToObject(one, "new", was == PBC_NONE);
    cJSON_AddBoolToObject(one, "gone", now == PBC_NONE);
    /* The servers of the new pool that differ from the old one's, then those that only the old pool has. */
    cJSON *servers = cJSON_AddArrayToObject(one, "servers");
    for (uint32_t i = 0; now != PBC_NONE && i < new->pools[now].server_count; i++) {
        const struct pbc_server *s = &new->servers[new->pools[now].servers + i];
        const char *server = program_str(new, s->name);
        server_add(servers, server, (struct side){old, server_named(old, was, server)}, (struct side){new, s});
    }
    for (uint32_t i = 0; was != PBC_NONE && i < old->pools[was].server_count; i++) {
        const struct pbc_server *s = &old->servers[old->pools[was].servers + i];
        const char *server = program_str(old, s->name);
        if (!server_named(new, now, server))
            server_add(servers, server, (struct side){old, s}, (struct side){new, NULL});
    }
    const bool differs = was == PBC_NONE || now == PBC_NONE || cJSON_GetObjectItem(one, "servers")->child;
    if (differs)
        cJSON_AddItemToArray(pools, one);
    else
        cJSON_Delete(one);
}

cJSON *compared_pools(const struct program *old, const struct program *new)
{
    cJSON *pools = cJSON_CreateArray();
    for (uint32_t i = 0; i < new->pools_count; i++) {
        const char *name = program_str(new, new->pools[i].name);
        pool_add(pools, name, old, pool_named(old, name), new, i);
    }
    for (uint32_t i = 0; i < old->pools_count; i++) {
        const char *name = program_str(old, old->pools[i].name);
        if (pool_named(new, name) == PBC_NONE) pool_add(pools, name, old, i, new, PBC_NONE);
    }
    return pools;
}

/* Return the pool's capacity, computed by the compiler's function from a finished program's sections. */
static uint64_t pool_holds(const struct program *p, const struct pbc_pool *pool)
{
    struct image img = {0};
    img.sets = (struct pbc_set *)(uintptr_t)p->sets;
    img.set4 = (struct pbc_range *)(uintptr_t)p->set4;
    img.set6 = (struct pbc_range6 *)(uintptr_t)p->set6;
    img.servers = (struct pbc_server *)(uintptr_t)p->servers;
    return capacity_of(&img, pool).flows;
}

/* Sum the capacity of pools that a service reaches with its own address. False if there are none. */
static bool translated_flows(const struct program *p, uint64_t *flows)
{
    bool *translated = calloc(p->pools_count + 1u, sizeof *translated), any = false;
    *flows = 0;
    for (uint32_t i = 0; translated && i < p->services_count; i++)
        for (uint32_t b = 0; mode_is(p->services[i].mode, MODE_OWN_SOURCE) && b < p->services[i].branch_count; b++) {
            const struct pbc_branch *branch = &p->branches[p->services[i].branches + b];
            for (uint32_t k = 0; k < branch_shares(branch); k++) translated[p->shares[branch->shares + k].pool] = true;
        }
    for (uint32_t i = 0; translated && i < p->pools_count; i++) {
        any |= translated[i];
        if (translated[i]) *flows += pool_holds(p, &p->pools[i]);
    }
    free(translated);
    return any;
}

/* Return the size of the flow table; 0: it follows from memory. */
static uint64_t table_flows(const struct program *p) { return program_says_flows(p) ? p->settings->flows : 0; }

/* Add a number to a pair, an array whose elements have the names `was` and `now` for patterns. */
static void translated_add(cJSON *pair, const char *name, const struct program *p)
{
    uint64_t flows;
    if (translated_flows(p, &flows))
        json_number(pair, name, flows);
    else
        cJSON_AddNullToObject(pair, name);
}

cJSON *compared_capacity(const struct program *old, const struct program *new)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *translated = cJSON_AddArrayToObject(o, "translated"), *flows = cJSON_AddArrayToObject(o, "flows");
    translated_add(translated, "was", old);
    translated_add(translated, "now", new);
    json_number(flows, "was", table_flows(old));
    json_number(flows, "now", table_flows(new));
    return o;
}
