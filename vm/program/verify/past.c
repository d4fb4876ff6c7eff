/* The verifier's part for data after the parts of a file, from earlier programs (remap.h): each entry has only the
 * fields that remap_past_… leaves. */
#include <errno.h>

#include "vm/packet/key.h"
#include "vm/program/remap.h"
#include "vm/program/verify/verify_priv.h"
#include "vm/tables.h"

static bool verify_pool(const struct verifier *v, uint32_t i)
{
    const struct pbc_pool *pool = &v->p->pools[i];
    if (!verify_fields(v, FIELDS_POOL, i)) return false;
    if (pool->servers || pool->server_count || pool->sources || pool->source_count || pool->check != PBC_NONE)
        return fault(v, "pool %u belongs to an earlier program, but has fields that only current pools have", i);
    return pool->source_port_lo <= pool->source_port_hi || fault(v, "pool %u: source ports run backwards", i);
}

static bool verify_past_server(const struct verifier *v, uint32_t i)
{
    const struct pbc_server *s = &v->p->servers[i];
    if (s->pool < v->p->past->pools || s->pool >= v->p->pools_count || s->weight || s->check != PBC_NONE)
        return fault(
            v, "server %u belongs to no pool of an earlier program, or has fields that only current servers have", i);
    return verify_server(v, i);
}

/* Verify that each service has one branch, which leads nowhere, in the same order. */
static bool verify_service(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_service *s = &p->services[i];
    const uint32_t branch = p->past->branches + (i - p->past->services);
    if (!verify_fields(v, FIELDS_SERVICE, i)) return false;
    const bool takes = mode_is(s->mode, MODE_TAKES_PORT);
    const struct pbc_service alone = {.name = s->name,
                                      .branches = branch,
                                      .branch_count = 1,
                                      .mode = s->mode,
                                      .no_server = s->no_server,
                                      .gue_port = s->gue_port,
                                      .gue_variant = s->gue_variant,
                                      .mss = s->mss,
                                      .idle_ns = s->idle_ns};
    const struct pbc_branch nowhere = {.service = i};
    if (memcmp(s, &alone, sizeof alone) != 0 || memcmp(&p->branches[branch], &nowhere, sizeof nowhere) != 0)
        return fault(v, "service %u belongs to an earlier program, but has fields that only current services have", i);
    return (takes == (s->gue_port != 0) && s->gue_variant <= takes) ||
           fault(v, "service %u: GUE port %u and variant %u don't fit its mode", i, s->gue_port, s->gue_variant);
}

static bool verify_ids(const struct verifier *v)
{
    const struct program_past *past = v->p->past;
    for (uint32_t i = 0; i < v->p->services_count; i++)
        if (past->service_id[i] >= past->service_ids) return fault(v, "service %u: its id doesn't exist", i);
    for (uint32_t i = 0; i < v->p->servers_count; i++)
        if (past->server_id[i] >= past->server_ids) return fault(v, "server %u: its id doesn't exist", i);
    return true;
}

int program_verify_past(const struct program *p, char *err, size_t err_len)
{
    const struct verifier v = {.p = p, .err = err, .err_len = err_len, .devices = IFACE_OTHER};
    const struct program_past *past = p->past;
    bool good = verify_ids(&v);
    for (uint32_t i = past->pools; i < p->pools_count && good; i++) good = verify_pool(&v, i);
    for (uint32_t i = past->servers; i < p->servers_count && good; i++) good = verify_past_server(&v, i);
    for (uint32_t i = past->services; i < p->services_count && good; i++) good = verify_service(&v, i);
    for (uint32_t i = past->nats; i < program_all_nats(p) && good; i++) good = verify_past_nat(&v, i);
    return good ? 0 : -EINVAL;
}
