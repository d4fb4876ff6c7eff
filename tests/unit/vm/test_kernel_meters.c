/* The meters of the kernel's judge, compiled for this machine: against meter.c packet for packet, and used by many
 * threads at once, like processors. tests/diff/kernel_meters.c tests them with the kernel's verifier and maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <pthread.h>

#include "tests/lib/rng.h"
#include "vm/kernel/kpkt.h"

enum { CPUS = 4, CELLS = 8 };

/* Replace the maps, and the values that the linker fills in. */
static uint16_t *all_tags;
static uint64_t *all_words, *all_keys, slot_count, key_count;
static const struct pbc_meter *defs;
#define GLOBAL static
#define NONNULL
#define METER_DEF(id)     (&defs[id])
#define METER_CELL(id)    (&there.cells[id])
#define METER_SAID(k, id) (&there.said[(k)->place * there.layout.cells + (id)])
#define TABLE_TAGS        all_tags
#define TABLE_WORDS       all_words
#define TABLE_KEYS        all_keys
#define TABLE_SLOTS       slot_count
#define TABLE_KEY_WORDS   key_count
#define TABLE_KEY_MOST    6
#include "vm/kernel/keyed/keyed.bpf.h"
#include "vm/kernel/keyed/meters.h"
static struct kernel_meters there;
#include "vm/kernel/keyed/meters.bpf.h"

static const uint64_t second = 1000000000;

static struct kernel_meters made(const struct program *p, uint64_t seed)
{
    struct kernel_meters m = {0};
    assert_true(kernel_meters_layout(p, CPUS, &m.layout));
    m.cells = calloc(m.layout.cells + 1, sizeof *m.cells);
    m.said = calloc(m.layout.said + 1, sizeof *m.said);
    m.tags = calloc(m.layout.slots + GROUP, sizeof *m.tags);
    m.words = calloc(m.layout.slots + 1, sizeof *m.words);
    m.keys = calloc(m.layout.key_words + TABLE_KEY_MOST, sizeof *m.keys);
    m.places = kernel_meters_places(p);
    kernel_meters_fill(&m, p, seed);
    return m;
}

/* Use these meters from here on. */
static void ask_these(const struct kernel_meters *m, const struct pbc_meter *meters)
{
    there = *m;
    defs = meters;
    all_tags = m->tags;
    all_words = m->words;
    all_keys = m->keys;
    slot_count = m->layout.slots;
    key_count = m->layout.key_words;
}

static void make(const struct program *p, uint64_t seed)
{
    const struct kernel_meters m = made(p, seed);
    ask_these(&m, p->meters);
}

static void unmade(struct kernel_meters *m)
{
    free(m->cells);
    free(m->said);
    free(m->tags);
    free(m->words);
    free(m->keys);
    free(m->places);
}

/* ---- one processor: equal to meter.c ---- */

static struct pbc_meter draw_meter(struct rng *r)
{
    static const uint64_t per_s[] = {1, 60, 3600};
    struct pbc_meter m = {.per = (uint8_t)rng_below(r, 4), .unit = (uint8_t)rng_below(r, 2)};
    m.count = 1 + rng_next(r) % (1ull << (m.unit ? 10 + rng_below(r, 20) : rng_below(r, 24)));
    m.per_ns = m.unit ? second : per_s[rng_below(r, 3)] * second;
    m.burst = 1 + rng_below(r, m.unit ? 100000 : 20);
    if (m.per) m.entries = 1 + rng_below(r, 60);
    m.len4 = (uint8_t)rng_below(r, 33);
    m.len6 = (uint8_t)rng_below(r, 129);
    return m;
}

static void draw_packet(struct rng *r, struct key *key)
{
    static const uint32_t kinds[] = {KIND_IP4, KIND_IP6, KIND_IP4 | KIND_PROTO | KIND_UDP | KIND_PORTS, KIND_ARP};
    *key = (struct key){.kind = kinds[rng_below(r, 4)], .length = (uint16_t)(40 + rng_below(r, 1460))};
    key->src[0] = rng_below(r, 40) << rng_below(r, 4) * 8;
    key->dst[3] = key->kind & KIND_IP6 ? rng_below(r, 40) : 0;
    key->src_port = (uint16_t)rng_below(r, 3);
}

static void sweep_both(struct meters *native, struct kernel_meters_sweep *s, uint64_t now)
{
    meters_sweep(native);
    s->now_ns = now;
    if (kernel_meters_held(&there)) meters_sweep_some(s, CELLS);
}

