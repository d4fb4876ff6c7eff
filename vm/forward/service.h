/* Services: which branch takes a packet that the firewall accepted, and which server of its pools. */
#pragma once

#include "vm/judge/decide.h"
#include "vm/keyed/archive.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"

/* The branch that takes the packet, or PBC_NONE, by the plain list: the most specific of all endpoints that hold it,
 * then the first branch of its service whose conditions hold. The oracle for the code. */
uint32_t service_branch(const struct program *p, const struct key *key, const struct pkt *pkt);

/* What only the program knows of a parsed packet: where own addresses are known, traffic that would cross the machine
 * but is for a service counts as `in`. vm_run does it; so must whoever parses for the functions above. */
void key_settle(const struct program *p, struct key *key);
/* The branch of a service (index in BRANCHES) that takes an accepted packet, by the list; PBC_NONE. program_serve
 * (judge/decide.h) says it by the code. */
uint32_t program_serve_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* Where a `forward` or a `map` of a nat leads an accepted packet that no service takes: the first that fits. False:
 * none does. What a mapping that stands would lead elsewhere is not asked. */
struct turned {
    uint32_t nat; /* the statement */
    uint32_t dst[4];
    uint16_t dst_port;
};
bool program_turned(const struct program *p, const struct key *key, struct turned *t);

/* The most specific endpoint that holds the packet, or PBC_NONE. */
uint32_t service_endpoint(const struct program *p, const struct key *key);

/* Every pool's balancing, one worker's. Tables are made here, and when facts change; never by a packet. NULL: no
 * memory. */
struct balance;
struct balance *balance_new(const struct program *p, uint64_t seed);
void balance_free(struct balance *b);
/* `to`, of another program, goes on with the pools of `from` that are the same there. */
void balance_keep(struct balance *to, struct balance *from, const struct remap *r);
/* Take tables that depend on weights alone (maglev, source) from `tables`, of the same program, in exchange. */
void balance_take(struct balance *b, struct balance *tables);
/* What servers can do, if it changed: health, and how far those have come that start slowly. */
void balance_update(struct balance *b, const struct facts *facts, uint64_t now_ns);
/* When the last balance_update holds no longer, its facts being the same; UINT64_MAX: it does for good. */
uint64_t balance_until(const struct balance *b);
/* Has the program any? */
bool balance_has_tables(const struct program *p);
/* What picks have left behind (keyed/archive.h), into balancing that is new; balance_update is to follow. */
void balance_archive(struct balance *b, struct archive *a);
/* Live connections by server, which `least_conn` looks at; the array stays the caller's. */
void balance_by(struct balance *b, const uint32_t *conns);
/* Those of all workers instead, where they are counted together; it stays the caller's. */
void balance_share(struct balance *b, const struct share *s);
/* The next server of the same pool that new flows may go to, for a flow of the branch's service; PBC_NONE: no other. */
uint32_t balance_next(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server);
/* May the server take new flows of the branch, by pools, mode and family, and is it up? */
bool balance_allows(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server);

/* The pool by share, then the server by the pool's balance, among those that the service's mode and the client's family
 * allow. `pool` and `server` are PBC_NONE where there is none. */
struct pick {
    uint32_t pool, server;
};
struct pick balance_pick(struct balance *b, uint32_t branch, const struct key *key);
/* By a value instead, which stands for the client: the same server for the same value, by weight, as long as it takes
 * new flows. What a server's going or coming moves is its own part alone. Reads all servers of the pool. */
struct pick balance_pick_by_value(const struct balance *b, uint32_t branch, const struct key *key, uint64_t value);
/* A number that stands for the server on every machine, by "POOL/SERVER" and the hash key; never 0. And the server of
 * that number, if balance_allows it; PBC_NONE. */
uint64_t balance_mark(const struct balance *b, uint32_t server);
uint32_t balance_marked(const struct balance *b, uint32_t branch, const struct key *key, uint64_t mark);
/* The same pool as balance_pick; its server, PBC_NONE: none; and its choice in words (lb_explain). */
uint32_t balance_explain(const struct balance *b, uint32_t branch, const struct key *key, char *buf, size_t len);
/* Would it find a server? */
bool balance_any(const struct balance *b, uint32_t branch, const struct key *key);
uint32_t balance_pool(const struct balance *b, uint32_t branch, const struct key *key);
