/* Walks of a classifier: each, with one header at a time and a batch, on hand-made images. tests/diff/walks.c
 * compares their results on any verified image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/rng.h"
#include "vm/judge/classify/classify.h"
#include "vm/vm.h"

enum { WORDS = 1 << 14, LINES = 256, FORMATS = 8, SRC = 2 * KEY_SLOT(src), SRC_UPPER = SRC + 1 };

/* An image: words, lines of blocks and formats made so far. */
struct made {
    uint64_t tree[WORDS];
    struct pbc_line blocks[LINES];
    struct pbc_format formats[FORMATS];
    uint32_t words, lines, format_count;
};

static struct made *made(void)
{
    static struct made m __attribute__((aligned(64)));
    memset(&m, 0, sizeof m);
    m.words = 1;
    return &m;
}

static uint32_t words_add(struct made *m, uint32_t count)
{
    m->words += count;
    assert_true(m->words <= WORDS);
    return m->words - count;
}

/* Add a format whose columns all test the same half, by range. */
static uint32_t format_add(struct made *m, unsigned lines, unsigned half)
{
    struct pbc_format *const f = &m->formats[m->format_count];
    assert_true(m->format_count < FORMATS);
    f->lines = (uint8_t)lines;
    memset(f->half, (int)half, pbc_columns(lines));
    return m->format_count++;
}

static uint32_t *column(struct made *m, uint32_t block, unsigned col)
{
    return m->blocks[block + col / 2].col[col % 2];
}

/* Add a block with all lanes unused. */
static uint32_t block_add(struct made *m, uint32_t format)
{
    const uint32_t block = m->lines;
    m->lines += m->formats[format].lines;
    assert_true(m->lines <= LINES);
    for (unsigned lane = 0; lane < 8; lane++) {
        column(m, block, 0)[lane] = PBC_LANE_NONE;
        column(m, block, 1)[lane] = m->formats[format].pairs ? 1 : UINT32_MAX;
    }
    return block;
}

/* Use a lane, which matches every header until a test is added. */
static void lane_use(struct made *m, uint32_t block, unsigned lane, uint32_t entry)
{
    column(m, block, 0)[lane] = entry;
    column(m, block, 1)[lane] = 0;
}

static uint32_t range(uint32_t lo, uint32_t hi) { return lo | (65535 - hi) << 16; }

static void block_more(struct made *m, uint32_t block) { column(m, block, 0)[7] |= PBC_LANE_MORE; }

static uint64_t leaf_at(const struct made *m, uint32_t block, uint32_t format)
{
    return TREE_LEAF_WORD(block, format, pbc_shape(&m->formats[format]));
}

/* Make a leaf of one lane that matches every header. */
static uint64_t leaf_of(struct made *m, uint32_t entry)
{
    if (!m->format_count) format_add(m, 1, SRC);
    const uint32_t block = block_add(m, 0);
    lane_use(m, block, 0, entry);
    return leaf_at(m, block, 0);
}

static struct program program_of(const struct made *m)
{
    static struct pbc_classifier c;
    c = (struct pbc_classifier){.tree_count = m->words, .block_count = m->lines, .format_count = m->format_count};
    return (struct program){.classifiers = &c, .tree = m->tree, .blocks = m->blocks, .formats = m->formats};
}

/* Check that all walks find `want` for the header at or behind `from`: alone, alone in a batch, and in a full one. */
static void expect_from(const struct made *m, const struct key *key, uint32_t from, uint32_t want)
{
    const struct program p = program_of(m);
    for (enum walk w = 0; w < WALKS; w++) {
        const struct walk_ops *ops = walk_ops(w);
        if (!ops) continue;
        struct key keys[64];
        uint32_t found[64];
        assert_int_equal(ops->one(&p, 0, key, from), want);
        if (from) continue;
        for (unsigned i = 0; i < 64; i++) keys[i] = *key;
        memset(found, 0x5a, sizeof found);
        ops->batch(&p, 0, keys, 1ull << 63, found);
        assert_int_equal(found[63], want);
        for (unsigned i = 0; i < 63; i++) assert_int_equal(found[i], 0x5a5a5a5a);
        ops->batch(&p, 0, keys, ~0ull, found);
        for (unsigned i = 0; i < 64; i++) assert_int_equal(found[i], want);
    }
}

