/* The parts of a remap in the making: what is the same in two programs, and the past. */
#pragma once

#include "vm/program/remap.h"

/* The remap that is being made. */
struct making {
    const struct program *from, *to;
    struct remap *r;
    struct program *view;
    struct program_past *past;
    struct pbc_pool *pools;
    struct pbc_server *servers;
    struct pbc_service *services;
    struct pbc_branch *branches;
    struct pbc_nat *nats;
    char *strings;
    uint64_t *until_ns;
    uint32_t *service_id, *server_id, *server_of;
    uint32_t *by_name;   /* servers of `to`, sorted */
    uint32_t *by_meter;  /* meters of `from`, sorted */
    uint32_t *past_pool; /* by pool of `from`: its number in the past; PBC_NONE */
    const uint8_t *gone;
    uint64_t now_ns;
};

/* remap_same.c: do flows of the one go on as flows of the other? */
bool remap_same_service(const struct program *a, const struct pbc_service *s, const struct program *b,
                        const struct pbc_service *t);
/* Are their clients counted, and do they keep servers, alike? */
bool remap_same_clients(const struct pbc_service *a, const struct pbc_service *b);
/* By their pools' names; or both have the target, or none. */
bool remap_same_shares(const struct program *a, const struct pbc_branch *s, const struct program *b,
                       const struct pbc_branch *t);
bool remap_same_nat(const struct program *a, const struct pbc_nat *s, const struct program *b, const struct pbc_nat *t);
/* Does balancing go on where it was? Do source ports, too? */
bool remap_same_pool(const struct program *a, const struct pbc_pool *s, const struct program *b,
                     const struct pbc_pool *t);
bool remap_same_sources(const struct program *a, const struct pbc_pool *s, const struct program *b,
                        const struct pbc_pool *t);
/* By device; both may be PBC_NONE. */
bool remap_same_iface(const struct program *a, uint32_t i, const struct program *b, uint32_t k);
/* By all that makes meters one: 0 means that counts go on. One without a name is known by its place. */
int remap_meter_order(const struct program *a, const struct pbc_meter *s, const struct program *b,
                      const struct pbc_meter *t);

/* remap_past.c: does anybody still use what is of the past already? True of all else. By its number in `from`. */
bool remap_uses_service(const struct making *m, uint32_t i);
bool remap_uses_server(const struct making *m, uint32_t i);
bool remap_uses_nat(const struct making *m, uint32_t i);
/* One of `from` stands in the view's past from here on; its number there. A service sends on as it did, and takes
 * nothing. */
uint32_t remap_past_service(struct making *m, uint32_t service);
uint32_t remap_past_server(struct making *m, uint32_t server);
uint32_t remap_past_nat(struct making *m, uint32_t nat);
