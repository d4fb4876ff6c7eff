/* A worker's balancing, its parts: what balance.c has, and tests that count the tables that it built. */
#pragma once

#include "vm/forward/balance/lb.h"
#include "vm/forward/service.h"
#include "vm/shared/shared.h"

/* Servers that are balanced together. */
struct group {
    struct lb *lb;           /* NULL: no server */
    struct lb_server *names; /* [count], what lb was made of */
    uint32_t *server;        /* [count]: index in SERVERS */
    uint16_t *weights;       /* [count]: for lb_update */
    uint32_t *conns;         /* [count]: for lb_pick, where they do not stand together */
    uint32_t count;
    bool alias; /* the pool's group of all, owned there */
};
enum { ALL, V4, V6, GROUPS };

struct balance {
    const struct program *p;
    struct lb_hash_key key;
    uint64_t generation;
    const struct facts *facts; /* seen last */
    uint64_t step_ns;          /* when a weight changes by time alone; UINT64_MAX: none does */
    const uint32_t *conns;     /* [servers]; NULL: nobody counts */
    const struct share *share; /* instead, where several workers count together; NULL: this one is alone */
    uint64_t built;            /* tables, by balance_update */
    struct group (*pools)[GROUPS];
    char *names;       /* "POOL/SERVER" of every server, one after another */
    const char **name; /* [servers] */
    uint64_t *mark;    /* [servers]: hash of the name */
};