static void expect(const struct made *m, const struct key *key, uint32_t want) { expect_from(m, key, 0, want); }

static void walks_are_named(void **state)
{
    (void)state;
    bool best = false;
    assert_non_null(walk_ops(WALK_SCALAR));
    assert_string_equal(walk_ops(WALK_SCALAR)->name, "scalar");
    for (enum walk w = 0; w < WALKS; w++) best |= walk_ops(w) == walk_best();
    assert_true(best);
    assert_ptr_equal(walk_best(), walk_best());
    assert_null(walk_ops(WALKS));
}

static void nothing_below(void **state)
{
    (void)state;
    expect(made(), &(struct key){0}, ENTRY_NONE);
}

/* Sixteen leaves, distinguished by four bits of every word at every shift. */
static void cuts_read_any_window(void **state)
{
    (void)state;
    struct made *m = made();
    const uint32_t table = words_add(m, 16);
    for (uint32_t i = 0; i < 16; i++) m->tree[table + i] = leaf_of(m, i);
    for (unsigned word = 0; word < 8; word++)
        for (unsigned shift = 0; shift <= 60; shift++) {
            struct key key;
            for (unsigned i = 0; i < 8; i++) key.word[i] = 0x0123456789abcdef * (2 * i + 1);
            m->tree[0] = TREE_CUT_WORD(table, word, shift, 4);
            expect(m, &key, (uint32_t)(key.word[word] >> shift & 15));
        }
}

static void cuts_of_one_and_of_nine_bits(void **state)
{
    (void)state;
    struct made *m = made();
    const uint32_t two = words_add(m, 2), table = words_add(m, 512);
    m->tree[0] = TREE_CUT_WORD(two, 1, 63, 1);
    m->tree[two + 1] = TREE_CUT_WORD(table, 5, 16, 9);
    for (uint32_t i = 0; i < 512; i += 3) m->tree[table + i] = leaf_of(m, 1000 + i);
    struct key key = {0};
    expect(m, &key, ENTRY_NONE);
    key.word[1] = 1ull << 63;
    key.dst_port = 510;
    expect(m, &key, 1510);
    key.dst_port = 510 + 512;
    expect(m, &key, 1510);
    key.dst_port = 509;
    expect(m, &key, ENTRY_NONE);
}

static void forks_take_the_lower(void **state)
{
    (void)state;
    static const uint32_t cases[][3] = {{7, 3, 3}, {7, 9, 7}, {0, 1, 0}};
    for (unsigned i = 0; i < 3; i++) {
        struct made *m = made();
        const uint32_t two = words_add(m, 2);
        m->tree[0] = TREE_FORK_WORD(two, cases[i][1]);
        m->tree[two] = leaf_of(m, cases[i][0]);
        m->tree[two + 1] = leaf_of(m, cases[i][1]);
        expect(m, &(struct key){0}, cases[i][2]);
        m->tree[two] = 0;
        expect(m, &(struct key){0}, cases[i][1]);
    }
}

/* The lowest entry given for the second part decides whether it is searched. */
static void forks_are_left_where_they_cannot_win(void **state)
{
    (void)state;
    struct made *m = made();
    const uint32_t two = words_add(m, 2);
    m->tree[two] = leaf_of(m, 7);
    m->tree[two + 1] = leaf_of(m, 3);
    m->tree[0] = TREE_FORK_WORD(two, 7);
    expect(m, &(struct key){0}, 7);
    m->tree[0] = TREE_FORK_WORD(two, 6);
    expect(m, &(struct key){0}, 3);
    m->tree[two] = 0;
    m->tree[0] = TREE_FORK_WORD(two, PBC_LANE_NONE - 1);
    expect(m, &(struct key){0}, 3);
}

/* Make forks six deep on all paths, with the lowest entry in any of their 64 leaves, so that every packet postpones
 * as many parts as possible: with 64 packets the list of postponed ones is full. */
static uint64_t forks_below(struct made *m, unsigned depth, uint32_t lowest, uint32_t *leaf)
{
    if (depth == PBC_FORKS_MAX) return leaf_of(m, ((*leaf)++ ^ lowest) + 5);
    const uint32_t two = words_add(m, 2);
    const uint64_t first = forks_below(m, depth + 1, lowest, leaf), second = forks_below(m, depth + 1, lowest, leaf);
    m->tree[two] = first;
    m->tree[two + 1] = second;
    return TREE_FORK_WORD(two, 0);
}

