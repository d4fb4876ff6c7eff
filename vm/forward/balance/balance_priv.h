/* The parts of a worker's balancing: for balance.c, and tests that count the tables built */
#pragma once

#include "vm/forward/balance/lb.h"
#include "vm/forward/service.h"
#include "vm/shared/shared.h"

/* Servers that are balanced together */
struct group {
    struct lb *lb;           /* NULL: no server */
    struct lb_server *names; /* [count], input of lb_init */
    uint32_t *server;        /* [count]: index in SERVERS */
    uint16_t *weights;       /* [count], for lb_update */
    uint32_t *conns;         /* [count], for lb_pick, if they are not adjacent */
    uint32_t count;
    bool alias; /* the same as the pool's group of all, which owns it */
};
enum { ALL, V4, V6, GROUPS };

struct balance {
    const struct program *p;
    struct lb_hash_key key;
    uint64_t generation;
    const struct facts *facts; /* latest facts */
    bool proxied;              /* picks are for proxies, which reach servers on this machine, too */
    uint64_t step_ns;          /* time when a weight next changes by time alone; UINT64_MAX: never */
    const uint32_t *conns;     /* [servers]; NULL: not counted */
    const struct share *share; /* used instead if several workers count together; NULL: this one is alone */
    uint64_t built;            /* tables built by balance_update */
    struct group (*pools)[GROUPS];
    char *names;       /* "POOL/SERVER" of every server, one after the other */
    const char **name; /* [servers] */
    uint64_t *mark;    /* [servers]: hash of the name */
};
