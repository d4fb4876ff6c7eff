/* A pool for the tests of balancing: servers pool/s0, pool/s1, … with the weights given, and the lb over them. */
#ifndef TESTS_UNIT_VM_LB_POOL_H
#define TESTS_UNIT_VM_LB_POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rng.h"
#include "vm/forward/balance/balance_priv.h"

enum { POOL_MAX = 1100, PRIME = 65537 };

struct pool {
    struct lb *lb;
    uint32_t count;
    struct lb_server servers[POOL_MAX];
    char names[POOL_MAX][24];
};

/* Make a pool. weights NULL: 1 each. The memory has exactly the size of lb_bytes, so that sanitizers find a byte too
 * many. */
static inline void lb_pool_init(struct pool *p, enum lb_kind kind, uint32_t count, const uint16_t *weights)
{
    p->count = count;
    for (uint32_t i = 0; i < count; i++) {
        snprintf(p->names[i], sizeof p->names[i], "pool/s%u", i);
        p->servers[i] = (struct lb_server){.name = p->names[i], .weight = weights ? weights[i] : 1};
    }
    const struct lb_cfg cfg = {kind, p->servers, count, PRIME, lb_hash_key(LB_KEY_DEFAULT, strlen(LB_KEY_DEFAULT)), 7};
    void *memory = aligned_alloc(64, lb_bytes(&cfg));
    assert_non_null(memory);
    memset(memory, 0xa5, lb_bytes(&cfg));
    p->lb = lb_init(memory, &cfg);
}

static inline void lb_pool_fini(struct pool *p) { free(p->lb); }

/* Fill weights with 1..most, drawn. */
static inline void draw_weights(struct rng *r, uint16_t *weights, uint32_t count, unsigned most)
{
    for (uint32_t i = 0; i < count; i++) weights[i] = (uint16_t)(1 + rng_below(r, most));
}

#endif