static void forks_in_full_depth(void **state)
{
    (void)state;
    for (uint32_t lowest = 0; lowest < 64; lowest += 9) {
        struct made *m = made();
        uint32_t leaf = 0;
        m->tree[0] = forks_below(m, 0, lowest, &leaf);
        assert_int_equal(leaf, 64);
        expect(m, &(struct key){0}, 5);
        expect_from(m, &(struct key){0}, 6, 6);
        expect_from(m, &(struct key){0}, 69, ENTRY_NONE);
    }
}

/* Make forks up to six deep, each of whose parts may end early, so that packets of one batch postpone different
 * numbers. */
static uint64_t forks_drawn(struct made *m, unsigned depth, struct rng *r, uint32_t *least)
{
    if (depth == PBC_FORKS_MAX || rng_one_in(r, 5)) {
        const uint32_t block = rng_below(r, m->lines);
        *least = block + 1 < *least ? block + 1 : *least;
        return leaf_at(m, block, 0);
    }
    const uint32_t two = words_add(m, 2);
    m->tree[two] = forks_drawn(m, depth + 1, r, least);
    m->tree[two + 1] = forks_drawn(m, depth + 1, r, least);
    return TREE_FORK_WORD(two, 0);
}

static void expect_each(const struct made *m, const struct key keys[64], const uint32_t want[64])
{
    const struct program p = program_of(m);
    for (enum walk w = 0; w < WALKS; w++) {
        uint32_t found[64];
        if (!walk_ops(w)) continue;
        walk_ops(w)->batch(&p, 0, keys, ~0ull, found);
        assert_memory_equal(found, want, sizeof found);
    }
}

static void forks_of_any_depth_beside_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng r = {seed};
        struct made *m = made();
        struct key keys[64] = {0};
        uint32_t want[64];
        const uint32_t table = words_add(m, 64);
        for (uint32_t i = 0; i < 200; i++) leaf_of(m, i + 1);
        m->tree[0] = TREE_CUT_WORD(table, 0, 0, 6);
        for (uint32_t i = 0; i < 64; i++) {
            keys[i].src[0] = i;
            want[i] = ENTRY_NONE;
            m->tree[table + i] = forks_drawn(m, rng_below(&r, 3), &r, &want[i]);
        }
        expect_each(m, keys, want);
    }
}

/* Three blocks; every lane but those of entries 3 and 12 tests for a different source. */
static void runs_of_blocks(void **state)
{
    (void)state;
    struct made *m = made();
    struct key key = {0};
    format_add(m, 1, SRC);
    for (uint32_t entry = 0, block = 0; entry < 22; entry++) {
        if (entry % 8 == 0) block = block_add(m, 0);
        lane_use(m, block, entry % 8, entry);
        if (entry != 3 && entry != 12) column(m, block, 1)[entry % 8] = range(entry, entry);
        if (entry % 8 == 7) block_more(m, block);
    }
    m->tree[0] = leaf_at(m, 0, 0);
    key.src[0] = 2;
    expect(m, &key, 2);
    expect_from(m, &key, 2, 2);
    expect_from(m, &key, 3, 3);
    expect_from(m, &key, 4, 12);
    expect_from(m, &key, 13, ENTRY_NONE);
    for (uint32_t i = 0; i < 2; i++) column(m, i, 1)[i ? 4 : 3] = range(99, 99); /* also 3 and 12 */
    for (uint32_t src = 0; src < 25; src++) {
        key.src[0] = src;
        const bool there = src < 22 && src != 3 && src != 12;
        expect(m, &key, there ? src : ENTRY_NONE);
        expect_from(m, &key, there ? src : 0, there ? src : ENTRY_NONE);
        expect_from(m, &key, src + 1, ENTRY_NONE);
    }
    key.src[0] = 99;
    expect(m, &key, 3);
    expect_from(m, &key, 4, 12);
}

/* Boxes of one entry are adjacent. */
static void lanes_of_one_entry(void **state)
{
    (void)state;
    struct made *m = made();
    m->tree[0] = leaf_of(m, 4);
    for (unsigned lane = 1; lane < 4; lane++) lane_use(m, 0, lane, 4 + lane / 3);
    expect(m, &(struct key){0}, 4);
    expect_from(m, &(struct key){0}, 5, 5);
    expect_from(m, &(struct key){0}, 6, ENTRY_NONE);
}

