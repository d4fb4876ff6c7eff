/* Random: each flow by the weights only, from a generator that starts at the worker's seed. A pick costs the same
 * for any number of servers: see draw.c. */
#include <stdio.h>

#include "vm/forward/balance/balance_priv.h"

static size_t random_bytes(const struct lb_cfg *cfg) { return lb_round(sizeof(struct draw)) + draw_bytes(cfg->count); }

static void random_init(struct lb *lb)
{
    uint8_t *rest = lb->state;
    struct draw *d = lb_carve(&rest, sizeof *d);
    draw_init(d, &rest, lb->cfg.count, lb->cfg.seed);
}

static void random_update(struct lb *lb) { draw_update(lb->state, lb->weights, lb->total); }

static uint32_t random_pick(struct lb *lb, uint64_t hash, const uint32_t *conns)
{
    struct draw *d = lb->state;
    return draw_next(d, &d->random);
}

static void random_archive(struct lb *lb, struct archive *a)
{
    struct draw *d = lb->state;
    ARCHIVE(a, d->random);
}

static uint32_t random_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len)
{
    const struct draw *d = lb->state;
    uint64_t random = d->random;
    snprintf(buf, len, "drawn");
    return lb_explain_end(lb, draw_next(d, &random), buf, len);
}

const struct lb_ops lb_ops_RANDOM = {
    .name = "random",
    .hash = LB_HASH_NONE,
    .bytes = random_bytes,
    .init = random_init,
    .update = random_update,
    .pick = random_pick,
    .archive = random_archive,
    .explain = random_explain,
};
