/* Hashes by halves and by complete words, and the keyed table against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/keyed/keyed.h"

/* Draw a word; many are near powers of two, where carries go wrong. */
static uint64_t draw_word(struct rng *r)
{
    if (rng_one_in(r, 2)) return rng_next(r);
    return (UINT64_C(1) << rng_below(r, 64)) + rng_below(r, 3) - 1;
}

static void sums_of_products_are_equal(void **state)
{
    (void)state;
    struct rng r = {1};
    for (unsigned i = 0; i < 1000000; i++) {
        const uint64_t a = draw_word(&r), b = draw_word(&r);
        struct hash_sum whole = {draw_word(&r), draw_word(&r)}, halves = whole;
        hash_add(&whole, a, b);
        hash_add_by_halves(&halves, a, b);
        if (whole.low != halves.low || whole.high != halves.high)
            fail_msg("%016lx times %016lx", (unsigned long)a, (unsigned long)b);
    }
    struct hash_sum sum = {0, 0};
    hash_add_by_halves(&sum, UINT64_MAX, UINT64_MAX);
    assert_true(sum.low == 1 && sum.high == UINT64_MAX - 1);
    hash_add_by_halves(&sum, UINT64_MAX, UINT64_MAX);
    assert_true(sum.low == 2 && sum.high == UINT64_MAX - 3);
    hash_add_by_halves(&sum, UINT64_MAX, 2); /* 2^65 - 2, which carries */
    assert_true(sum.low == 0 && sum.high == UINT64_MAX - 1);
}

/* Each bit of each word counts, in any place, and so does the number of words. */
static void all_bits_are_hashed(void **state)
{
    (void)state;
    struct hash_key key;
    uint64_t words[16] = {0};
    hash_key_init(&key, 7);
    for (unsigned count = 1; count <= 16; count++) {
        const uint64_t before = hash_words(&key, words, count);
        for (unsigned bit = 0; bit < 64 * count; bit++) {
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
            if (hash_words(&key, words, count) == before) fail_msg("of %u words, bit %u", count, bit);
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
        }
    }
}

static void the_first_of_a_mask(void **state)
{
    (void)state;
    for (uint32_t mask = 1; mask; mask <<= 1)
        for (uint32_t above = 0; above < 2; above++) {
            const uint32_t of = mask | (above ? ~(mask | (mask - 1)) : 0);
            assert_int_equal(tags_first(of), (unsigned)__builtin_ctz(mask));
            assert_int_equal(tags_first_words(of), (unsigned)__builtin_ctz(mask));
        }
}

/* ---- against a plain list ---- */

enum { KEYS = 600, KEY_WORDS = 3 };
struct entry {
    uint64_t key[KEY_WORDS];
    uint32_t number, again;
};
struct model {
    bool held;
    uint32_t slot;
    uint64_t word;
};

/* Make keys that differ in one word each, and in few bits. */
static void key_of(unsigned i, uint64_t key[KEY_WORDS])
{
    for (unsigned w = 0; w < KEY_WORDS; w++) key[w] = i % KEY_WORDS == w ? (uint64_t)(i / KEY_WORDS) << 16 * w : 0;
    key[(i + 1) % KEY_WORDS] |= (uint64_t)(i % KEY_WORDS) << 60;
}

static void check_key(const struct keyed *t, const struct model *m, unsigned i)
{
    uint64_t key[KEY_WORDS];
    struct place at;
    key_of(i, key);
    keyed_place(t, key, KEY_WORDS, &at);
    const uint32_t slot = keyed_find(t, &at, key);
    assert_int_equal(slot, m[i].held ? m[i].slot : KEYED_NONE);
    if (!m[i].held) return;
    const struct entry *e = keyed_at(t, slot);
    assert_memory_equal(e->key, key, sizeof key);
    assert_int_equal(e->number, i);
    assert_int_equal(e->again, ~i);
    assert_int_equal(t->words[slot], m[i].word);
}

/* Check that a key without room has two groups with every slot used by another. */
static void check_full(const struct keyed *t, const struct place *at, const struct model *m)
{
    unsigned others = 0;
    for (unsigned i = 0; i < KEYS; i++)
        others += m[i].held && (m[i].slot / GROUP == at->group[0] || m[i].slot / GROUP == at->group[1]);
    assert_int_equal(others, 2 * GROUP);
    uint64_t lowest = UINT64_MAX;
    for (unsigned i = 0; i < KEYS; i++)
        if (m[i].held && (m[i].slot / GROUP == at->group[0] || m[i].slot / GROUP == at->group[1]))
            if (m[i].word < lowest) lowest = m[i].word;
    assert_int_equal(t->words[keyed_lowest(t, at)], lowest);
}

