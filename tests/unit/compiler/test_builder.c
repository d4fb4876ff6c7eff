/* The builder of classifiers: its results equal a search of its boxes one by one, its limits hold, and it reports
 * lists that resist. Searches here read the image independently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/classify/tree/builder.h"
#include "compiler/normal/kinds.h"
#include "tests/lib/rng.h"
#include "tests/lib/ruleset.h"
#include "vm/packet/key.h"

enum { TCP4 = KIND_IP4 | KIND_PROTO | KIND_TCP | KIND_PORTS, WHOLE = 64 << 20 };
static const struct build_limits roomy = {.bytes = WHOLE, .workers = 1, .ranks = RANKS_NEVER};

/* ---- the search, and the list that it replaces ---- */

static bool in_ports(const struct port_range *r, uint16_t port) { return port >= r->lo && port <= r->hi; }

static uint32_t scan(const struct boxes *b, const struct key *k, uint32_t from)
{
    for (uint32_t i = 0; i < b->count; i++) {
        bool holds = b->entry[i] >= from && in_ports(&b->sport[i], k->src_port) && in_ports(&b->dport[i], k->dst_port);
        for (unsigned c = 0; c < b->slots && holds; c++)
            holds = (k->slot[b->slot[c]] & b->mask[c][i]) == b->value[c][i];
        if (holds) return b->entry[i];
    }
    return UINT32_MAX;
}

/* Blocks, words and forks on a search's path. */
struct met {
    uint32_t blocks, words, forks;
};

static bool half_holds(uint32_t word, bool masked, uint32_t half)
{
    const uint32_t lower = word & 0xffff, upper = word >> 16;
    return masked ? (half & upper) == lower : half >= lower && half <= 65535 - upper;
}

static bool lane_holds(const uint32_t (*col)[8], const struct pbc_format *f, unsigned lane, const struct key *k)
{
    for (unsigned i = 0; i < 2u * f->pairs; i += 2)
        if ((k->slot[f->half[i] / 2] & col[i + 2][lane]) != col[i + 1][lane]) return false;
    for (unsigned i = 2u * f->pairs; i < pbc_columns(f->lines); i++)
        if (!half_holds(col[i + 1][lane], f->half[i] & PBC_MASKED, k->half[PBC_HALF(f->half[i])])) return false;
    return true;
}

static uint32_t in_leaf(const struct built *m, uint64_t word, const struct key *k, uint32_t from, struct met *met)
{
    const struct pbc_format *f = &m->formats[TREE_FORMAT(word)];
    assert_in_range(f->lines, 1, PBC_LINES_MOST);
    assert_int_equal(TREE_SHAPE(word), pbc_shape(f));
    for (uint32_t block = TREE_BASE(word);; block += f->lines) {
        const uint32_t(*col)[8] = (const uint32_t(*)[8])m->blocks[block].col;
        assert_true(block + f->lines <= m->block_count);
        met->blocks++;
        for (unsigned lane = 0; lane < 8; lane++)
            if ((col[0][lane] & PBC_LANE_NONE) >= from && lane_holds(col, f, lane, k))
                return col[0][lane] & PBC_LANE_NONE;
        if (!(col[0][7] & PBC_LANE_MORE)) return UINT32_MAX;
    }
}

static uint32_t below(const struct built *m, uint32_t at, const struct key *k, uint32_t from, unsigned forks,
                      struct met *met)
{
    const uint64_t w = m->tree[at];
    const uint32_t base = TREE_BASE(w);
    met->words++;
    if (forks > met->forks) met->forks = forks;
    if (TREE_KIND(w) == TREE_NONE) return UINT32_MAX;
    if (TREE_KIND(w) == TREE_LEAF) return in_leaf(m, w, k, from, met);
    assert_true(base > at && base < m->tree_count);
    if (TREE_KIND(w) == TREE_CUT) {
        const uint32_t child = (uint32_t)(k->word[TREE_WORD(w)] >> TREE_SHIFT(w)) & ((1u << TREE_BITS(w)) - 1);
        return below(m, base + child, k, from, forks, met);
    }
    const uint32_t first = below(m, base, k, from, forks + 1, met),
                   second = below(m, base + 1, k, from, forks + 1, met);
    if (second != UINT32_MAX) assert_true(second >= TREE_LEAST(w));
    return first < second ? first : second;
}

