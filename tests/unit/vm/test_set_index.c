/* Look-up in large sets against a plain search of their ranges: every edge, its neighbours, and random addresses,
 * for ordinary sets and for sets that crowd into few buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/lib/imgbuild.h"
#include "vm/judge/effects.h"
#include "vm/program/set_index.h"

typedef unsigned __int128 u128;

enum { RANGES = 6000 };

static uint64_t rng(uint64_t *state) /* xorshift64, Marsaglia 2003 */
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

/* Distance of the next range from the last one, and its length: they make a set easy or hard to divide. */
enum shape { EVEN, DENSE, CLUSTERS, DOUBLING, ENDS, SHAPES };

static u128 draw_gap(enum shape shape, unsigned i, unsigned n, unsigned width, uint64_t *seed)
{
    const u128 room = (((u128)1 << (width - 1)) / n) * 2;
    switch (shape) {
    case EVEN: return ((u128)rng(seed) << 64 | rng(seed)) % (room / 2 + 1);
    case DENSE: return rng(seed) % 3;
    case CLUSTERS: return i % 500 == 0 ? room * 400 : rng(seed) % 5;
    case DOUBLING: return i % 53 == 52 ? (u128)1 << (width / 2) : (u128)1 << i % 53 % (width / 2); /* ever wider */
    case ENDS: return i == 1 ? room * (n - 2) / 2 : rng(seed) % 4;
    case SHAPES: break;
    }
    return 0;
}

static struct pbc_range6 range6(u128 lo, u128 hi)
{
    return (struct pbc_range6){(uint64_t)(lo >> 64), (uint64_t)lo, (uint64_t)(hi >> 64), (uint64_t)hi};
}

static u128 low(const struct pbc_range6 *r) { return (u128)r->lo_hi << 64 | r->lo_lo; }
static u128 high(const struct pbc_range6 *r) { return (u128)r->hi_hi << 64 | r->hi_lo; }

static void add_ranges(struct imgbuild *b, enum shape shape, unsigned width, uint64_t *seed)
{
    const u128 top = width == 32 ? UINT32_MAX : ~(u128)0;
    u128 at = shape == ENDS ? 0 : rng(seed) % 5;
    for (unsigned i = 0; i < RANGES; i++) {
        const u128 gap = draw_gap(shape, i, RANGES, width, seed), len = rng(seed) % 4 ? 0 : gap / 2 + rng(seed) % 3;
        if (gap > top - at || len > top - at - gap) break;
        const u128 lo = at + gap, hi = lo + len;
        if (width == 32)
            img_add_set4(b, (struct pbc_range){(uint32_t)lo, (uint32_t)hi});
        else
            img_add_set6(b, range6(lo, hi));
        if (top - hi < 2) break;
        at = hi + 2;
    }
    if (width == 32 && b->set4[b->set4_count - 1].hi < UINT32_MAX - 1)
        img_add_set4(b, (struct pbc_range){UINT32_MAX, UINT32_MAX});
    else if (width == 128 && high(&b->set6[b->set6_count - 1]) < top - 1)
        img_add_set6(b, range6(top, top));
}

