/* Places that flows of a worker or a proxy loop hold: at service and server (conns.h), and at the service for their
 * client (affinity.h), which may keep its server */
#pragma once

#include "vm/forward/bind/affinity.h"
#include "vm/forward/bind/conns.h"
#include "vm/packet/key.h"

struct balance;

struct held {
    struct conns conns;
    struct clients *clients; /* NULL: no service limits or keeps clients */
};

/* Make the places of a program. False: out of memory; call held_fini all the same. */
bool held_init(struct held *h, const struct program *p, const struct vm_cfg *cfg);
void held_fini(struct held *h);
/* Move the places of `from` to `to`, of another program; `from` keeps the parts to be freed. */
void held_keep(struct held *to, struct held *from, const struct remap *r);

/* Return the key of a client at a service, by its address. */
struct client_key held_client(const struct program *p, uint32_t service, const uint32_t addr[4], bool v6);
/* True if the service limits its clients' flows or keeps their servers. */
static inline bool held_by_client(const struct pbc_service *s) { return s->affinity_ns || s->max_flows_per_source; }
/* Return the server that the packet's source keeps at the branch's service, if that is allowed; PBC_NONE: none. */
uint32_t held_server(const struct held *h, const struct program *p, const struct balance *b, uint32_t branch,
                     const struct key *key, uint64_t now_ns);