static uint32_t search(const struct built *m, const struct key *k, uint32_t from)
{
    struct met met = {0};
    const uint32_t found = below(m, 0, k, from, 0, &met);
    assert_true(met.words <= m->words);
    assert_true(met.blocks <= m->compared);
    assert_true(met.forks <= m->forks);
    return found;
}

static uint64_t bytes_of(const struct built *m)
{
    return m->tree_count * sizeof *m->tree + m->block_count * sizeof *m->blocks + m->format_count * sizeof *m->formats;
}

/* ---- boxes ---- */

static uint32_t add(struct boxes *b, uint32_t kind)
{
    const uint32_t box = boxes_add(b, b->count);
    if (kind) assert_true(boxes_ask(b, box, KEY_SLOT(kind), kind, kind));
    return box;
}

static void ask(struct boxes *b, uint32_t box, unsigned slot, uint32_t value, uint32_t mask)
{
    assert_true(boxes_ask(b, box, slot, value & mask, mask));
}

static void add_port(struct boxes *b, uint32_t kind, uint16_t port)
{
    const uint32_t box = add(b, kind);
    b->dport[box] = (struct port_range){port, port};
}

static uint32_t prefix(unsigned len) { return len ? ~0u << (32 - len) : 0; }

static struct port_range draw_range(struct rng *r)
{
    const uint16_t a = (uint16_t)rng_below(r, 65536), b = (uint16_t)rng_below(r, 65536);
    return a < b ? (struct port_range){a, b} : (struct port_range){b, a};
}

/* Draw ordinary rules: prefixes of few networks, a port or a range, some protocols. */
static void draw_ordinary(struct boxes *b, uint32_t count, struct rng *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = add(b, rng_one_in(r, 5) ? KIND_IP4 : TCP4);
        if (!rng_one_in(r, 4)) ask(b, box, 0, 0x0a000000 + rng_below(r, 1 << 20), prefix(8 + rng_below(r, 25)));
        if (!rng_one_in(r, 4)) ask(b, box, 4, 0xc0a80000 + rng_below(r, 1 << 16), prefix(12 + rng_below(r, 21)));
        if (b->mask[0][box] != TCP4) continue;
        if (rng_one_in(r, 2)) b->dport[box] = (struct port_range){(uint16_t)rng_below(r, 200), 200};
        if (rng_one_in(r, 6)) b->sport[box] = draw_range(r);
    }
}

/* Draw every bit at random. */
static void draw_random_bits(struct boxes *b, uint32_t count, struct rng *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = add(b, 0);
        for (unsigned slot = 0; slot < 15; slot++) {
            if (slot == KEY_SLOT(src_port)) continue;
            const uint32_t mask = rng_below(r, 1 << 16) << 16 | rng_below(r, 1 << 16);
            ask(b, box, slot, rng_below(r, 1 << 16) * 0x10001u, mask);
        }
    }
}

static void draw_ranges(struct boxes *b, uint32_t count, struct rng *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = add(b, TCP4);
        b->sport[box] = draw_range(r);
        b->dport[box] = draw_range(r);
    }
}

/* Draw short prefixes and ranges that overlap, so that splitting them makes them no easier. */
static void draw_overlapping(struct boxes *b, uint32_t count, struct rng *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = add(b, TCP4);
        for (unsigned slot = 0; slot <= 4; slot += 4)
            ask(b, box, slot, rng_below(r, 256) << 24, prefix(rng_below(r, 9)));
        b->sport[box] = draw_range(r);
        b->dport[box] = draw_range(r);
    }
}

static void draw_ports(struct boxes *b, uint32_t count, struct rng *r)
{
    (void)r;
    for (uint32_t i = 0; i < count; i++) add_port(b, TCP4, (uint16_t)i);
}

static void draw_identical(struct boxes *b, uint32_t count, struct rng *r)
{
    (void)r;
    for (uint32_t i = 0; i < count; i++) ask(b, add(b, TCP4), 0, 0x0a000000, prefix(8));
}

static void draw_v6(struct boxes *b, uint32_t count, struct rng *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = add(b, KIND_IP6);
        for (unsigned side = 0; side < 8; side += 4) {
            const unsigned len = 32 + rng_below(r, 97);
            for (unsigned w = 0; w * 32 < len; w++)
                ask(b, box, side + w, w ? rng_below(r, 1 << 10) << 22 | rng_below(r, 64) : 0x20010db8,
                    prefix(len - w * 32 < 32 ? len - w * 32 : 32));
        }
    }
}

