/* Least connections: the server with the fewest for its weight, conns / weight compared exactly. Equal servers take
 * turns as in round robin, among themselves.
 *
 * Up to SCAN_MAX servers all are compared. Above, two are drawn by weight and the better one serves, the first of
 * equals: the longest queue is then nearly as short (Mitzenmacher 2001), and a pick costs the same at any number. */
#include <stdio.h>
#include <string.h>

#include "vm/forward/balance/balance_priv.h"

enum { SCAN_MAX = 128 };

struct least {
    int64_t *riches; /* up to SCAN_MAX servers */
    struct draw draw;
};

static bool scans(const struct lb *lb) { return lb->cfg.count <= SCAN_MAX; }

static size_t least_bytes(const struct lb_cfg *cfg)
{
    return lb_round(sizeof(struct least)) +
           (cfg->count <= SCAN_MAX ? lb_round(cfg->count * sizeof(int64_t)) : draw_bytes(cfg->count));
}

static void least_init(struct lb *lb)
{
    uint8_t *rest = lb->state;
    struct least *l = lb_carve(&rest, sizeof *l);
    *l = (struct least){0};
    if (scans(lb))
        l->riches = lb_carve(&rest, lb->cfg.count * sizeof *l->riches);
    else
        draw_init(&l->draw, &rest, lb->cfg.count, lb->cfg.seed);
}

static void least_update(struct lb *lb)
{
    struct least *l = lb->state;
    if (scans(lb))
        memset(l->riches, 0, lb->cfg.count * sizeof *l->riches);
    else
        draw_update(&l->draw, lb->weights, lb->total);
}

/* Compare conns[a] / weights[a] with conns[b] / weights[b]: below, at, or above 0. */
static int load_order(const struct lb *lb, const uint32_t *conns, uint32_t a, uint32_t b)
{
    if (!conns) return 0;
    const uint64_t x = (uint64_t)conns[a] * lb->weights[b], y = (uint64_t)conns[b] * lb->weights[a];
    return (x > y) - (x < y);
}

/* Return the first server with the least connections; *equals: number of such servers. */
static uint32_t first_least(const struct lb *lb, const uint32_t *conns, uint32_t *equals)
{
    uint32_t best = LB_NONE;
    for (uint32_t i = 0; i < lb->cfg.count; i++) {
        if (!lb->weights[i]) continue;
        const int order = best == LB_NONE ? -1 : load_order(lb, conns, i, best);
        if (order < 0) best = i, *equals = 0;
        *equals += order <= 0;
    }
    return best;
}

/* Return the server whose turn it is among those equal to `least`; *sum: their weights. */
static uint32_t server_by_turn(const struct lb *lb, const uint32_t *conns, uint32_t least, uint32_t *sum)
{
    const int64_t *riches = ((const struct least *)lb->state)->riches;
    uint32_t best = least;
    *sum = 0;
    for (uint32_t i = least; i < lb->cfg.count; i++) {
        if (!lb->weights[i] || load_order(lb, conns, i, least)) continue;
        *sum += lb->weights[i];
        if (riches[i] + lb->weights[i] > riches[best] + lb->weights[best]) best = i;
    }
    return best;
}

static uint32_t scan(struct lb *lb, const uint32_t *conns)
{
    struct least *l = lb->state;
    uint32_t sum, equals;
    const uint32_t least = first_least(lb, conns, &equals);
    if (equals == 1) return least;
    const uint32_t best = server_by_turn(lb, conns, least, &sum);
    for (uint32_t i = least; i < lb->cfg.count; i++)
        if (lb->weights[i] && !load_order(lb, conns, i, least)) l->riches[i] += lb->weights[i];
    l->riches[best] -= sum;
    return best;
}

static uint32_t better_of_two(const struct lb *lb, const uint32_t *conns, uint64_t *random, uint32_t drawn[2])
{
    const struct least *l = lb->state;
    drawn[0] = draw_next(&l->draw, random);
    drawn[1] = draw_next(&l->draw, random);
    return drawn[load_order(lb, conns, drawn[1], drawn[0]) < 0];
}

static uint32_t least_pick(struct lb *lb, uint64_t hash, const uint32_t *conns)
{
    struct least *l = lb->state;
    uint32_t drawn[2];
    return scans(lb) ? scan(lb, conns) : better_of_two(lb, conns, &l->draw.random, drawn);
}

static void least_archive(struct lb *lb, struct archive *a)
{
    struct least *l = lb->state;
    if (scans(lb))
        lb_archive_riches(a, l->riches, lb->cfg.count);
    else
        ARCHIVE(a, l->draw.random);
}

static const char *plural(uint32_t n) { return n == 1 ? "" : "s"; }

static uint32_t least_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len)
{
    uint32_t best, sum, equals, drawn[2];
    if (scans(lb)) {
        const uint32_t least = first_least(lb, conns, &equals);
        best = server_by_turn(lb, conns, least, &sum);
        const uint32_t has = conns ? conns[best] : 0;
        if (equals == 1)
            snprintf(buf, len, "%u connection%s, the least for its weight", has, plural(has));
        else
            snprintf(buf, len, "%u connection%s, in turn among %u with the least", has, plural(has), equals);
    } else {
        uint64_t random = ((const struct least *)lb->state)->draw.random;
        best = better_of_two(lb, conns, &random, drawn);
        const uint32_t has = conns ? conns[best] : 0;
        snprintf(buf, len, "%u connection%s, the better of two drawn at random", has, plural(has));
    }
    return lb_explain_end(lb, best, buf, len);
}

const struct lb_ops lb_ops_LEAST_CONN = {
    .name = "least_conn",
    .hash = LB_HASH_NONE,
    .bytes = least_bytes,
    .init = least_init,
    .update = least_update,
    .pick = least_pick,
    .archive = least_archive,
    .explain = least_explain,
};
