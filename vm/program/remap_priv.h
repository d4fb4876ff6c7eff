/* The parts of a remap in the making: equality of parts of two programs, and the past. */
#pragma once

#include "vm/program/fields/fields.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"

/* A remap in the making. */
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
    uint32_t *past_pool; /* [pool of `from`]: its number in the past, or PBC_NONE */
    const uint8_t *gone;
    uint64_t now_ns;
};

/* Room behind the parts of a file, in entries; of strings, in bytes */
struct view_room {
    size_t pools, servers, services, nats, strings;
    size_t server_ids; /* ids that servers had before */
};

/* Return the room for all parts of `from`. */
struct view_room remap_room(const struct program *from);
/* Make m->view from `to`, with that room, still empty, behind its parts; program_put frees the view. False: out of
 * memory. */
bool remap_view(struct making *m, struct program *to, const struct view_room *room);

/* remap_same.c: True if the state kept by the fields of two entries survives (enum field_keeps). */
bool remap_same(enum fields_of of, enum field_keeps what, const struct program *a, const void *x,
                const struct program *b, const void *y);
/* True if balancing continues from one pool to the other: KEEPS_BALANCE of the pool and of its servers, and
 * settings. */
bool remap_same_pool(const struct program *a, const struct pbc_pool *s, const struct program *b,
                     const struct pbc_pool *t);
/* True if both have the same pools by name; without pools, both have the target, or neither. */
bool remap_same_shares(const struct program *a, const struct pbc_branch *s, const struct program *b,
                       const struct pbc_branch *t);
/* True if both name the same device; both may be PBC_NONE. */
bool remap_same_iface(const struct program *a, uint32_t i, const struct program *b, uint32_t k);
/* Compare all parts of two meters: 0 means that counts continue. An unnamed meter is identified by its place. */
int remap_meter_order(const struct program *a, const struct pbc_meter *s, const struct program *b,
                      const struct pbc_meter *t);

/* remap_past.c: False if the part, a number of `from`, belongs to its past and is no longer used by flows. */
bool remap_uses_service(const struct making *m, uint32_t i);
bool remap_uses_server(const struct making *m, uint32_t i);
bool remap_uses_nat(const struct making *m, uint32_t i);
/* Put a part of `from` into the view's past. Return its number there. A past service sends on as before, and takes
 * nothing new. A past nat statement keeps its interface if the new program also names it, but no conditions. */
uint32_t remap_past_service(struct making *m, uint32_t service);
uint32_t remap_past_server(struct making *m, uint32_t server);
uint32_t remap_past_nat(struct making *m, uint32_t nat);

/* Map rules and firewalls of one program to those of another in which their counts continue: named rules by name and
 * verdict, firewalls by name and default. The caller fills both arrays with PBC_NONE; entries without a match keep it.
 * Return false if out of memory. n log n. */
bool remap_names(const struct program *from, const struct program *to, uint32_t *rule, uint32_t *firewall);