/* Draw boxes that test six bits anywhere in each address: no window distinguishes many. */
static void draw_ternary(struct boxes *b, uint32_t count, struct rng *r)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t box = add(b, KIND_IP4);
        for (unsigned bit = 0; bit < 12; bit++)
            ask(b, box, bit < 6 ? 0 : 4, rng_below(r, 2) ? ~0u : 0, 1u << rng_below(r, 32));
    }
}

static void draw_key(const struct boxes *b, struct rng *r, struct key *k)
{
    const uint32_t box = rng_below(r, b->count);
    *k = (struct key){.kind = 0};
    for (unsigned c = 0; c < b->slots; c++) {
        const uint32_t random = rng_below(r, 1 << 16) << 16 | rng_below(r, 1 << 16);
        k->slot[b->slot[c]] = b->value[c][box] | (b->slot[c] == KEY_SLOT(kind) ? 0 : random & ~b->mask[c][box]);
    }
    k->src_port = (uint16_t)(b->sport[box].lo + rng_below(r, b->sport[box].hi - b->sport[box].lo + 1u));
    k->dst_port = (uint16_t)(b->dport[box].lo + rng_below(r, b->dport[box].hi - b->dport[box].lo + 1u));
    if (rng_one_in(r, 4)) k->dst_port = (uint16_t)rng_below(r, 65536);
    if (rng_one_in(r, 4)) k->src[0] ^= 1u << rng_below(r, 32);
}

static void compare(const struct boxes *b, const struct built *m, uint32_t keys, struct rng *r)
{
    for (uint32_t i = 0; i < keys && b->count; i++) {
        struct key k;
        draw_key(b, r, &k);
        assert_int_equal(search(m, &k, 0), scan(b, &k, 0));
    }
}

/* ---- tests ---- */

static void nothing_finds_nothing(void **state)
{
    struct boxes b;
    struct built m;
    boxes_init(&b);
    assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &m), BUILD_OK);
    assert_int_equal(m.tree_count, 1);
    assert_int_equal(TREE_KIND(m.tree[0]), TREE_NONE);
    assert_int_equal(m.words, 1);
    assert_int_equal(m.compared, 0);
    built_fini(&m);
    (void)state;
}

static void one_box_is_one_leaf(void **state)
{
    struct boxes b;
    struct built m;
    boxes_init(&b);
    const uint32_t box = boxes_add(&b, 3);
    ask(&b, box, 0, 0x0a000000, prefix(8));
    assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &m), BUILD_OK);
    assert_int_equal(m.leaves, 1);
    assert_int_equal(m.block_count, 1);
    assert_int_equal(search(&m, &(struct key){.src = {0x0a010203}}, 0), 3);
    assert_int_equal(search(&m, &(struct key){.src = {0x0b010203}}, 0), UINT32_MAX);
    built_fini(&m);
    boxes_fini(&b);
    (void)state;
}

typedef void draw_fn(struct boxes *, uint32_t, struct rng *);
static const struct {
    draw_fn *draw;
    uint32_t count;
    uint32_t work; /* most boxes looked at per box: as one tree, and in parts by open addresses if there are any */
} sets[] = {
    {draw_ordinary, 40, 4000},   {draw_ordinary, 3000, 1000},    {draw_random_bits, 600, 10000},
    {draw_ranges, 3000, 2000},   {draw_overlapping, 4000, 7000}, {draw_ports, 65536, 100},
    {draw_identical, 20000, 10}, {draw_v6, 3000, 1000},          {draw_ternary, 3000, 12000},
};

/* The builder finds the same as the list, within limits of forks, of bytes, and of boxes looked at. */
static void finds_what_boxes_say(void **state)
{
    struct rng r = {.state = 7};
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct boxes b;
        struct built m;
        boxes_init(&b);
        sets[i].draw(&b, sets[i].count, &r);
        assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &m), BUILD_OK);
        compare(&b, &m, 300, &r);
        assert_true(m.forks <= PBC_FORKS_MAX);
        assert_true(m.compared <= PBC_COMPARED_MAX);
        assert_true(bytes_of(&m) <= roomy.bytes);
        if (m.work > (uint64_t)sets[i].work * b.count)
            fail_msg("set %u: %lu boxes looked at", i, (unsigned long)m.work);
        built_fini(&m);
        boxes_fini(&b);
    }
    (void)state;
}