/* In blocks of each size each column is compared, by range and by mask, in every lane, also in the second block of a
 * run. Column 1 tests by range. */
static void formats_compare_every_column(void **state)
{
    (void)state;
    for (unsigned lines = 1; lines <= PBC_LINES_MOST; lines++)
        for (unsigned i = 1; i <= pbc_columns(lines); i++)
            for (unsigned masked = 0; masked <= (i > 1); masked++) {
                struct made *m = made();
                const unsigned lane = i % 8, half = 31 - i;
                const uint32_t format = format_add(m, lines, 31);
                m->formats[format].half[i - 1] = (uint8_t)(half | (masked ? PBC_MASKED : 0));
                const uint32_t first = block_add(m, format), second = block_add(m, format);
                block_more(m, first);
                lane_use(m, second, lane, 77);
                column(m, second, i)[lane] = masked ? 0x8001 | 0xc003u << 16 : range(0x8001, 0xbffd);
                m->tree[0] = leaf_at(m, first, format);
                struct key key = {0};
                expect(m, &key, ENTRY_NONE);
                key.half[half] = 0x8001;
                expect(m, &key, 77);
                key.half[half] = 0xbffd;
                expect(m, &key, 77);
                key.half[half] = 0xbffe; /* its lowest bits are different */
                expect(m, &key, ENTRY_NONE);
                key.half[half] = 0x8002;
                expect(m, &key, masked ? ENTRY_NONE : 77);
            }
}

/* Pairs compare complete slots under their mask; the columns behind them are compared, too. */
static void pairs_compare_whole_slots(void **state)
{
    (void)state;
    for (unsigned lines = 2; lines <= PBC_LINES_MOST; lines++)
        for (unsigned pair = 0; pair < lines - 1; pair++) {
            struct made *m = made();
            const unsigned lane = pair % 8, slot = 15 - pair;
            const uint32_t format = format_add(m, lines, KEY_HALF(proto));
            struct pbc_format *const f = &m->formats[format];
            f->pairs = (uint8_t)(pair + 1);
            for (unsigned i = 0; i < 2u * f->pairs; i++) f->half[i] = (uint8_t)(i % 2);
            f->half[2 * pair] = (uint8_t)(2 * slot);
            f->half[2 * pair + 1] = (uint8_t)(2 * slot + 1);
            const uint32_t block = block_add(m, format);
            lane_use(m, block, lane, 77);
            column(m, block, 2 * pair + 1)[lane] = 0x80000001;
            column(m, block, 2 * pair + 2)[lane] = 0xc0000003;
            m->tree[0] = leaf_at(m, block, format);
            struct key key = {0};
            expect(m, &key, ENTRY_NONE);
            key.slot[slot] = 0x80000001;
            expect(m, &key, 77);
            key.slot[slot] = 0xbffffffd;
            expect(m, &key, 77);
            key.slot[slot] = 0xc0000001;
            expect(m, &key, ENTRY_NONE);
            key.slot[slot] = 0x80000001;
            column(m, block, pbc_columns(lines))[lane] = range(1, 65535);
            expect(m, &key, key.proto ? 77 : ENTRY_NONE);
        }
}

