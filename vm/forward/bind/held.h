/* Places that a worker's or a proxy loop's flows hold: at service and server (conns.h), and at the service in the name
 * of their client (affinity.h), who may keep his server. */
#pragma once

#include "vm/forward/bind/affinity.h"
#include "vm/forward/bind/conns.h"
#include "vm/packet/key.h"

struct balance;

struct held {
    struct conns conns;
    struct clients *clients; /* NULL: no service asks what its clients hold or keep */
};

/* False: memory is out; held_fini all the same. */
bool held_init(struct held *h, const struct program *p, const struct vm_cfg *cfg);
void held_fini(struct held *h);
/* `to`, of another program, goes on with what `from` holds, which keeps what is to be freed. */
void held_keep(struct held *to, struct held *from, const struct remap *r);

/* The key of a client at a service, by his address. */
struct client_key held_client(const struct program *p, uint32_t service, const uint32_t addr[4], bool v6);
/* Does the service ask what its clients hold or keep? */
static inline bool held_by_client(const struct pbc_service *s) { return s->affinity_ns || s->max_flows_per_source; }
/* The server that the packet's source keeps at the branch's service, and may; PBC_NONE: none. */
uint32_t held_server(const struct held *h, const struct program *p, const struct balance *b, uint32_t branch,
                     const struct key *key, uint64_t now_ns);