static void equal_boxes_make_equal_images(void **state)
{
    struct built m[2];
    for (unsigned i = 0; i < 2; i++) {
        struct rng r = {.state = 11};
        struct boxes b;
        boxes_init(&b);
        draw_ordinary(&b, 2000, &r);
        assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &m[i]), BUILD_OK);
        boxes_fini(&b);
    }
    assert_int_equal(m[0].tree_count, m[1].tree_count);
    assert_int_equal(m[0].block_count, m[1].block_count);
    assert_memory_equal(m[0].tree, m[1].tree, m[0].tree_count * sizeof *m[0].tree);
    assert_memory_equal(m[0].blocks, m[1].blocks, m[0].block_count * sizeof *m[0].blocks);
    assert_memory_equal(m[0].formats, m[1].formats, m[0].format_count * sizeof *m[0].formats);
    built_fini(&m[0]);
    built_fini(&m[1]);
    (void)state;
}

/* A leaf of boxes that test addresses and the protocol takes three lines per block once kind is known. */
static void kind_is_cut_on_first(void **state)
{
    struct rng r = {.state = 5};
    struct boxes b;
    struct built m;
    boxes_init(&b);
    for (unsigned i = 0; i < 64; i++) {
        const uint32_t box = add(&b, TCP4);
        ask(&b, box, 0, rng_below(&r, 1 << 30), prefix(24));
        ask(&b, box, 4, rng_below(&r, 1 << 30), prefix(24));
        ask(&b, box, KEY_SLOT(proto), 6, 0xffff);
    }
    assert_int_equal(classifier_build(&b, NULL, kind_possible, &roomy, &m), BUILD_OK);
    assert_int_equal(TREE_KIND(m.tree[0]), TREE_CUT);
    assert_int_equal(TREE_WORD(m.tree[0]), KEY_SLOT(kind) / 2);
    for (uint32_t i = 0; i < m.format_count; i++) assert_in_range(m.formats[i].lines, 1, 3);
    built_fini(&m);
    boxes_fini(&b);
    (void)state;
}

/* A leaf tests only the halves that its boxes test, first the one that distinguishes most of them: prefixes and
 * ports by range, other bits by mask, and no kind that is already known. */
static void leaves_ask_no_more_than_their_boxes(void **state)
{
    static const struct pbc_format asked = {
        3, 0, {2 * KEY_SLOT(src), 2 * KEY_SLOT(src) + 1, KEY_HALF(dst_port), 2, 2 * KEY_SLOT(marks) | PBC_MASKED}};
    struct boxes b;
    struct built m;
    boxes_init(&b);
    for (unsigned i = 0; i < 8; i++) {
        const uint32_t box = add(&b, 0);
        ask(&b, box, KEY_SLOT(src), 0x0a000000 | i << 8, prefix(24));
        ask(&b, box, KEY_SLOT(marks), TCP_SYN, TCP_SYN | TCP_ACK);
        b.dport[box] = (struct port_range){80, 81};
    }
    assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &m), BUILD_OK);
    assert_int_equal(m.format_count, 1);
    assert_memory_equal(m.formats, &asked, sizeof asked);
    assert_int_equal(m.block_count, 3);
    assert_int_equal(m.blocks[0].col[1][3], 0x0300 | (65535 - 0x03ffu) << 16);
    assert_int_equal(m.blocks[1].col[1][3], 80 | (65535 - 81u) << 16);
    assert_int_equal(m.blocks[2].col[1][3], TCP_SYN | (TCP_SYN | TCP_ACK) << 16);
    built_fini(&m);
    boxes_fini(&b);
    (void)state;
}