static void halves_between_bounds(void **state)
{
    (void)state;
    static const uint16_t ranges[][2] = {{0, 65535},    {0, 0},    {65535, 65535}, {80, 80},
                                         {1024, 65535}, {0, 1023}, {32767, 32768}};
    static const uint16_t halves[] = {0, 1, 79, 80, 81, 1023, 1024, 32766, 32767, 32768, 32769, 65534, 65535};
    for (unsigned r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (unsigned i = 0; i < sizeof halves / sizeof *halves; i++)
            for (unsigned at = 1; at <= 3; at++) {
                struct made *m = made();
                const uint32_t format = format_add(m, 2, 31), lo = ranges[r][0], hi = ranges[r][1];
                m->formats[format].half[at - 1] = SRC_UPPER;
                m->tree[0] = leaf_of(m, 1);
                column(m, 0, at)[0] = range(lo, hi);
                const struct key key = {.src = {(uint32_t)halves[i] << 16 | 7}};
                expect(m, &key, halves[i] >= lo && halves[i] <= hi ? 1 : ENTRY_NONE);
            }
}

/* An unused lane never matches, for any bits of a header. */
static void unused_lanes_never_hold(void **state)
{
    (void)state;
    for (unsigned lines = 1; lines <= PBC_LINES_MOST; lines++) {
        struct made *m = made();
        struct key key;
        const uint32_t format = format_add(m, lines, KEY_HALF(proto));
        m->tree[0] = leaf_at(m, block_add(m, format), format);
        for (unsigned i = 0; i < 16; i++) key.slot[i] = 1;
        expect(m, &key, ENTRY_NONE);
        memset(&key, 0xff, sizeof key);
        expect(m, &key, ENTRY_NONE);
    }
}

/* Packets that end at different depths, in leaves of different sizes, or nowhere, in one batch. */
static void packets_of_a_batch_go_their_own_ways(void **state)
{
    (void)state;
    struct made *m = made();
    for (unsigned n = 0; n < 6; n++) format_add(m, n + 1, KEY_HALF(proto));
    m->formats[2].half[4] |= PBC_MASKED;
    uint32_t at = 0, want[64];
    for (uint32_t level = 0; level < 6; level++) { /* bit `level` of the source ends the path there */
        const uint32_t two = words_add(m, 2), format = level, block = block_add(m, format);
        m->tree[at] = TREE_CUT_WORD(two, 0, level, 1);
        lane_use(m, block, level, 10 + level);
        m->tree[two + 1] = leaf_at(m, block, format);
        at = two;
    }
    struct key keys[64] = {0};
    for (uint32_t i = 0; i < 64; i++) {
        keys[i].src[0] = i * 37 % 64;
        want[i] = keys[i].src[0] ? 10 + (uint32_t)__builtin_ctz(keys[i].src[0]) : ENTRY_NONE;
    }
    const struct program p = program_of(m);
    for (enum walk w = 0; w < WALKS; w++) {
        uint32_t found[64];
        if (!walk_ops(w)) continue;
        memset(found, 0x5a, sizeof found);
        walk_ops(w)->batch(&p, 0, keys, 0xf0f0ff00aa5500ff, found);
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(found[i], 0xf0f0ff00aa5500ff >> i & 1 ? want[i] : 0x5a5a5a5a);
    }
}

/* Numbers in a classifier are relative to its parts of the sections. */
static void parts_of_a_later_classifier(void **state)
{
    (void)state;
    struct made *m = made();
    m->tree[0] = leaf_of(m, 1);
    const struct pbc_classifier c[] = {{0}, {.tree = 3, .blocks = 2, .formats = 1}};
    struct program p = program_of(m);
    p.classifiers = c;
    m->tree[3] = leaf_at(m, 0, 0);
    m->formats[1] = m->formats[0];
    m->blocks[2] = m->blocks[0];
    column(m, 2, 0)[0] = 9;
    for (enum walk w = 0; w < WALKS; w++)
        if (walk_ops(w)) assert_int_equal(walk_ops(w)->one(&p, 1, &(struct key){0}, 0), 9);
    uint32_t found;
    classify_batch(&p, 1, &(struct key){0}, 1, &found);
    assert_int_equal(found, 9);
    assert_int_equal(classify_one(&p, 0, &(struct key){0}, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_are_named),
        cmocka_unit_test(nothing_below),
        cmocka_unit_test(cuts_read_any_window),
        cmocka_unit_test(cuts_of_one_and_of_nine_bits),
        cmocka_unit_test(forks_take_the_lower),
        cmocka_unit_test(forks_are_left_where_they_cannot_win),
        cmocka_unit_test(forks_in_full_depth),
        cmocka_unit_test(forks_of_any_depth_beside_each_other),
        cmocka_unit_test(runs_of_blocks),
        cmocka_unit_test(lanes_of_one_entry),
        cmocka_unit_test(formats_compare_every_column),
        cmocka_unit_test(pairs_compare_whole_slots),
        cmocka_unit_test(halves_between_bounds),
        cmocka_unit_test(unused_lanes_never_hold),
        cmocka_unit_test(packets_of_a_batch_go_their_own_ways),
        cmocka_unit_test(parts_of_a_later_classifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
