/* Flows by source as the kernel counts them, compiled for this machine: against sources.c, and by many threads at
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "tests/lib/rng.h"
#include "vm/flow/sources.h"

/* Replace the maps. */
static uint16_t *all_tags;
static uint64_t *all_words, *all_keys, slot_count;
#define GLOBAL static
#define NONNULL
/* While set, changes of a word that counts flows fail, as if other processors were always first. */
static bool collides;
#define __sync_val_compare_and_swap(at, was, now)                                                                      \
    (collides && (was) && (uint64_t)(was) != KEYED_BORN ? (__typeof__(*(at)))((uint64_t)(was) + 1)                     \
                                                        : __sync_val_compare_and_swap(at, was, now))
#define TABLE_TAGS      all_tags
#define TABLE_WORDS     all_words
#define TABLE_KEYS      all_keys
#define TABLE_SLOTS     slot_count
#define TABLE_KEY_WORDS (slot_count * 3)
#define TABLE_KEY_MOST  3
#include "vm/kernel/keyed/keyed.bpf.h"
#include "vm/kernel/keyed/sources.h"
static struct kernel_sources there;
#define SOURCES (&there)
#include "vm/kernel/keyed/sources.bpf.h"

static void make(uint64_t flows, uint64_t seed)
{
    slot_count = kernel_sources_slots(flows);
    all_tags = calloc(slot_count + GROUP, sizeof *all_tags);
    all_words = calloc(slot_count, sizeof *all_words);
    all_keys = calloc(slot_count * SOURCE_WORDS + SOURCE_WORDS, sizeof *all_keys);
    kernel_sources_fill(&there, flows, seed);
}

static void unmade(void)
{
    free(all_tags);
    free(all_words);
    free(all_keys);
}

static void as_native_counts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        enum { KEYS = 50 };
        struct rng r = {seed};
        unsigned held[KEYS] = {0}, refused = 0;
        struct sources *native = sources_new(12, seed);
        make(12, seed);
        for (unsigned n = 0; n < 3000; n++) {
            const unsigned i = rng_below(&r, KEYS);
            const uint32_t addr[4] = {i * 7, 0, i % 5, 0};
            struct kernel_source key;
            kernel_source_of(addr, i & 1 ? 128 : 32, i & 1, &key);
            if (rng_one_in(&r, 2)) {
                const bool added = source_add(native, addr, i & 1);
                assert_int_equal(kernel_source_add(&key), added);
                held[i] += added;
                refused += !added;
            } else if (held[i]) {
                source_drop(native, addr, i & 1);
                assert_true(kernel_source_drop(&key));
                held[i]--;
            }
            assert_int_equal(kernel_source_flows(&key), held[i]);
            assert_int_equal(source_flows(native, addr, i & 1), held[i]);
        }
        assert_int_equal(there.full, refused);
        sources_free(native);
        unmade();
    }
}

enum { THREADS = 4, SHARED = 30, TURNS = 40000 };
static unsigned kept[THREADS][SHARED];

static void *come_and_go(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;
    struct rng r = {me + 1};
    for (unsigned n = 0; n < TURNS; n++) {
        const unsigned i = rng_below(&r, SHARED);
        struct kernel_source key;
        kernel_source_of((const uint32_t[4]){i}, 32, false, &key);
        if (kept[me][i] && rng_one_in(&r, 2))
            kept[me][i] -= (unsigned)kernel_source_drop(&key);
        else
            kept[me][i] += (unsigned)kernel_source_add(&key);
    }
    return NULL;
}

/* No count is lost, and sources without flows are free again. */
static void many_count_at_once(void **state)
{
    (void)state;
    pthread_t t[THREADS];
    make(100, 1);
    memset(kept, 0, sizeof kept);
    for (uintptr_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&t[i], NULL, come_and_go, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    for (unsigned i = 0; i < SHARED; i++) {
        struct kernel_source key;
        unsigned sum = 0;
        kernel_source_of((const uint32_t[4]){i}, 32, false, &key);
        for (unsigned me = 0; me < THREADS; me++) sum += kept[me][i];
        assert_int_equal(kernel_source_flows(&key), sum);
        while (sum--) assert_true(kernel_source_drop(&key));
        assert_int_equal(kernel_source_flows(&key), 0);
    }
    for (uint64_t i = 0; i < slot_count; i++) assert_true(!all_tags[i] && !all_words[i]);
    for (unsigned i = 0; i < SOURCE_LOCKS; i++) assert_int_equal(there.locks[i], 0);
    unmade();
}

/* A flow that always loses isn't counted, and takes no second slot. */
static void collisions_make_no_second_slot(void **state)
{
    (void)state;
    struct kernel_source key;
    unsigned slots = 0;
    make(100, 1);
    kernel_source_of((const uint32_t[4]){7}, 32, false, &key);
    assert_true(kernel_source_add(&key));
    collides = true;
    assert_false(kernel_source_add(&key));
    assert_false(kernel_source_drop(&key));
    collides = false;
    for (uint64_t i = 0; i < slot_count; i++) slots += all_words[i] != 0;
    assert_int_equal(slots, 1);
    assert_int_equal(there.full, 1);
    assert_int_equal(kernel_source_flows(&key), 1);
    unmade();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_native_counts),
        cmocka_unit_test(many_count_at_once),
        cmocka_unit_test(collisions_make_no_second_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