static bool add(struct keyed *t, struct model *m, unsigned i, struct rng *r)
{
    uint64_t key[KEY_WORDS];
    struct place at;
    key_of(i, key);
    keyed_place(t, key, KEY_WORDS, &at);
    const uint32_t slot = keyed_add(t, &at, key);
    if (slot == KEYED_NONE) {
        check_full(t, &at, m);
        return false;
    }
    struct entry *e = keyed_at(t, slot);
    assert_true(e->number == 0 && e->again == 0 && t->words[slot] == 0);
    for (unsigned k = 0; k < KEYS; k++) assert_true(!m[k].held || m[k].slot != slot);
    e->number = i;
    e->again = ~i;
    m[i] = (struct model){.held = true, .slot = slot, .word = t->words[slot] = rng_below(r, 100)};
    return true;
}

/* Drop the keys whose word is at most a drawn one, in every group in turn, like a sweep. */
static void sweep(struct keyed *t, struct model *m, struct rng *r)
{
    const uint64_t word = rng_below(r, 100);
    for (uint32_t n = 0; n < t->groups; n++) {
        const uint32_t group = keyed_turn(t);
        for (uint32_t found = keyed_up_to(t, group, word); found; found &= found - 1)
            keyed_drop(t, group * GROUP + tags_first(found));
    }
    for (unsigned i = 0; i < KEYS; i++) m[i].held &= m[i].word > word;
}

static void like_a_plain_list(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const struct keyed_cfg cfg = {
            .most = seed * 30, .key_words = KEY_WORDS, .entry_bytes = sizeof(struct entry), .seed = seed};
        struct model m[KEYS] = {{0}};
        struct keyed t;
        struct rng r = {seed};
        assert_true(keyed_init(&t, &cfg));
        for (unsigned step = 0; step < 20000; step++) {
            const unsigned i = rng_below(&r, KEYS);
            if (!m[i].held) {
                refused += !add(&t, m, i, &r);
            } else if (rng_one_in(&r, 2)) {
                keyed_drop(&t, m[i].slot);
                m[i].held = false;
            }
            if (rng_one_in(&r, 2000)) sweep(&t, m, &r);
            check_key(&t, m, i);
            if (step % 500) continue;
            unsigned used = 0;
            for (unsigned k = 0; k < KEYS; k++) {
                check_key(&t, m, k);
                used += m[k].held;
            }
            assert_int_equal(t.used, used);
        }
        keyed_fini(&t);
    }
    assert_true(refused > 1000);
}

/* As many keys as requested find room, and nearly a fifth more: consecutive, drawn, and in steps of any size. */
static void as_many_as_asked_for(void **state)
{
    (void)state;
    static const uint64_t most[] = {1, 2, 20, 64, 1000, 100000};
    for (unsigned i = 0; i < 3 * sizeof most / sizeof *most; i++) {
        const struct keyed_cfg cfg = {.most = most[i / 3], .key_words = 1, .entry_bytes = 8, .seed = i};
        struct keyed t;
        struct rng r = {i};
        assert_true(keyed_init(&t, &cfg));
        for (uint64_t k = 0; k < cfg.most * 118 / 100; k++) {
            const uint64_t key = i % 3 == 0 ? k : i % 3 == 1 ? rng_next(&r) : k << 40;
            struct place at;
            keyed_place(&t, &key, 1, &at);
            if (keyed_add(&t, &at, &key) == KEYED_NONE) fail_msg("%u of %u", (unsigned)k, (unsigned)cfg.most);
        }
        keyed_fini(&t);
    }
}

static void sizes(void **state)
{
    (void)state;
    struct keyed t;
    const uint64_t bad[] = {UINT64_MAX, UINT32_MAX, UINT32_MAX / 2 + 1u};
    for (unsigned i = 0; i < 3; i++)
        assert_false(keyed_init(&t, &(struct keyed_cfg){.most = bad[i], .key_words = 1, .entry_bytes = 8}));
    assert_true(keyed_init(&t, &(struct keyed_cfg){.most = 0, .key_words = 1, .entry_bytes = 8}));
    assert_int_equal(t.groups, 2);
    for (unsigned n = 0; n < 5; n++) assert_int_equal(keyed_turn(&t), n % 2);
    assert_true((uintptr_t)t.tags % 64 == 0 && (uintptr_t)t.words % 64 == 0 && (uintptr_t)t.entries % 64 == 0);
    keyed_fini(&t);
    keyed_fini(&(struct keyed){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_products_are_equal), cmocka_unit_test(all_bits_are_hashed),
        cmocka_unit_test(the_first_of_a_mask),        cmocka_unit_test(like_a_plain_list),
        cmocka_unit_test(as_many_as_asked_for),       cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
