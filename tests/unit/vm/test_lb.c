/* Common properties of all ways of balancing: names, hashes, backups, weight 0, nobody left; and every kind keeps
 * the promises of lb.h for any facts. */
#include "tests/unit/vm/lb_pool.h"

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {
#define LB(ident, name, doc) [LB_##ident] = name,
#include "vm/lb.def"
    };
    for (int kind = 0; kind < LB_KINDS; kind++) {
        assert_string_equal(lb_name((enum lb_kind)kind), names[kind]);
        assert_int_equal(lb_by_name(names[kind], strlen(names[kind])), kind);
    }
    assert_int_equal(lb_by_name("maglevs", 7), -1);
    assert_int_equal(lb_by_name("magle", 5), -1);
    assert_int_equal(lb_wants(LB_MAGLEV), LB_HASH_FLOW);
    assert_int_equal(lb_wants(LB_SOURCE), LB_HASH_SOURCE);
    assert_int_equal(lb_wants(LB_ROUND_ROBIN), LB_HASH_NONE);
}

/* The paper's example and the reference's first vectors: key 00 01 … 0f, message 00 01 …. */
static void test_siphash(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a}, {3, 0x85676696d7fb7e2d},
        {4, 0xcf2794e0277187b7}, {7, 0xab0200f58b01d137}, {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
    };
    const struct lb_hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t message[16];
    for (uint8_t i = 0; i < sizeof message; i++) message[i] = i;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_true(lb_siphash(key, message, vectors[i].len) == vectors[i].hash);
}

static void test_hash_key(void **state)
{
    (void)state;
    const struct lb_hash_key key = lb_hash_key("prey", 4);
    assert_true(key.k0 == 0xa61e4f60b93de6fa && key.k1 == 0x3266392198866549);
    assert_true(lb_hash_key("prez", 4).k0 != key.k0);
}

/* The words in the header's order, little-endian. */
static void test_hash_flow(void **state)
{
    (void)state;
    const struct lb_hash_key key = lb_hash_key("prey", 4);
    struct lb_flow f = {{0xc6336401}, {0xcb00710a}, 50000, 443, 6, 4, 0};
    static const uint8_t v4[16] = {1, 0x64, 0x33, 0xc6, 0x0a, 0x71, 0, 0xcb, 0x50, 0xc3, 0xbb, 1, 6, 4, 0, 0};
    static const uint8_t source4[8] = {1, 0x64, 0x33, 0xc6, 4, 0, 0, 0};
    assert_true(lb_hash_flow(key, &f) == lb_siphash(key, v4, 16));
    assert_true(lb_hash_source(key, &f) == lb_siphash(key, source4, 8));
    const struct lb_flow six = {{0x20010db8, 0, 0, 1}, {0x20010db8, 0, 0, 2}, 50000, 443, 6, 6, 0};
    static const uint8_t v6[40] = {0xb8, 0x0d, 1,    0x20, 0,    0,    0,    0, 0, 0, 0, 0, 1, 0,
                                   0,    0,    0xb8, 0x0d, 1,    0x20, 0,    0, 0, 0, 0, 0, 0, 0,
                                   2,    0,    0,    0,    0x50, 0xc3, 0xbb, 1, 6, 6, 0, 0};
    uint8_t source6[24] = {[16] = 6};
    memcpy(source6, v6, 16);
    assert_true(lb_hash_flow(key, &six) == lb_siphash(key, v6, 40));
    assert_true(lb_hash_source(key, &six) == lb_siphash(key, source6, 24));
    const uint64_t source = lb_hash_source(key, &f), flow = lb_hash_flow(key, &f);
    f.src_port++;
    assert_true(lb_hash_source(key, &f) == source && lb_hash_flow(key, &f) != flow);
    f.src_port--, f.dst_port++, f.dst[0]++, f.proto = 17;
    assert_true(lb_hash_source(key, &f) == source);
}

static void test_is_prime(void **state)
{
    (void)state;
    bool composite[2000] = {true, true};
    for (uint32_t n = 2; n < 2000; n++) {
        assert_int_equal(lb_is_prime(n), !composite[n]);
        for (uint32_t k = 2 * n; k < 2000; k += n) composite[k] = true;
    }
    assert_true(lb_is_prime(LB_SLOTS_DEFAULT) && lb_is_prime(LB_SLOTS_MAX) && lb_is_prime(4294967291u));
    for (uint32_t n = LB_SLOTS_MAX + 1; n < 1u << 20; n++) assert_false(lb_is_prime(n));
    assert_false(lb_is_prime(65537u * 65521u));
}

static bool is_picked(struct pool *p, struct rng *r, uint32_t server, unsigned picks)
{
    bool any = false;
    while (picks--) any |= lb_pick(p->lb, rng_next(r), NULL) == server;
    return any;
}

/* s3 is a backup: it serves if s0, s1 and s2 can't, for any reason. */
static void test_backups(void **state)
{
    (void)state;
    static struct pool p;
    struct rng r = {1};
    for (int kind = 0; kind < LB_KINDS; kind++) {
        lb_pool_init(&p, (enum lb_kind)kind, 4, (uint16_t[]){5, 0, 1, 2});
        p.servers[3].backup = true;
        lb_update(p.lb, NULL);
        assert_true(is_picked(&p, &r, 0, 200) && is_picked(&p, &r, 2, 200));
        assert_false(is_picked(&p, &r, 1, 200) || is_picked(&p, &r, 3, 200));
        lb_update(p.lb, (uint16_t[]){0, 0, 1, 2});
        assert_false(is_picked(&p, &r, 0, 200) || is_picked(&p, &r, 3, 200));
        lb_update(p.lb, (uint16_t[]){0, 0, 0, 2});
        for (unsigned i = 0; i < 50; i++) assert_int_equal(lb_pick(p.lb, rng_next(&r), NULL), 3);
        lb_update(p.lb, (uint16_t[]){0, 0, 0, 0});
        assert_true(lb_pick(p.lb, 1, NULL) == LB_NONE);
        lb_update(p.lb, NULL);
        assert_true(is_picked(&p, &r, 0, 200));
        assert_false(is_picked(&p, &r, 3, 200));
        lb_pool_fini(&p);
    }
}

