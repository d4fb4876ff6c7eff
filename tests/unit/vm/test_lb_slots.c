/* The table of maglev and source: the paper's example, parts by weight, independence of order and of the past, and
 * how many slots of other servers move with one server. */
#include "tests/unit/vm/lb_pool.h"

static uint32_t table[PRIME], other[PRIME];

static void read_table(const struct lb *lb, uint32_t to[PRIME])
{
    for (uint32_t i = 0; i < slots_count(lb); i++) to[i] = slots_at(lb, i);
}

static void expect_slots(const struct lb *lb, const uint32_t expected[7])
{
    for (uint32_t i = 0; i < 7; i++) assert_int_equal(slots_at(lb, i), expected[i]);
}

/* Make a name whose walk begins at `offset` and continues by `skip` of the seven slots, and whose turn comes by that
 * quarter of its hash. */
static const char *name_of(char name[16], uint32_t offset, uint32_t skip, uint64_t quarter)
{
    static const struct lb_hash_key key;
    uint64_t hash;
    for (unsigned i = 0; i < 100000; i++) {
        const size_t len = (size_t)snprintf(name, 16, "p/%u", i);
        hash = lb_siphash(key, name, len);
        if (hash >> 62 == quarter && hash % 7 == offset && 1 + hash % 6 == skip) return name;
    }
    return NULL;
}

/* Section 3.4, table 1: three backends, seven slots, offsets 3, 0, 3 and skips 4, 2, 1; then without the second. */
static void test_paper(void **state)
{
    (void)state;
    char names[3][16];
    const struct lb_server servers[] = {{name_of(names[0], 3, 4, 0), 1, false},
                                        {name_of(names[1], 0, 2, 1), 1, false},
                                        {name_of(names[2], 3, 1, 2), 1, false}};
    const struct lb_cfg cfg = {.kind = LB_MAGLEV, .servers = servers, .count = 3, .slots = 7};
    void *memory = aligned_alloc(64, lb_bytes(&cfg));
    assert_non_null(memory);
    struct lb *lb = lb_init(memory, &cfg);
    lb_update(lb, (const uint16_t[]){1, 1, 1});
    expect_slots(lb, (const uint32_t[]){1, 0, 1, 0, 2, 2, 0});
    lb_update(lb, (const uint16_t[]){1, 0, 1});
    expect_slots(lb, (const uint32_t[]){0, 0, 0, 0, 2, 2, 2});
    free(memory);
}

static void check_parts(const struct pool *p, const uint16_t *weights)
{
    static uint32_t has[POOL_MAX];
    memset(has, 0, sizeof has);
    read_table(p->lb, table);
    for (uint32_t i = 0; i < PRIME; i++) has[table[i]]++;
    for (uint32_t i = 0; i < p->count; i++) {
        const uint64_t due = (uint64_t)weights[i] * PRIME, got = has[i] * p->lb->total;
        assert_true((due > got ? due - got : got - due) < p->lb->total); /* less than a slot */
    }
}

static void test_parts(void **state)
{
    (void)state;
    static struct pool p;
    static uint16_t weights[POOL_MAX];
    static const uint32_t counts[] = {2, 3, 10, 100, 1000};
    static const unsigned most[] = {1, 2, 10, 1000};
    struct rng r = {4};
    for (unsigned c = 0; c < 5; c++)
        for (unsigned m = 0; m < 5; m++) {
            for (uint32_t i = 0; i < counts[c]; i++) /* last: some very heavy among light ones, and some out */
                weights[i] = (uint16_t)(m < 4                          ? 1 + rng_below(&r, most[m])
                                        : i == 1 || rng_one_in(&r, 20) ? 1000
                                                                       : i % 2);
            lb_pool_init(&p, LB_MAGLEV, counts[c], weights);
            check_parts(&p, weights);
            lb_pool_fini(&p);
        }
}

/* A plain model of the table. Of the servers that still want slots, the one with the earliest round has the turn;
 * within a round, the one served longest ago; at first, the one with the smallest hash. A walk goes slot by slot. */
struct wants {
    uint64_t hash, turn, pace, served;
    uint32_t left, at, skip;
};

static const struct wants *first_of(const struct wants *a, const struct wants *b)
{
    if (!a || !a->left || !b->left) return !a || !a->left ? b : a;
    if (a->turn >> 20 != b->turn >> 20) return a->turn >> 20 < b->turn >> 20 ? a : b;
    if (a->served != b->served) return a->served < b->served ? a : b;
    return a->hash < b->hash ? a : b;
}