static struct program *load(struct imgbuild *b)
{
    char err[256] = "";
    img_function(b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(b);
    return p;
}

/* Draw the ranges of both families in one set, and each half of them in separate sets. */
static struct program *draw(enum shape shape, uint64_t *seed)
{
    struct imgbuild b;
    img_init(&b);
    add_ranges(&b, shape, 32, seed);
    add_ranges(&b, shape, 128, seed);
    const uint32_t n4 = b.set4_count, n6 = b.set6_count;
    img_add_sets(&b, (struct pbc_set){.count4 = n4, .count6 = n6});
    img_add_sets(&b, (struct pbc_set){.count4 = n4 / 2, .count6 = n6 / 2});
    img_add_sets(&b,
                 (struct pbc_set){.first4 = n4 / 2, .count4 = n4 - n4 / 2, .first6 = n6 / 2, .count6 = n6 - n6 / 2});
    return load(&b);
}

static bool plain4(const struct program *p, const struct pbc_set *s, uint32_t a)
{
    uint32_t lo = 0, hi = s->count4;
    while (lo < hi) { /* the first range that ends at a or after */
        uint32_t mid = (lo + hi) / 2;
        if (p->set4[s->first4 + mid].hi < a)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->count4 && p->set4[s->first4 + lo].lo <= a;
}

static bool plain6(const struct program *p, const struct pbc_set *s, u128 a)
{
    uint32_t lo = 0, hi = s->count6;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (high(&p->set6[s->first6 + mid]) < a)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->count6 && low(&p->set6[s->first6 + lo]) <= a;
}

static struct key key_of6(u128 a)
{
    struct key key = {.kind = KIND_IP6};
    for (unsigned i = 0; i < 4; i++) key.dst[i] = (uint32_t)(a >> (96 - 32 * i));
    return key;
}

static void check4(const struct program *p, uint32_t a)
{
    const struct key key = {.kind = KIND_IP4, .dst = {a}};
    for (uint32_t s = 0; s < p->sets_count; s++)
        if (set_has(p, s, &key, true) != plain4(p, &p->sets[s], a) ||
            set_has_plain(p, s, &key, true) != plain4(p, &p->sets[s], a))
            fail_msg("set %u, %08x", s, a);
}

static void check6(const struct program *p, u128 a)
{
    const struct key key = key_of6(a);
    for (uint32_t s = 0; s < p->sets_count; s++)
        if (set_has(p, s, &key, true) != plain6(p, &p->sets[s], a) ||
            set_has_plain(p, s, &key, true) != plain6(p, &p->sets[s], a))
            fail_msg("set %u, %016llx%016llx", s, (unsigned long long)(a >> 64), (unsigned long long)a);
}

static void at_edges(const struct program *p)
{
    for (uint32_t i = 0; i < p->set4_count; i++)
        for (uint32_t off = 0; off < 3; off++) check4(p, p->set4[i].lo + off - 1), check4(p, p->set4[i].hi + off - 1);
    for (uint32_t i = 0; i < p->set6_count; i++)
        for (uint32_t off = 0; off < 3; off++)
            check6(p, low(&p->set6[i]) + off - 1), check6(p, high(&p->set6[i]) + off - 1);
}

static void at_random(const struct program *p, uint64_t *seed)
{
    for (unsigned i = 0; i < 20000; i++) {
        check4(p, (uint32_t)rng(seed) >> rng(seed) % 32);
        check6(p, ((u128)rng(seed) << 64 | rng(seed)) >> rng(seed) % 128);
        check6(p, low(&p->set6[rng(seed) % p->set6_count]) ^ (u128)1 << rng(seed) % 128);
        check4(p, p->set4[rng(seed) % p->set4_count].hi ^ 1u << rng(seed) % 32);
    }
}

static void every_shape(void **state)
{
    (void)state;
    uint64_t seed = 2026;
    for (unsigned round = 0; round < 3; round++)
        for (enum shape shape = 0; shape < SHAPES; shape++) {
            struct program *p = draw(shape, &seed);
            assert_non_null(p->lookup);
            assert_true(p->lookup_bytes <= 64 * ((uint64_t)p->set4_count + p->set6_count) + 8 * p->sets_count + 4096);
            at_edges(p);
            at_random(p, &seed);
            program_put(p);
        }
}

static void small_sets_have_no_table(void **state)
{
    (void)state;
    struct imgbuild b;
    img_init(&b);
    for (uint32_t i = 0; i < SET_PLAIN_MAX; i++) img_add_set4(&b, (struct pbc_range){8 * i, 8 * i + 3});
    img_add_sets(&b, (struct pbc_set){.count4 = SET_PLAIN_MAX});
    struct program *p = load(&b);
    assert_null(p->lookup);
    assert_int_equal(p->lookup_bytes, 0);
    for (uint32_t a = 0; a < 8 * SET_PLAIN_MAX + 8; a++) check4(p, a);
    program_put(p);
}

/* A hostile file may have thousands of sets over the same ranges: memory stays in proportion to the ranges, and
 * further sets are searched without an index. */
static void overlapping_windows_are_bounded(void **state)
{
    (void)state;
    struct imgbuild b;
    img_init(&b);
    for (uint32_t i = 0; i < 3 * SET_PLAIN_MAX; i++) img_add_set4(&b, (struct pbc_range){i * i, i * i + i % 3});
    b.set4[1].lo = b.set4[1].hi = 3;
    b.set4[0].hi = 0;
    b.set4[2].lo = b.set4[2].hi = 6;
    for (uint32_t i = 0; i < 2 * SET_PLAIN_MAX; i++)
        img_add_sets(&b, (struct pbc_set){.first4 = 3 + i / 2, .count4 = SET_PLAIN_MAX + 1});
    const uint64_t ranges = b.set4_count, sets = b.sets_count;
    struct program *p = load(&b);
    assert_true(p->lookup_bytes <= 64 * ranges + 8 * sets + 4096);
    assert_int_equal(p->lookup[0], p->lookup[2]); /* equal sets share a node */
    uint32_t without = 0;
    for (uint32_t i = 0; i < p->sets_count; i++) without += p->lookup[2 * i] == 0;
    assert_true(without > 0 && without < p->sets_count);
    for (uint32_t i = 0; i < 400; i++) check4(p, p->set4[i * 15].lo), check4(p, p->set4[i * 15].hi + 1);
    program_put(p);
}

/* Make v6 ranges of which all but one crowd into the first bucket, again and again, so that nodes take more than the
 * room, in `windows` sets; then a set of even ranges. */
static struct program *deep_windows(unsigned windows)
{
    enum { CROWD = 2110, LEVELS = 9, STEP = 13 };
    struct imgbuild b;
    img_init(&b);
    for (unsigned i = 0; i < CROWD; i++) img_add_set6(&b, range6(2 * i, 2 * i));
    for (unsigned i = LEVELS; i-- > 0;) {
        const u128 far = ((u128)1 << (127 - STEP * i)) - 2;
        img_add_set6(&b, range6(far, far));
    }
    for (unsigned i = 0; i < windows; i++)
        img_add_sets(&b, (struct pbc_set){.first6 = i, .count6 = CROWD + LEVELS - i});
    const uint32_t even = b.set6_count;
    for (unsigned i = 0; i <= SET_PLAIN_MAX; i++) img_add_set6(&b, range6((u128)i << 100, (u128)i << 100));
    img_add_sets(&b, (struct pbc_set){.first6 = even, .count6 = SET_PLAIN_MAX + 1});
    return load(&b);
}

/* Work that is begun and given up is limited, too; otherwise a file could occupy a loader for hours. */
static void work_that_is_given_up_is_bounded(void **state)
{
    (void)state;
    for (unsigned windows = 1; windows <= 8; windows += 7) {
        struct program *p = deep_windows(windows);
        for (unsigned i = 0; i < windows; i++) assert_int_equal(p->lookup[2 * i + 1], 0);
        assert_true((p->lookup[2 * windows + 1] != 0) == (windows == 1));
        for (uint32_t i = 0; i < p->set6_count; i += 7) check6(p, low(&p->set6[i])), check6(p, low(&p->set6[i]) + 1);
        program_put(p);
    }
}

/* Verdicts are the same with and without prefetching for a batch, and for any packet. */
static void asking_ahead_changes_nothing(void **state)
{
    (void)state;
    uint64_t seed = 5;
    struct imgbuild b;
    img_init(&b);
    b.set4_count = 600000; /* all at once, because one by one they would be moved half a million times */
    b.set4 = malloc(b.set4_count * sizeof *b.set4);
    assert_non_null(b.set4);
    for (uint32_t i = 0; i < b.set4_count; i++) b.set4[i] = (struct pbc_range){7000 * i, 7000 * i + i % 1000};
    for (uint32_t i = 0; i < 3000; i++) img_add_set6(&b, range6((u128)i << 90, (u128)i << 90 | i));
    img_add_sets(&b, (struct pbc_set){.count4 = b.set4_count, .count6 = b.set6_count});
    img_function(&b, "main",
                 (const struct insn[]){{.op = OP_JSET, .a = 1, .to = 1}, {.op = OP_ACCEPT}, {.op = OP_PASS}}, 3);
    char err[256] = "";
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(&b);
    assert_int_equal(p->ahead_count, 1);
    assert_int_equal(p->ahead[0].dst, 1);
    struct key keys[VM_BATCH];
    struct pkt pkt = {0}, *pkts[VM_BATCH];
    decided out[VM_BATCH];
    for (unsigned i = 0; i < VM_BATCH; i++) {
        pkts[i] = &pkt;
        keys[i] = i % 3 == 2 ? key_of6((u128)rng(&seed) % 4000 << 90 | rng(&seed) % 4000)
                             : (struct key){.kind = i % 3 ? KIND_IP4 : KIND_ARP, .dst = {(uint32_t)rng(&seed)}};
    }
    set_ahead(p, keys, ~0ull);
    run_code(p, 0, keys, pkts, ~0ull, NULL, NULL, out);
    for (unsigned i = 0; i < VM_BATCH; i++)
        assert_int_equal(decided_action(out[i]), set_has(p, 0, &keys[i], true) ? ACTION_PASS : ACTION_ACCEPT);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape),
        cmocka_unit_test(small_sets_have_no_table),
        cmocka_unit_test(overlapping_windows_are_bounded),
        cmocka_unit_test(work_that_is_given_up_is_bounded),
        cmocka_unit_test(asking_ahead_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
