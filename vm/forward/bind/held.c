/* Places that flows hold at services, see held.h */
#include "vm/forward/bind/held.h"

#include "vm/forward/service.h"
#include "vm/program/swap.h"

static bool asks_clients(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (held_by_client(&p->services[i])) return true;
    return false;
}

bool held_init(struct held *h, const struct program *p, const struct vm_cfg *cfg)
{
    const bool asks = asks_clients(p);
    const bool counts = conns_init(&h->conns, p, &cfg->share);
    h->clients = asks ? clients_new(p->flows, cfg->seed) : NULL;
    return counts && (h->clients || !asks);
}

void held_fini(struct held *h)
{
    conns_fini(&h->conns);
    clients_free(h->clients);
}

void held_keep(struct held *to, struct held *from, const struct remap *r)
{
    conns_keep(&to->conns, &from->conns, r);
    if (from->clients) SWAP(to->clients, from->clients); /* server ids stay valid in later programs */
}

struct client_key held_client(const struct program *p, uint32_t service, const uint32_t addr[4], bool v6)
{
    return (struct client_key){
        .addr = {addr[0], addr[1], addr[2], addr[3]}, .service = program_service_id(p, service), .v6 = v6};
}

uint32_t held_server(const struct held *h, const struct program *p, const struct balance *b, uint32_t branch,
                     const struct key *key, uint64_t now_ns)
{
    const uint32_t service = p->branches[branch].service;
    const uint64_t keep_ns = p->services[service].affinity_ns;
    const struct client_key k = held_client(p, service, key->src, key->kind & KIND_IP6);
    if (!keep_ns) return PBC_NONE;
    const uint32_t kept = program_server_of(p, client_server(h->clients, &k, now_ns, keep_ns));
    return kept != PBC_NONE && balance_allows(b, branch, key, kept) ? kept : PBC_NONE;
}