/* Boxes without a protocol are copied to each protocol that exists, not to each combination of bits. */
static void impossible_kinds_take_nothing(void **state)
{
    struct rng r = {.state = 2};
    struct boxes b;
    struct built all, possible;
    boxes_init(&b);
    for (unsigned i = 0; i < 200; i++) {
        static const uint32_t kinds[] = {TCP4, KIND_IP4 | KIND_UDP | KIND_PORTS, KIND_IP6 | KIND_ICMP6,
                                         KIND_IP6 | KIND_TCP, 0};
        ask(&b, add(&b, kinds[i % 5]), 4, i << 8, prefix(24));
    }
    assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &all), BUILD_OK);
    assert_int_equal(classifier_build(&b, NULL, kind_possible, &roomy, &possible), BUILD_OK);
    compare(&b, &all, 100, &r);
    const struct key impossible = {.kind = TCP4 | KIND_IP6 | KIND_UDP, .dst = {5 << 8}};
    assert_int_equal(search(&all, &impossible, 0), scan(&b, &impossible, 0));
    assert_int_equal(search(&possible, &impossible, 0), UINT32_MAX);
    built_fini(&all);
    built_fini(&possible);
    boxes_fini(&b);
    (void)state;
}

/* Entries that an earlier box covers are gone, unless that box's rule may fail. */
static void code_covers_nothing(void **state)
{
    for (unsigned with_code = 0; with_code < 2; with_code++) {
        struct boxes b;
        struct built m;
        const bool coded[3] = {with_code, false, false};
        boxes_init(&b);
        ask(&b, add(&b, 0), 0, 0x0a000000, prefix(8));
        ask(&b, add(&b, 0), 0, 0x0a010000, prefix(16));
        ask(&b, add(&b, 0), 0, 0x0b000000, prefix(8));
        assert_int_equal(classifier_build(&b, coded, NULL, &roomy, &m), BUILD_OK);
        assert_int_equal(m.longest_leaf, with_code ? 3 : 2);
        assert_int_equal(m.chain, with_code);
        const struct key k = {.src = {0x0a010203}};
        assert_int_equal(search(&m, &k, 0), 0);
        if (with_code) assert_int_equal(search(&m, &k, 1), 1);
        built_fini(&m);
        boxes_fini(&b);
    }
    (void)state;
}

/* Ever less room: an image within it that finds the same, and finally none. */
static void keeps_within_its_room(void **state)
{
    struct rng r = {.state = 3};
    struct boxes b;
    int error = BUILD_OK;
    unsigned fitted = 0;
    boxes_init(&b);
    draw_ordinary(&b, 4000, &r);
    for (uint64_t bytes = 4 << 20; bytes >= 1 << 9; bytes /= 2) {
        struct built m;
        const int now = classifier_build(&b, NULL, NULL, &(struct build_limits){.bytes = bytes, .workers = 1}, &m);
        assert_true(now == BUILD_OK || now == BUILD_TOO_LARGE);
        assert_true(error == BUILD_OK || now == error);
        error = now;
        if (now) continue;
        fitted++;
        assert_true(bytes_of(&m) <= bytes);
        compare(&b, &m, 50, &r);
        built_fini(&m);
    }
    assert_true(fitted > 2);
    assert_int_equal(error, BUILD_TOO_LARGE);
    boxes_fini(&b);
    (void)state;
}

static void tells_what_resists(void **state)
{
    struct rng r = {.state = 9};
    struct boxes b;
    struct built m;
    boxes_init(&b);
    draw_ternary(&b, 3000, &r);
    assert_int_equal(classifier_build(&b, NULL, NULL, &(struct build_limits){.bytes = 1 << 18, .workers = 1}, &m),
                     BUILD_OK);
    assert_true(m.last_resort);
    assert_true(m.longest_leaf > 24);
    assert_true(m.overlap_count > 1 && m.overlap_count <= 16);
    for (uint32_t i = 1; i < m.overlap_count; i++) assert_true(m.overlap_sample[i] > m.overlap_sample[i - 1]);
    built_fini(&m);
    boxes_fini(&b);
    (void)state;
}

/* Boxes that test bits of every half, without prefixes, have no block: they are cut until the path is specific
 * enough. */
static void what_no_block_holds_is_cut(void **state)
{
    struct rng r = {.state = 4};
    struct boxes b;
    struct built m;
    boxes_init(&b);
    for (unsigned i = 0; i < 12; i++) {
        const uint32_t box = boxes_add(&b, i);
        for (unsigned slot = 0; slot < 16; slot++)
            if (slot != KEY_SLOT(src_port)) ask(&b, box, slot, rng_below(&r, 2) * 0x00050005, 0x00050005);
    }
    assert_int_equal(classifier_build(&b, NULL, NULL, &roomy, &m), BUILD_OK);
    assert_true(TREE_KIND(m.tree[0]) == TREE_CUT || TREE_KIND(m.tree[0]) == TREE_FORK);
    compare(&b, &m, 300, &r);
    built_fini(&m);
    boxes_fini(&b);
    (void)state;
}

