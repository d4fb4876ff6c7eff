/* round_robin and least_conn against slow, plain models: fractions compared as fractions, no groups in levels, no
 * second look. And what the models can't show: exact parts of a cycle, and the spread. */
#include "tests/unit/vm/lb_pool.h"

/* Smooth weighted round robin over entries first..end, each of which may be a group of lower ones. */
struct model {
    int64_t riches[5][POOL_MAX];
    const uint16_t *weights;
    uint32_t count;
};

static uint32_t width(unsigned level) { return level ? 32 * width(level - 1) : 1; }

static int64_t weight_of(const struct model *m, unsigned level, uint32_t entry)
{
    int64_t sum = 0;
    for (uint32_t i = entry * width(level); i < (entry + 1) * width(level) && i < m->count; i++) sum += m->weights[i];
    return sum;
}

static uint32_t model_turn(struct model *m, unsigned level, uint32_t group)
{
    const uint32_t first = group * 32;
    uint32_t best = first;
    int64_t total = 0;
    for (uint32_t i = first; i < first + 32 && i * width(level) < m->count; i++) {
        m->riches[level][i] += weight_of(m, level, i);
        total += weight_of(m, level, i);
        if (m->riches[level][i] > m->riches[level][best]) best = i;
    }
    m->riches[level][best] -= total;
    return level ? model_turn(m, level - 1, best) : best;
}

static unsigned top_level(uint32_t count)
{
    unsigned level = 0;
    while (32 * width(level) < count) level++;
    return level;
}

static void expect_cycle(const uint16_t *weights, uint32_t count, const char *cycle)
{
    static struct pool p;
    lb_pool_init(&p, LB_ROUND_ROBIN, count, weights);
    for (unsigned twice = 0; twice < 2; twice++)
        for (const char *c = cycle; *c; c++) assert_int_equal(lb_pick(p.lb, 0, NULL), *c - 'a');
    lb_pool_fini(&p);
}

static void test_cycles(void **state)
{
    (void)state;
    expect_cycle((uint16_t[]){2, 1}, 2, "aba");
    expect_cycle((uint16_t[]){5, 1, 1}, 3, "aabacaa");
    expect_cycle((uint16_t[]){1, 1, 1}, 3, "abc");
    expect_cycle((uint16_t[]){5, 3, 1}, 3, "abacababa");
    expect_cycle((uint16_t[]){0, 1000, 1000}, 3, "bc");
}

static void test_round_robin_model(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 10, 32, 33, 64, 100, 1000, 1025};
    static struct pool p;
    static struct model m;
    static uint16_t weights[POOL_MAX];
    struct rng r = {6};
    for (unsigned c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        draw_weights(&r, weights, counts[c], c % 2 ? 1000 : 3);
        if (counts[c] > 1) weights[rng_below(&r, counts[c])] = 0;
        m = (struct model){.weights = weights, .count = counts[c]};
        lb_pool_init(&p, LB_ROUND_ROBIN, counts[c], weights);
        for (unsigned i = 0; i < 2000; i++)
            assert_int_equal(lb_pick(p.lb, 0, NULL), model_turn(&m, top_level(counts[c]), 0));
        lb_pool_fini(&p);
    }
}

/* In as many turns as the sum of the weights each server gets exactly its weight; no server waits much longer than
 * its due. */
static void test_round_robin_parts(void **state)
{
    (void)state;
    static struct pool p;
    static uint16_t weights[1000];
    static uint32_t got[1000], before[1000], wait[1000];
    struct rng r = {7};
    draw_weights(&r, weights, 1000, 20);
    weights[3] = 1000, weights[4] = 0;
    lb_pool_init(&p, LB_ROUND_ROBIN, 1000, weights);
    for (unsigned cycle = 0; cycle < 3; cycle++) {
        memset(got, 0, sizeof got);
        for (uint32_t i = 0; i < p.lb->total; i++) {
            const uint32_t s = lb_pick(p.lb, 0, NULL), now = (uint32_t)(cycle * p.lb->total) + i;
            if (now - before[s] > wait[s]) wait[s] = now - before[s];
            before[s] = now;
            got[s]++;
        }
        for (uint32_t i = 0; i < 1000; i++) assert_int_equal(got[i], weights[i]);
    }
    for (uint32_t i = 0; i < 1000; i++) assert_true((uint64_t)wait[i] * weights[i] <= 4 * p.lb->total);
    lb_pool_fini(&p);
}

/* The cycle continues after an update that changes nothing, and starts again after one that does. */
static void test_round_robin_update(void **state)
{
    (void)state;
    static struct pool p;
    lb_pool_init(&p, LB_ROUND_ROBIN, 3, NULL);
    assert_int_equal(lb_pick(p.lb, 0, NULL), 0);
    lb_update(p.lb, NULL);
    assert_int_equal(lb_pick(p.lb, 0, NULL), 1);
    lb_update(p.lb, (uint16_t[]){1, 0, 1});
    assert_int_equal(lb_pick(p.lb, 0, NULL), 0);
    assert_int_equal(lb_pick(p.lb, 0, NULL), 2);
    lb_update(p.lb, (uint16_t[]){0, 0, 0});
    assert_true(lb_pick(p.lb, 0, NULL) == LB_NONE);
    lb_update(p.lb, (uint16_t[]){0, 1, 0});
    assert_int_equal(lb_pick(p.lb, 0, NULL), 1);
    lb_pool_fini(&p);
}

/* The state of its picks goes into a new one, even while no server is up: returning servers are picked as they would
 * have been. */
