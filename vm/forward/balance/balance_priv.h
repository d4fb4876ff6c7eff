/* Shared by the balancing algorithms: the state of one pool, memory, and the two structures that several use. At the
 * end: the parts of a worker's balancing, for balance.c and for tests that count the tables built */
#pragma once

#include "vm/forward/balance/lb.h"
#include "vm/forward/service.h"
#include "vm/keyed/archive.h"
#include "vm/shared/shared.h"

#define LB(ident, name, doc) extern const struct lb_ops lb_ops_##ident;
#include "vm/lb.def"

struct lb {
    const struct lb_ops *ops;
    void *state;       /* state of the algorithm */
    uint64_t total;    /* sum of the weights; 0: no server can take a new flow */
    uint16_t *weights; /* effective weights: 0 also for backups that are not needed */
    struct lb_cfg cfg;
};

static inline size_t lb_round(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* Take lb_round(bytes) from memory whose size is the sum of such requests. */
static inline void *lb_carve(uint8_t **memory, size_t bytes)
{
    void *taken = *memory;
    *memory += lb_round(bytes);
    return taken;
}

/* Upper bound of a server's credit in turn-taking algorithms; real credits stay far below it */
#define RICHES_MOST (INT64_C(1) << 48)
void lb_archive_riches(struct archive *a, int64_t *riches, uint32_t count);

/* Write the end of a sentence that explains a pick: " -> b (weight 3 of 9, up)". Returns the server. */
uint32_t lb_explain_end(const struct lb *lb, uint32_t server, char *buf, size_t len);

/* The table of slots, for maglev and source; the only state in lb->state */
size_t slots_bytes(const struct lb_cfg *cfg);
void slots_init(struct lb *lb);
void slots_update(struct lb *lb);
uint32_t slots_pick(struct lb *lb, uint64_t hash, const uint32_t *conns);
uint32_t slots_count(const struct lb *lb);
uint32_t slots_index(const struct lb *lb, uint64_t hash);
uint32_t slots_at(const struct lb *lb, uint32_t index);
uint32_t slots_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len);

/* Draws by weight: an alias table (Walker 1977) in integers, so every server has exactly its share */
struct draw {
    uint32_t *stay, *other; /* column i (height `total`) belongs to server i below stay[i], above it to other[i] */
    uint32_t *pile;         /* used during construction */
    uint64_t total;
    uint64_t random; /* state of the generator */
    uint32_t columns;
};
size_t draw_bytes(uint32_t servers);
void draw_init(struct draw *d, uint8_t **memory, uint32_t servers, uint64_t seed);
void draw_update(struct draw *d, const uint16_t *weights, uint64_t total);
/* Draw a server. Advances *random, which is d->random or a copy. */
uint32_t draw_next(const struct draw *d, uint64_t *random);

/* Servers that are balanced together */
struct group {
    struct lb *lb;           /* NULL: no server */
    struct lb_server *names; /* [count], input of lb_init */
    uint32_t *server;        /* [count]: index in SERVERS */
    uint16_t *weights;       /* [count], for lb_update */
    uint32_t *conns;         /* [count], for lb_pick, if they are not adjacent */
    uint32_t count;
    bool alias; /* true: the same as the pool's ALL group, which owns the memory */
};
enum { ALL, V4, V6, GROUPS };

struct balance {
    const struct program *p;
    struct lb_hash_key key;
    uint64_t generation;
    const struct facts *facts; /* latest facts */
    bool proxied;              /* picks are for proxies, which reach servers on this machine, too */
    uint64_t step_ns;          /* next time at which a weight changes without new facts; 0: now; UINT64_MAX: never */
    const uint32_t *conns;     /* [servers]; NULL: not counted */
    const struct share *share; /* counts of all workers, used instead of `conns`; NULL: a single worker */
    uint64_t built;            /* tables built by balance_update */
    struct group (*pools)[GROUPS];
    char *names;       /* "POOL/SERVER" of every server, one after the other */
    const char **name; /* [servers] */
    uint64_t *mark;    /* [servers]: hash of the name */
};