/* The rules for only TCP are covered, so TCP shares the leaves of UDP and SCTP, although its list is different. */
static void equal_leaves_are_one(void **state)
{
    struct built m[2];
    for (unsigned with_tcp = 0; with_tcp < 2; with_tcp++) {
        struct boxes b;
        boxes_init(&b);
        for (unsigned i = 0; i < 2048; i++) add_port(&b, KIND_PORTS, (uint16_t)i);
        for (unsigned i = 0; with_tcp && i < 512; i++) add_port(&b, TCP4, (uint16_t)(i * 4));
        assert_int_equal(classifier_build(&b, NULL, kind_possible, &roomy, &m[with_tcp]), BUILD_OK);
        boxes_fini(&b);
    }
    assert_true(m[0].leaves >= 2048 / 16);
    assert_true(m[1].leaves <= m[0].leaves + m[0].leaves / 4);
    built_fini(&m[0]);
    built_fini(&m[1]);
    (void)state;
}

/* Rules with an open source and rules with an open destination get a tree each, and the worst path is shorter than
 * through one tree. */
static void open_addresses_make_parts(void **state)
{
    enum { RULES = 10000, LINES_OF_WHOLE = 122 };
    static bool coded[RULES];
    struct rng r = {.state = 9};
    struct ruleset rs;
    struct boxes b;
    ruleset_make(&rs, RULES_FW, true, RULES, 1);
    assert_true(ruleset_boxes(&rs, &b));
    for (unsigned all_coded = 0; all_coded < 2; all_coded++) {
        struct built m;
        memset(coded, (int)all_coded, sizeof coded);
        assert_int_equal(classifier_build(&b, coded, NULL, &roomy, &m), BUILD_OK);
        compare(&b, &m, 500, &r);
        assert_true(m.forks <= PBC_FORKS_MAX);
        if (!all_coded) assert_int_equal(TREE_KIND(m.tree[0]), TREE_FORK);
        if (!all_coded) assert_true(m.lines < LINES_OF_WHOLE);
        built_fini(&m);
    }
    boxes_fini(&b);
    ruleset_fini(&rs);
    (void)state;
}

/* Draw IPv6 networks and ranges of ports on both sides, so that many boxes match at a point. */
static void draw_crossing(struct boxes *b, uint32_t count, struct rng *r)
{
    draw_ranges(b, count, r);
    for (uint32_t box = 0; box < count; box++) {
        for (unsigned side = 0; side < 8; side += 4) {
            ask(b, box, side, 0x20010db8 + rng_below(r, 8), ~0u);
            ask(b, box, side + 1, rng_below(r, 1 << 16), prefix(8 + rng_below(r, 16)));
        }
    }
}

/* Another way to build is given up at its first path that is no shorter than the present one. Otherwise all ways
 * together would look at a hundred times as many boxes here. */
static void gives_up_what_is_no_shorter(void **state)
{
    enum { BOXES = 10000, WORK = 1000 };
    const struct build_limits by_cost = {.bytes = WHOLE, .workers = 1};
    struct rng r = {.state = 4};
    struct boxes b;
    struct built m;
    boxes_init(&b);
    draw_crossing(&b, BOXES, &r);
    assert_int_equal(classifier_build(&b, NULL, NULL, &by_cost, &m), BUILD_OK);
    if (m.work > (uint64_t)WORK * BOXES) fail_msg("%lu boxes looked at", (unsigned long)m.work);
    built_fini(&m);
    boxes_fini(&b);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_finds_nothing),         cmocka_unit_test(one_box_is_one_leaf),
        cmocka_unit_test(finds_what_boxes_say),          cmocka_unit_test(equal_boxes_make_equal_images),
        cmocka_unit_test(kind_is_cut_on_first),          cmocka_unit_test(leaves_ask_no_more_than_their_boxes),
        cmocka_unit_test(impossible_kinds_take_nothing), cmocka_unit_test(code_covers_nothing),
        cmocka_unit_test(keeps_within_its_room),         cmocka_unit_test(tells_what_resists),
        cmocka_unit_test(what_no_block_holds_is_cut),    cmocka_unit_test(equal_leaves_are_one),
        cmocka_unit_test(open_addresses_make_parts),     cmocka_unit_test(gives_up_what_is_no_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