static void expect_archived(uint32_t count, const uint16_t *weights, const uint16_t *last)
{
    static struct pool p, copy;
    static uint8_t bytes[1 << 16];
    lb_pool_init(&p, LB_ROUND_ROBIN, count, NULL);
    lb_pool_init(&copy, LB_ROUND_ROBIN, count, NULL);
    lb_update(p.lb, weights);
    for (unsigned i = 0; i < 5; i++) lb_pick(p.lb, 0, NULL);
    if (last) lb_update(p.lb, last);
    struct archive to = {.at = bytes, .left = sizeof bytes};
    lb_archive(p.lb, &to);
    struct archive from = {.at = bytes, .left = sizeof bytes - to.left, .reads = true};
    lb_archive(copy.lb, &from);
    assert_false(to.bad || from.bad || from.left);
    lb_update(p.lb, weights);
    lb_update(copy.lb, weights);
    for (unsigned i = 0; i < 500; i++) assert_int_equal(lb_pick(copy.lb, 0, NULL), lb_pick(p.lb, 0, NULL));
    lb_pool_fini(&p);
    lb_pool_fini(&copy);
}

static void test_round_robin_archive(void **state)
{
    (void)state;
    static const uint16_t none[100];
    static uint16_t weights[100];
    struct rng r = {9};
    draw_weights(&r, weights, 100, 9);
    expect_archived(3, (uint16_t[]){5, 0, 2}, NULL);
    expect_archived(3, (uint16_t[]){5, 0, 2}, none);
    expect_archived(100, weights, NULL);
    expect_archived(100, weights, none);
}

/* Pick by equal connections per weight; then smoothly among those, which keep their gain when others join or leave. */
static uint32_t model_least(int64_t *riches, const uint16_t *weights, const uint32_t *conns, uint32_t count)
{
    uint32_t best = LB_NONE;
    int64_t total = 0;
    bool equal[POOL_MAX];
    for (uint32_t i = 0; i < count; i++) {
        equal[i] = weights[i] > 0;
        for (uint32_t k = 0; k < count; k++)
            if (weights[k] && (uint64_t)conns[k] * weights[i] < (uint64_t)conns[i] * weights[k]) equal[i] = false;
    }
    for (uint32_t i = 0; i < count; i++) total += equal[i] ? weights[i] : 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!equal[i]) continue;
        riches[i] += weights[i];
        if (best == LB_NONE || riches[i] > riches[best]) best = i;
    }
    riches[best] -= total;
    return best;
}

static void test_least_conn_model(void **state)
{
    (void)state;
    static struct pool p;
    static uint16_t weights[128];
    static uint32_t conns[128];
    static const uint32_t counts[] = {1, 2, 3, 10, 128};
    struct rng r = {8};
    for (unsigned c = 0; c < 10; c++) {
        const uint32_t n = counts[c / 2];
        int64_t riches[POOL_MAX] = {0};
        draw_weights(&r, weights, n, c % 2 ? 1000 : 3);
        if (n > 1) weights[rng_below(&r, n)] = 0;
        memset(conns, 0, sizeof conns);
        lb_pool_init(&p, LB_LEAST_CONN, n, weights);
        for (unsigned i = 0; i < 1000; i++) {
            const uint32_t picked = lb_pick(p.lb, 0, conns);
            assert_int_equal(picked, model_least(riches, weights, conns, n));
            conns[picked]++;
            const uint32_t ends = rng_below(&r, n);
            if (conns[ends] && rng_one_in(&r, 2)) conns[ends]--;
        }
        lb_pool_fini(&p);
    }
}

/* If flows only come, connections settle at the weights; large counts don't overflow. */
static void test_least_conn_parts(void **state)
{
    (void)state;
    static struct pool p;
    uint32_t conns[3] = {0}, many[3] = {4294968, 4294967, UINT32_MAX}; /* times 1,000: above and below 2^32 */
    lb_pool_init(&p, LB_LEAST_CONN, 3, (uint16_t[]){5, 3, 1});
    for (unsigned i = 0; i < 900; i++) conns[lb_pick(p.lb, 0, conns)]++;
    assert_true(conns[0] == 500 && conns[1] == 300 && conns[2] == 100);
    lb_update(p.lb, (uint16_t[]){1000, 1000, 1000});
    assert_int_equal(lb_pick(p.lb, 0, many), 1);
    lb_pool_fini(&p);
    lb_pool_init(&p, LB_LEAST_CONN, 2, (uint16_t[]){2, 1});
    for (unsigned i = 0; i < 6; i++) assert_int_equal(lb_pick(p.lb, 0, NULL), i % 3 == 1);
    lb_pool_fini(&p);
}

/* A thousand servers: the better of two. Connections stay close to the weights, far closer than with plain draws. */
static void test_least_conn_many(void **state)
{
    (void)state;
    static struct pool p;
    static uint16_t weights[1000];
    static uint32_t conns[1000];
    for (uint32_t i = 0; i < 1000; i++) weights[i] = (uint16_t)(i % 10);
    lb_pool_init(&p, LB_LEAST_CONN, 1000, weights);
    for (unsigned i = 0; i < 4500 * 20; i++) conns[lb_pick(p.lb, 0, conns)]++;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(conns[i] <= 23u * weights[i] + 4);
        assert_true(conns[i] + 8 + 4u * weights[i] >= 20u * weights[i]);
    }
    lb_pool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_round_robin_model),
        cmocka_unit_test(test_round_robin_parts),
        cmocka_unit_test(test_round_robin_update),
        cmocka_unit_test(test_round_robin_archive),
        cmocka_unit_test(test_least_conn_model),
        cmocka_unit_test(test_least_conn_parts),
        cmocka_unit_test(test_least_conn_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
