/* Balancing: the choice of a server of a pool for a new flow. Each algorithm is a file in vm/forward/balance/ that ends
 * in its ops; the row LB(ident, name, doc) in vm/lb.def is the only other place that names it. A row's position is its
 * number in a .pbc.
 *
 * A `struct lb` is one worker's state over one pool, in memory that the caller provides. Nothing is ever allocated.
 * lb_update is the slow half: called between batches when facts change the weights, never by a packet. lb_pick is the
 * fast half: called for a packet, bounded, deterministic in its arguments and state.
 *
 * Rules for every algorithm:
 *   - A server with an effective weight of 0 (0 in the rules or the facts, or it is down) is never picked.
 *   - Backups have an effective weight only while no other server has one: lb_update does that before ops->update,
 *     so an algorithm knows nothing of backups.
 *   - Weights are honoured over the servers that are left; a pool with one server left always picks it.
 *   - If no server is left, the pick is LB_NONE.
 *   - The same calls with the same cfg give the same picks on every machine.
 *
 * The algorithms:
 *   maglev       After the paper (Eisenbud et al., NSDI 2016, section 3.4): a table of `slots` entries (a prime); each
 *                server walks its own permutation, offset and skip from two hashes of its name with the hash key;
 *                turns in proportion to the weights. lb_pick is one read: slots[(hash & 0xffffffff) * slots >> 32].
 *                A server's slots differ from its exact share by less than one. A server that leaves moves under 1 %
 *                of the others' slots, except in rare pools (10, 100, 1,000 servers at 65,537; README.md). The table
 *                depends on names, effective weights, key and slots only, not on the order of the servers or the
 *                former table.
 *                If a pool has more servers with weight than slots, the rest get none.
 *   round_robin  Smooth: each turn every server gains its weight, the richest serves and pays the total; a, a, b as
 *                a b a. If several are equally rich, the first in the file serves. More than 32 servers take turns
 *                in groups, so a pick is bounded (round_robin.c). lb_update starts the cycle again only in a group
 *                with a changed weight.
 *   least_conn   The server with the fewest connections for its weight (conns[i] / weight, compared exactly); equal
 *                ones take turns, smooth by weight. Without connection counts (conns NULL) all are equal. Above 128
 *                servers the better of two drawn by weight, from a generator seeded with cfg.seed.
 *   random       By weight, from a generator seeded with cfg.seed; each server has its exact share, with negligible
 *                bias.
 *   source       By the client's address only (LB_HASH_SOURCE), so a client keeps its server while the pool is the
 *                same. Weighted. With maglev's table, a change of one server moves few clients of the others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/forward/service.h"
#include "vm/tables.h"

/* The fields that a flow's hash covers. Addresses as in struct key (host order, IPv4 in word 0, the rest 0); absent
 * ports are 0. */
struct lb_flow {
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port;
    uint8_t proto, family; /* IP protocol; 4 or 6 */
    uint16_t reserved;     /* 0 */
};
uint64_t lb_hash_flow(struct lb_hash_key key, const struct lb_flow *flow);
uint64_t lb_hash_source(struct lb_hash_key key, const struct lb_flow *flow); /* family and client's address only */

/* The hash that an algorithm's lb_pick needs */
enum lb_hash { LB_HASH_NONE, LB_HASH_FLOW, LB_HASH_SOURCE };

struct lb_server {
    const char *name; /* "POOL/SERVER", which determines its slots; owned by the caller, valid as long as the lb */
    uint16_t weight;  /* 0..LB_WEIGHT_MAX, as in the rules */
    bool backup;
};

struct lb_cfg {
    enum lb_kind kind;
    const struct lb_server *servers; /* owned by the caller, valid as long as the lb */
    uint32_t count;                  /* 1..LB_SERVERS_MAX */
    uint32_t slots;                  /* `limits { maglev N }`; if N is not a prime, the next lower prime is used */
    struct lb_hash_key key;
    uint64_t seed; /* random */
};

struct lb;

/* Return the number of bytes that lb_init needs for this pool, including scratch memory of lb_update. */
size_t lb_bytes(const struct lb_cfg *cfg);
/* Lay the state out in `memory` (64-byte aligned, lb_bytes long) and update it with the weights of the rules, all
 * servers up. */
struct lb *lb_init(void *memory, const struct lb_cfg *cfg);
/* Set the weights: weights[i] for server i, 0 while it is down; NULL: as in the rules. False: the tables stay,
 * because no weight changed or none is above 0. Building a table of 65,537 slots takes about a millisecond; other
 * algorithms take microseconds. */
bool lb_update(struct lb *lb, const uint16_t *weights);
/* Return the server for a new flow, an index into cfg.servers, or LB_NONE. hash: the one that lb_wants names, or 0.
 * conns[i]: live connections of server i, or NULL. */
uint32_t lb_pick(struct lb *lb, uint64_t hash, const uint32_t *conns);
/* Write the state that picks left behind, or read it into a new balancer (keyed/archive.h). */
struct archive;
void lb_archive(struct lb *lb, struct archive *a);
bool lb_any(const struct lb *lb); /* true if lb_pick would find a server */
/* Return the next usable server after `server` in the pool's order, wrapping at the end; LB_NONE: no other. */
uint32_t lb_next(const struct lb *lb, uint32_t server);
/* Return the server for a hash of a client's value, for any algorithm (value.c). names[server[i]]: hash of i's name. */
uint32_t lb_by_value(const struct lb *lb, const uint32_t *server, const uint64_t *names, uint64_t hash);
enum lb_hash lb_wants(enum lb_kind kind);
/* Explain the next lb_pick with these arguments, with the server's name without its pool: "hash 0x5ba1c0de12345678,
 * slot 40213 of 65537 -> b (weight 3 of 9, up)". Return its result; nothing changes. */
uint32_t lb_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len);

/* One algorithm. Servers without effective weight have weights[i] == 0; at least one has more than 0 when pick is
 * called. */
struct lb_ops {
    const char *name;
    enum lb_hash hash;
    size_t (*bytes)(const struct lb_cfg *cfg); /* size of its own state, behind struct lb */
    void (*init)(struct lb *lb);
    void (*update)(struct lb *lb); /* called when lb->weights have changed */
    uint32_t (*pick)(struct lb *lb, uint64_t hash, const uint32_t *conns);
    void (*archive)(struct lb *lb, struct archive *a); /* NULL: the state follows from the weights */
    uint32_t (*explain)(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len);
};