static void plain_table(const struct pool *p, const uint16_t *weights, struct wants *w)
{
    const struct lb_hash_key key = p->lb->cfg.key, exchanged = {key.k1, key.k0};
    uint64_t heavy = 0;
    for (uint32_t i = 0; i < p->count; i++) heavy = weights[i] > heavy ? weights[i] : heavy;
    for (uint32_t i = 0; i < p->count; i++) {
        w[i].hash = lb_siphash(key, p->names[i], strlen(p->names[i]));
        w[i].at = (uint32_t)(w[i].hash % PRIME);
        w[i].skip = (uint32_t)(lb_siphash(exchanged, p->names[i], strlen(p->names[i])) % (PRIME - 1)) + 1;
        w[i].pace = weights[i] ? (heavy << 20) / weights[i] : 0;
        w[i].turn = w[i].pace * (w[i].hash & 0xfffff) >> 20;
    }
    memset(other, 0xff, sizeof other);
    for (uint64_t turn = 1; turn <= PRIME; turn++) {
        const struct wants *next = NULL;
        for (uint32_t i = 0; i < p->count; i++) next = first_of(next, &w[i]);
        struct wants *s = &w[next - w];
        while (other[s->at] != UINT32_MAX) s->at = (s->at + s->skip) % PRIME;
        other[s->at] = (uint32_t)(s - w);
        s->turn += s->pace, s->served = turn, s->left--;
    }
}

static void test_plain(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 10, 129, 1000};
    static struct pool p;
    static uint16_t weights[POOL_MAX];
    struct rng r = {10};
    for (unsigned c = 0; c < 10; c++) {
        static struct wants w[POOL_MAX];
        draw_weights(&r, weights, counts[c / 2], c % 2 ? 1000 : 1);
        lb_pool_init(&p, LB_MAGLEV, counts[c / 2], weights);
        read_table(p.lb, table);
        memset(w, 0, sizeof w);
        for (uint32_t i = 0; i < PRIME; i++) w[table[i]].left++; /* quotas are tested separately */
        plain_table(&p, weights, w);
        assert_memory_equal(table, other, sizeof table);
        lb_pool_fini(&p);
    }
}

/* More servers than slots, other table sizes, and a size that isn't prime. */
static void test_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{0, 2}, {2, 2}, {3, 3}, {100, 97}, {101, 101}, {4096, 4093}};
    static struct pool p;
    lb_pool_init(&p, LB_MAGLEV, 150, NULL);
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct lb_cfg cfg = p.lb->cfg;
        uint32_t has[150] = {0}, least = UINT32_MAX, most = 0;
        cfg.slots = sizes[s][0];
        void *memory = aligned_alloc(64, lb_bytes(&cfg));
        assert_non_null(memory);
        struct lb *lb = lb_init(memory, &cfg);
        assert_int_equal(slots_count(lb), sizes[s][1]);
        for (uint32_t i = 0; i < slots_count(lb); i++) has[slots_at(lb, i)]++;
        for (uint32_t i = 0; i < 150; i++) {
            least = has[i] < least ? has[i] : least;
            most = has[i] > most ? has[i] : most;
        }
        assert_true(most - least <= 1);
        assert_int_equal(slots_index(lb, 0xdeadbeef00000000), 0);
        assert_int_equal(slots_index(lb, 0xffffffff), slots_count(lb) - 1);
        free(memory);
    }
    lb_pool_fini(&p);
}

/* 70,000 servers, which exceed 16 bits. */
static void test_wide(void **state)
{
    (void)state;
    enum { MANY = 70000 };
    struct lb_server *servers = calloc(MANY, sizeof *servers);
    char(*names)[12] = calloc(MANY, sizeof *names);
    uint8_t *seen = calloc(MANY, 1);
    assert_true(servers && names && seen);
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "p/%u", i);
        servers[i] = (struct lb_server){names[i], 7, false};
    }
    const struct lb_cfg cfg = {.kind = LB_SOURCE, .servers = servers, .count = MANY, .slots = 100003};
    void *memory = aligned_alloc(64, lb_bytes(&cfg));
    assert_non_null(memory);
    const struct lb *lb = lb_init(memory, &cfg);
    for (uint32_t i = 0; i < 100003; i++) assert_true(++seen[slots_at(lb, i)] <= 2);
    for (uint32_t i = 0; i < MANY; i++) assert_true(seen[i] >= 1);
    free(memory);
    free(seen);
    free(names);
    free(servers);
}