static void test_alone(void **state)
{
    (void)state;
    static struct pool p;
    const uint32_t conns = UINT32_MAX;
    for (int kind = 0; kind < LB_KINDS; kind++) {
        lb_pool_init(&p, (enum lb_kind)kind, 1, (uint16_t[]){1000});
        for (uint64_t hash = 0; hash < 50; hash++) assert_int_equal(lb_pick(p.lb, hash << 56 | hash, &conns), 0);
        lb_pool_fini(&p);
        lb_pool_init(&p, (enum lb_kind)kind, 1, (uint16_t[]){0});
        assert_true(lb_pick(p.lb, 0, &conns) == LB_NONE);
        lb_pool_fini(&p);
    }
}

/* Two workers with the same facts pick the same server, and none without weight, while servers come and go. */
static void test_flapping(void **state)
{
    (void)state;
    static struct pool p, q;
    static uint16_t weights[300], now[300];
    static uint32_t conns[300];
    static const uint32_t counts[] = {2, 31, 33, 300};
    struct rng r = {2};
    for (int kind = 0; kind < LB_KINDS; kind++)
        for (unsigned c = 0; c < 4; c++) {
            const uint32_t n = counts[c];
            draw_weights(&r, weights, n, 1000);
            lb_pool_init(&p, (enum lb_kind)kind, n, weights);
            lb_pool_init(&q, (enum lb_kind)kind, n, weights);
            for (unsigned turn = 0; turn < 20; turn++) {
                for (uint32_t i = 0; i < n; i++) now[i] = rng_one_in(&r, 3) ? 0 : weights[i];
                lb_update(p.lb, now);
                lb_update(q.lb, now);
                for (unsigned i = 0; i < 100; i++) {
                    for (uint32_t k = 0; k < n; k += 7) conns[k] = rng_below(&r, 1000);
                    const uint64_t hash = rng_next(&r);
                    const uint32_t picked = lb_pick(p.lb, hash, conns);
                    assert_int_equal(picked, lb_pick(q.lb, hash, conns));
                    assert_true(p.lb->total ? picked < n && now[picked] : picked == LB_NONE);
                }
            }
            lb_pool_fini(&p);
            lb_pool_fini(&q);
        }
}

/* The sentence names the server of the next pick, changes nothing, and fits any room. */
static void test_explain(void **state)
{
    (void)state;
    static struct pool p;
    static uint32_t conns[200];
    struct rng r = {3};
    char said[128], end[48];
    for (int kind = 0; kind < LB_KINDS; kind++)
        for (uint32_t n = 5; n <= 200; n += 195) {
            lb_pool_init(&p, (enum lb_kind)kind, n, NULL);
            for (unsigned i = 0; i < 200; i++) {
                const uint64_t hash = rng_next(&r);
                conns[rng_below(&r, n)]++;
                lb_explain(p.lb, hash, conns, said, sizeof said);
                for (size_t room = 1; room < 30; room++) {
                    char cut[30];
                    lb_explain(p.lb, hash, conns, cut, room);
                    assert_true(strlen(cut) == room - 1 && memcmp(cut, said, room - 1) == 0);
                }
                snprintf(end, sizeof end, " -> s%u (weight 1 of %u, up)", lb_pick(p.lb, hash, conns), n);
                assert_non_null(strstr(said, end));
            }
            lb_update(p.lb, (uint16_t[200]){0});
            lb_explain(p.lb, 1, conns, said, sizeof said);
            assert_string_equal(said, "no server can take a new flow");
            lb_pool_fini(&p);
        }
}

static void explains(enum lb_kind kind, const char *expected)
{
    static struct pool p;
    char said[128];
    lb_pool_init(&p, kind, 3, (uint16_t[]){5, 3, 1});
    lb_update(p.lb, (uint16_t[]){0, 3, 1});
    lb_explain(p.lb, 0x5ba1c0de12345678, (uint32_t[]){0, 3, 4}, said, sizeof said);
    assert_string_equal(said, expected);
    lb_pool_fini(&p);
}

static void test_explain_words(void **state)
{
    (void)state;
    explains(LB_MAGLEV, "hash 0x5ba1c0de12345678, slot 4660 of 65537 -> s1 (weight 3 of 4, up)");
    explains(LB_SOURCE, "hash of the source 0x5ba1c0de12345678, slot 4660 of 65537 -> s1 (weight 3 of 4, up)");
    explains(LB_ROUND_ROBIN, "in turn -> s1 (weight 3 of 4, up)");
    explains(LB_LEAST_CONN, "3 connections, the least for its weight -> s1 (weight 3 of 4, up)");
    explains(LB_RANDOM, "drawn -> s1 (weight 3 of 4, up)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_siphash),  cmocka_unit_test(test_hash_key),
        cmocka_unit_test(test_hash_flow),     cmocka_unit_test(test_is_prime), cmocka_unit_test(test_backups),
        cmocka_unit_test(test_alone),         cmocka_unit_test(test_flapping), cmocka_unit_test(test_explain),
        cmocka_unit_test(test_explain_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