static void compare_with_native(uint64_t seed)
{
    struct rng r = {seed};
    struct pbc_meter m[CELLS];
    const struct program p = {.meters = m, .meters_count = CELLS};
    for (unsigned i = 0; i < CELLS; i++) m[i] = draw_meter(&r);
    struct meters *native = meters_new(&p, seed);
    assert_non_null(native);
    make(&p, seed);
    uint64_t now = rng_next(&r) >> 20;
    struct kernel_meters_sweep sweep = {0};
    struct kpkt *k = calloc(1, sizeof *k);
    for (unsigned n = 0; n < 4000; n++) {
        if (!rng_one_in(&r, 3)) now += rng_next(&r) >> (34 + rng_below(&r, 20));
        if (rng_one_in(&r, 1000)) now += UINT64_C(1) << 55;
        meters_at(native, now);
        kernel_meters_at(&there, now);
        draw_packet(&r, &k->key);
        k->now_ns = now;
        k->serial++;
        k->pkt.wire_len = 60;
        for (unsigned asks = 0; asks < 3; asks++) {
            const uint32_t id = rng_below(&r, CELLS);
            const uint64_t says = kernel_meter(k, id);
            if (meter_ask(native, id, &k->key, n) != says) fail_msg("seed %lu, packet %u, meter %u", seed, n, id);
        }
        if (rng_one_in(&r, 20)) sweep_both(native, &sweep, now);
        const uint32_t id = rng_below(&r, CELLS);
        if (!m[id].per) assert_int_equal(meter_take(native, id, 60), kernel_meter_take(k, id));
    }
    struct meter_counter sums[CELLS];
    kernel_meters_sum(&there, sums);
    assert_memory_equal(sums, meters_counters(native), sizeof sums);
    free(k);
    meters_free(native);
    unmade(&there);
}

static void as_native_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) compare_with_native(seed);
}

/* ---- many processors ---- */

struct asker {
    uint32_t id;
    unsigned cpu, asks, keys;
    uint64_t now_ns, within;
};
static uint64_t serials[CPUS];

static void *ask_often(void *arg)
{
    struct asker *a = arg;
    struct kpkt *k = calloc(1, sizeof *k);
    struct rng r = {a->cpu + 1};
    k->place = a->cpu;
    for (unsigned n = 0; n < a->asks; n++) {
        k->serial = ++serials[a->cpu];
        k->now_ns = a->now_ns + n;
        k->key = (struct key){.kind = KIND_IP4, .src = {rng_below(&r, a->keys)}, .length = 100};
        a->within += kernel_meter(k, a->id) == METER_WITHIN;
    }
    free(k);
    return NULL;
}

/* Return what all threads got together. */
static uint64_t asked_by_all(uint32_t id, unsigned keys, unsigned asks, uint64_t now_ns)
{
    pthread_t t[CPUS];
    struct asker a[CPUS];
    uint64_t sum = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        a[i] = (struct asker){.id = id, .cpu = i, .asks = asks, .keys = keys, .now_ns = now_ns};
        assert_int_equal(pthread_create(&t[i], NULL, ask_often, &a[i]), 0);
    }
    for (unsigned i = 0; i < CPUS; i++) {
        pthread_join(t[i], NULL);
        sum += a[i].within;
    }
    return sum;
}

/* Check that all places are valid: used ones are counted, and none is being made. */
static void check_table(uint32_t id)
{
    const struct keyed *t = &there.cells[id].table;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < t->groups * GROUP; i++) {
        const uint64_t word = there.words[t->first_slot + i];
        assert_true(word != KEYED_BORN && !word == !there.tags[t->first_slot + i]);
        taken += word != 0;
    }
    assert_int_equal(taken, t->used);
    assert_true(taken <= defs[id].entries);
    for (unsigned i = 0; i < METER_LOCKS; i++) assert_int_equal(there.cells[id].locks[i], 0);
}

/* One bucket, one key of many, and a table that is too small: no token is given twice, and few are lost in
 * collisions. */
static void no_token_is_given_twice(void **state)
{
    (void)state;
    enum { BURST = 1000, ASKS = 60000 };
    const struct pbc_meter m[CELLS] = {
        {.count = 1, .per_ns = 3600 * second, .burst = BURST},
        {.count = 1, .per_ns = 3600 * second, .burst = BURST, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 100},
        {.count = 10000000, .per_ns = second, .burst = 1, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 40},
    };
    const struct program p = {.meters = m, .meters_count = 3};
    for (uint64_t turn = 0; turn < 5; turn++) {
        make(&p, turn);
        kernel_meters_at(&there, second);
        const uint64_t one = asked_by_all(0, 1, ASKS, second), keyed = asked_by_all(1, 50, ASKS, second);
        if (one > BURST || one < BURST - 2) fail_msg("one bucket of %u gave %lu", BURST, one);
        if (keyed > 50 * BURST || keyed < 50 * BURST - 50) fail_msg("50 buckets of %u gave %lu", BURST, keyed);
        check_table(1);
        asked_by_all(2, 300, ASKS, second);
        check_table(2);
        struct meter_counter sums[CELLS];
        kernel_meters_sum(&there, sums);
        for (unsigned i = 0; i < 3; i++) assert_int_equal(sums[i].within + sums[i].over, CPUS * ASKS);
        unmade(&there);
    }
}

/* ---- from program to program ---- */