/* All servers with one name, as no compiler writes them: each still has its part, without walking for minutes. */
static void test_one_name(void **state)
{
    (void)state;
    enum { MANY = 60000, SLOTS = 1000003 };
    struct lb_server *servers = calloc(MANY, sizeof *servers);
    uint8_t *seen = calloc(MANY, 1);
    assert_true(servers && seen);
    for (uint32_t i = 0; i < MANY; i++) servers[i] = (struct lb_server){"p/s", 1, false};
    const struct lb_cfg cfg = {.kind = LB_MAGLEV, .servers = servers, .count = MANY, .slots = SLOTS};
    void *memory = aligned_alloc(64, lb_bytes(&cfg));
    assert_non_null(memory);
    const struct lb *lb = lb_init(memory, &cfg);
    for (uint32_t i = 0; i < SLOTS; i++) seen[slots_at(lb, i)]++;
    for (uint32_t i = 0; i < MANY; i++) assert_in_range(seen[i], SLOTS / MANY, SLOTS / MANY + 1);
    free(memory);
    free(seen);
    free(servers);
}

/* Names decide, not the order in the file; and the table doesn't depend on the past. */
static void test_order(void **state)
{
    (void)state;
    static struct pool p, q;
    static uint16_t weights[100];
    struct rng r = {5};
    for (uint32_t i = 0; i < 100; i++) weights[i] = (uint16_t)(1 + i % 2 * 999);
    lb_pool_init(&p, LB_MAGLEV, 100, weights);
    lb_pool_init(&q, LB_MAGLEV, 100, weights);
    read_table(p.lb, table);
    for (uint32_t i = 0; i < 100; i++) q.servers[i] = (struct lb_server){p.names[99 - i], weights[99 - i], false};
    struct lb *turned = lb_init(q.lb, &q.lb->cfg);
    read_table(turned, other);
    for (uint32_t i = 0; i < PRIME; i++) assert_int_equal(table[i], 99 - other[i]);
    for (unsigned i = 0; i < 5; i++) {
        uint16_t now[100];
        draw_weights(&r, now, 100, 1000);
        lb_update(p.lb, now);
    }
    lb_update(p.lb, NULL);
    read_table(p.lb, other);
    assert_memory_equal(table, other, sizeof table);
    lb_pool_fini(&p);
    lb_pool_fini(&q);
}

/* Remove server `gone`; returns the parts per 100,000 of the others' slots that move. */
static unsigned disturbance(struct pool *p, const uint16_t *weights, uint32_t gone)
{
    static uint16_t now[POOL_MAX];
    unsigned others = 0, changed = 0;
    lb_update(p->lb, NULL);
    read_table(p->lb, table);
    memcpy(now, weights, p->count * sizeof *now);
    now[gone] = 0;
    lb_update(p->lb, now);
    read_table(p->lb, other);
    for (uint32_t i = 0; i < PRIME; i++) {
        assert_true(other[i] != gone);
        if (table[i] == gone) continue;
        others++;
        changed += table[i] != other[i];
    }
    return (unsigned)(100000ull * changed / others);
}

static void test_disturbance(void **state)
{
    (void)state;
    static struct pool p;
    static uint16_t weights[POOL_MAX];
    static const uint32_t counts[] = {2, 10, 100, 1000};
    for (unsigned c = 0; c < 4; c++)
        for (unsigned weighted = 0; weighted < 2; weighted++) {
            const uint32_t n = counts[c], rounds = n < 20 ? n : 20;
            unsigned worst = 0, sum = 0;
            for (uint32_t i = 0; i < n; i++) weights[i] = weighted ? (const uint16_t[]){5, 3, 1}[i % 3] : 1;
            lb_pool_init(&p, LB_MAGLEV, n, weights);
            for (uint32_t i = 0; i < rounds; i++) {
                const unsigned d = disturbance(&p, weights, i * (n / rounds));
                sum += d;
                worst = d > worst ? d : worst;
            }
            assert_true(worst < 1000 && sum / rounds < 700);
            if (n == 2) assert_int_equal(worst, 0);
            lb_pool_fini(&p);
        }
}

/* A weight that changes by one moves few flows, because slow start, drains and manual weights do this all the time. */
static void test_small_changes(void **state)
{
    (void)state;
    static struct pool p;
    static uint16_t weights[100];
    unsigned changed = 0;
    for (uint32_t i = 0; i < 100; i++) weights[i] = 50;
    weights[7] = 100;
    lb_pool_init(&p, LB_MAGLEV, 100, weights);
    read_table(p.lb, table);
    weights[30] = 51;
    lb_update(p.lb, weights);
    read_table(p.lb, other);
    for (uint32_t i = 0; i < PRIME; i++) changed += table[i] != other[i];
    assert_in_range(changed, 1, PRIME / 100);
    lb_pool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paper),    cmocka_unit_test(test_parts),       cmocka_unit_test(test_plain),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_wide),        cmocka_unit_test(test_order),
        cmocka_unit_test(test_one_name), cmocka_unit_test(test_disturbance), cmocka_unit_test(test_small_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
