/* The past: parts of an earlier program that flows still use, behind those of the file (remap.h). */
#include <stdlib.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/program/remap.h"
#include "vm/program/remap_priv.h"

bool remap_uses_service(const struct making *m, uint32_t i)
{
    const struct program_past *past = m->from->past;
    return !m->gone || !past || i < past->services || !m->gone[i];
}
bool remap_uses_server(const struct making *m, uint32_t i)
{
    return !m->gone || !program_is_past(m->from, i) || !m->gone[m->from->services_count + i];
}
bool remap_uses_nat(const struct making *m, uint32_t i)
{
    return !m->gone || i < m->from->nats_count || !m->gone[m->from->services_count + m->from->servers_count + i];
}

/* Copy a name of `from` into the strings of the view. */
static uint32_t keep_name(struct making *m, uint32_t name)
{
    const char *text = program_str(m->from, name);
    const uint32_t at = m->view->strings_count;
    memcpy(m->strings + at, text, strlen(text) + 1);
    m->view->strings_count += (uint32_t)strlen(text) + 1;
    return name ? at : 0;
}

static uint32_t past_pool(struct making *m, uint32_t pool)
{
    if (m->past_pool[pool] != PBC_NONE) return m->past_pool[pool];
    const uint32_t at = m->view->pools_count++;
    struct pbc_pool *p = &m->pools[at];
    *p = m->from->pools[pool];
    p->name = keep_name(m, p->name);
    p->place = (struct pbc_place){0};
    p->servers = p->server_count = p->sources = p->source_count = 0;
    p->check = PBC_NONE;
    m->r->pool_past[at] = pool;
    return m->past_pool[pool] = at;
}

static uint64_t drained_ns(const struct making *m, uint32_t server)
{
    const struct program *p = m->from;
    if (program_is_past(p, server)) return p->past->until_ns[server - p->past->servers];
    const uint64_t drain = p->pools[p->servers[server].pool].drain_ns;
    return drain > UINT64_MAX - m->now_ns ? UINT64_MAX : m->now_ns + drain;
}

uint32_t remap_past_server(struct making *m, uint32_t server)
{
    const uint64_t until = drained_ns(m, server);
    const uint32_t at = m->view->servers_count++;
    struct pbc_server *s = &m->servers[at];
    *s = m->from->servers[server];
    s->name = keep_name(m, s->name);
    s->pool = past_pool(m, s->pool);
    s->place = (struct pbc_place){0};
    s->check = PBC_NONE;
    s->weight = 0;
    m->until_ns[at - m->past->servers] = until;
    return at;
}

uint32_t remap_past_service(struct making *m, uint32_t service)
{
    const struct pbc_service *was = &m->from->services[service];
    const uint32_t at = m->view->services_count++, branch = m->view->branches_count++;
    m->services[at] = (struct pbc_service){.name = keep_name(m, was->name),
                                           .branches = branch,
                                           .branch_count = 1,
                                           .mode = was->mode,
                                           .no_server = was->no_server,
                                           .gue_port = was->gue_port,
                                           .gue_variant = was->gue_variant,
                                           .mss = was->mss,
                                           .idle_ns = was->idle_ns};
    m->branches[branch] = (struct pbc_branch){.service = at};
    return at;
}

uint32_t remap_past_nat(struct making *m, uint32_t nat)
{
    const uint32_t at = m->to->nats_count + m->past->nats_count++;
    struct pbc_nat *n = &m->nats[at];
    *n = m->from->nats[nat];
    n->name = keep_name(m, n->name);
    n->place = (struct pbc_place){0};
    n->from = n->from_count = n->outside = n->outside_count = 0;
    n->conds = n->cond_count = n->ports = n->port_count = 0;
    const uint16_t iface = n->iface < m->r->ifaces ? m->r->iface[n->iface] : IFACE_NONE;
    n->iface = iface == IFACE_NONE ? PBC_NONE : iface;
    return at;
}

static void free_const(const void *p) { free((void *)(uintptr_t)p); }

bool program_is_plain(const struct program *p)
{
    const struct program_past *past = p->past;
    if (!past) return true;
    bool plain = p->pools_count == past->pools && p->servers_count == past->servers &&
                 p->services_count == past->services && p->branches_count == past->branches && !past->nats_count &&
                 past->service_ids == p->services_count && past->server_ids == p->servers_count;
    for (uint32_t i = 0; plain && i < p->services_count; i++) plain = past->service_id[i] == i;
    for (uint32_t i = 0; plain && i < p->servers_count; i++) plain = past->server_id[i] == i;
    return plain;
}

void program_past_free(const struct program *p)
{
    const struct program_past *past = p->past;
    free_const(p->pools);
    free_const(p->servers);
    free_const(p->services);
    free_const(p->branches);
    free_const(p->nats);
    free_const(p->strings);
    free_const(past->until_ns);
    free_const(past->service_id);
    free_const(past->server_id);
    free_const(past->server_of);
    program_put(past->under);
    free_const(past);
}
