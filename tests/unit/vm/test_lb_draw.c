/* Draws by weight: the alias table has exactly the weights, and draws follow them, also by source. */
#include "tests/unit/vm/lb_pool.h"

/* A server's part in all columns is its weight times their number: nothing lost, nothing rounded. */
static void test_table(void **state)
{
    (void)state;
    static uint16_t weights[POOL_MAX];
    static uint64_t has[POOL_MAX];
    static const uint32_t counts[] = {1, 2, 3, 7, 64, 1000, POOL_MAX};
    struct rng r = {9};
    for (unsigned c = 0; c < 40; c++) {
        const uint32_t n = counts[c % 7];
        uint64_t total = 0;
        for (uint32_t i = 0; i < n; i++) {
            weights[i] = (uint16_t)(rng_one_in(&r, 3) ? 0 : 1 + rng_below(&r, c % 2 ? 1000 : 2));
            if (i == n / 2) weights[i] = 1000;
            total += weights[i];
        }
        uint8_t *memory = aligned_alloc(64, draw_bytes(n)), *rest = memory;
        assert_non_null(memory);
        struct draw d;
        draw_init(&d, &rest, n, 1);
        draw_update(&d, weights, total);
        memset(has, 0, sizeof has);
        for (uint32_t i = 0; i < n; i++) {
            const uint64_t stay = d.stay[i] < total ? d.stay[i] : total;
            has[i] += stay;
            has[d.other[i]] += total - stay;
        }
        for (uint32_t i = 0; i < n; i++) assert_true(has[i] == (uint64_t)weights[i] * n);
        free(memory);
    }
}

/* Chi-squared over 1,000,000 draws, ten servers: below 27.9 in 999 of 1,000 cases; the seed is fixed. */
static void test_random(void **state)
{
    (void)state;
    enum { DRAWS = 1000000 };
    static const uint16_t weights[10] = {1, 2, 3, 4, 5, 100, 1000, 0, 7, 500};
    static struct pool p;
    double chi = 0, got[10] = {0};
    lb_pool_init(&p, LB_RANDOM, 10, weights);
    for (unsigned i = 0; i < DRAWS; i++) got[lb_pick(p.lb, 0, NULL)]++;
    for (unsigned i = 0; i < 10; i++) {
        const double due = (double)DRAWS * weights[i] / (double)p.lb->total, off = got[i] - due;
        if (weights[i])
            chi += off * off / due;
        else
            assert_true(got[i] == 0);
    }
    assert_true(chi < 27.9);
    lb_pool_fini(&p);
}

/* Seeds distinguish workers. */
static void test_seeds(void **state)
{
    (void)state;
    static struct pool p, q;
    unsigned same = 0;
    lb_pool_init(&p, LB_RANDOM, 2, NULL);
    lb_pool_init(&q, LB_RANDOM, 2, NULL);
    struct lb_cfg cfg = q.lb->cfg;
    cfg.seed = 8;
    struct lb *other = lb_init(q.lb, &cfg);
    for (unsigned i = 0; i < 1000; i++) same += lb_pick(p.lb, 0, NULL) == lb_pick(other, 0, NULL);
    assert_in_range(same, 400, 600);
    lb_pool_fini(&p);
    lb_pool_fini(&q);
}

/* Neighbouring clients spread by weight, and keep their server with any ports; if one server goes, nearly all
 * clients of the others stay. */
static void test_source(void **state)
{
    (void)state;
    enum { CLIENTS = 50000 };
    static struct pool p;
    static uint32_t servers[CLIENTS];
    unsigned got[3] = {0}, moved = 0;
    struct lb_flow f = {.family = 4};
    lb_pool_init(&p, LB_SOURCE, 3, (uint16_t[]){5, 3, 1});
    for (uint32_t i = 0; i < CLIENTS; i++) {
        f.src[0] = 0x0a000000 + i;
        servers[i] = lb_pick(p.lb, lb_hash_source(p.lb->cfg.key, &f), NULL);
        got[servers[i]]++;
        f.src_port = (uint16_t)i;
        assert_int_equal(lb_pick(p.lb, lb_hash_source(p.lb->cfg.key, &f), NULL), servers[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        const unsigned due = CLIENTS / 9 * (5 - 2 * i);
        assert_in_range(got[i], due - CLIENTS / 100, due + CLIENTS / 100);
    }
    lb_update(p.lb, (uint16_t[]){5, 0, 1});
    for (uint32_t i = 0; i < CLIENTS; i++) {
        f.src[0] = 0x0a000000 + i;
        const uint32_t now = lb_pick(p.lb, lb_hash_source(p.lb->cfg.key, &f), NULL);
        moved += servers[i] != 1 && now != servers[i];
    }
    assert_in_range(moved, 0, CLIENTS / 100);
    lb_pool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