static void buckets_go_on(void **state)
{
    (void)state;
    const struct pbc_meter before[] = {
        {.count = 1, .per_ns = second, .burst = 9},
        {.count = 1, .per_ns = second, .burst = 5, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 100},
    };
    const struct pbc_meter after[] = {before[1], {.count = 7, .per_ns = second, .burst = 2}, before[0]};
    const struct program p = {.meters = before, .meters_count = 2}, q = {.meters = after, .meters_count = 3};
    make(&p, 1);
    struct kernel_meters old = there, new = made(&q, 2);
    kernel_meters_at(&there, second);
    kernel_meters_at(&new, second);
    const uint64_t half = asked_by_all(0, 1, 1, second) + asked_by_all(1, 50, 200, second);
    old = there;
    kernel_meters_keep(&new, &old);
    const uint64_t more = asked_by_all(0, 1, 1, second); /* while the new one is being made */
    ask_these(&new, after);
    kernel_meters_follow(&there, &old);
    check_table(0);
    const uint64_t rest = asked_by_all(2, 1, 10, second) + asked_by_all(0, 50, 200, second);
    assert_int_equal(half + more + rest, 9 + 50 * 5);
    assert_int_equal(asked_by_all(1, 1, 10, second), 2);
    unmade(&old);
    unmade(&there);
}

/* With any number of buckets, in any order: no request waits until each is compared with each. */
static void many_go_on(void **state)
{
    (void)state;
    enum { MANY = 60000, SECONDS = 4 };
    struct pbc_meter *const before = calloc(MANY, sizeof *before), *const after = calloc(MANY, sizeof *after);
    struct program p = {.meters = before, .meters_count = MANY}, q = {.meters = after, .meters_count = MANY};
    for (unsigned i = 0; i < MANY; i++) {
        before[i] = (struct pbc_meter){.count = 1, .per_ns = second, .burst = i + 1};
        after[MANY - 1 - i] = before[i];
        if (i % 2) after[MANY - 1 - i].count = 2;
    }
    struct kernel_meters old = made(&p, 1), new = made(&q, 2);
    for (unsigned i = 0; i < MANY; i++) old.cells[i].shared = i + 1;
    const clock_t began = clock();
    kernel_meters_keep(&new, &old);
    kernel_meters_follow(&new, &old);
    assert_true(clock() - began < SECONDS * CLOCKS_PER_SEC);
    for (unsigned i = 0; i < MANY; i++) assert_int_equal(new.cells[MANY - 1 - i].shared, i % 2 ? 0 : i + 1);
    unmade(&old);
    unmade(&new);
    free(before);
    free(after);
}

/* An untrusted process may write the cells; the owner of buckets is trusted with more. */
static void lies_of_places_are_not_believed(void **state)
{
    (void)state;
    const struct pbc_meter meter = {
        .count = 1, .per_ns = second, .burst = 5, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 100};
    const struct program p = {.meters = &meter, .meters_count = 1};
    make(&p, 1);
    struct kernel_meters old = there, new = made(&p, 2);
    kernel_meters_at(&there, second);
    assert_int_equal(asked_by_all(0, 50, 200, second), 50 * 5);
    old.cells[0].table.groups = new.cells[0].table.groups = 1 << 28;
    old.cells[0].table.first_slot = new.cells[0].table.first_slot = UINT64_C(1) << 40;
    old.cells[0].table.first_key = new.cells[0].table.first_key = UINT64_C(1) << 40;
    old.cells[0].table.key_words = new.cells[0].table.key_words = 1000;
    kernel_meters_keep(&new, &old);
    kernel_meters_follow(&new, &old);
    assert_int_equal(new.cells[0].table.used, 50);
    unmade(&old);
    unmade(&new);
}

/* A worker sees the tokens taken there when it is shown them, and no sooner. */
static void a_worker_is_shown(void **state)
{
    (void)state;
    const struct pbc_meter m[] = {
        {.count = 1, .per_ns = second, .burst = 9},
        {.count = 1, .per_ns = second, .burst = 5, .per = PBC_PER_SOURCE, .len4 = 32, .entries = 100},
        {.count = 1, .per_ns = second, .burst = 3},
    };
    const struct program p = {.meters = m, .meters_count = 3};
    const struct key key = {.kind = KIND_IP4, .src = {0}};
    uint64_t left[3];
    struct meters *worker = meters_new(&p, 3);
    make(&p, 1);
    kernel_meters_at(&there, second);
    meters_at(worker, second);
    asked_by_all(0, 1, 1, second);
    asked_by_all(1, 1, 1, second);
    assert_true(meter_take(worker, 2, 60)); /* its own, of a service */
    for (uint32_t i = 0; i < 2; i++) {
        meter_peek(worker, &p, i, &key, &left[i]);
        assert_int_equal(left[i], m[i].burst);
    }
    kernel_meters_show(&there, worker, false);
    for (uint32_t i = 0; i < 3; i++) meter_peek(worker, &p, i, &key, &left[i]);
    assert_true(left[0] == 5 && left[1] == 1 && left[2] == 2);
    meters_free(worker);
    unmade(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_native_says),    cmocka_unit_test(no_token_is_given_twice),
        cmocka_unit_test(buckets_go_on),     cmocka_unit_test(lies_of_places_are_not_believed),
        cmocka_unit_test(a_worker_is_shown), cmocka_unit_test(many_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
