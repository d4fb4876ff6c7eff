/* A batch through function 0 at once: every way to test a column has the plain one's result, and code treats 64
 * packets together like each alone, in the same order if order is visible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "tests/lib/rng.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/columns/columns.h"

enum { PACKETS = COLUMN_LANES, BODY = 150, PROGRAMS = 300, EVENTS = PACKETS * BODY };

/* Draw from few numbers, so that many are equal, and from the ends of ranges. */
static uint32_t draw_word(struct rng *r)
{
    static const uint32_t words[] = {0, 1, 2, 3, 0xffff, 0x10000, 0x7fffffff, 0x80000000, UINT32_MAX};
    return rng_one_in(r, 3) ? (uint32_t)rng_next(r) : words[rng_below(r, sizeof words / sizeof *words)];
}

static void every_way_answers_as_the_plain_one(void **state)
{
    (void)state;
    struct rng r = {7};
    const struct column_ops *const plain = column_ops(COLUMNS_PLAIN);
    assert_non_null(plain);
    for (unsigned round = 0; round < 20000; round++) {
        uint32_t column[COLUMN_LANES] __attribute__((aligned(64)));
        decided want[COLUMN_LANES], got[COLUMN_LANES];
        for (unsigned i = 0; i < COLUMN_LANES; i++) column[i] = draw_word(&r), want[i] = got[i] = rng_next(&r);
        const uint32_t a = draw_word(&r), b = draw_word(&r);
        const unsigned shift = rng_one_in(&r, 2) ? 16 : 0;
        const uint64_t lanes = rng_next(&r) & rng_next(&r);
        plain->put(want, lanes, a);
        for (unsigned i = 0; i < COLUMN_LANES; i++) {
            assert_int_equal(plain->equal(column, a, b) >> i & 1, (column[i] & a) == b);
            assert_int_equal(plain->within(column, shift, a, b) >> i & 1, (column[i] << shift) - a <= b);
            if (lanes >> i & 1) assert_int_equal(want[i], a);
        }
        for (unsigned w = 0; w < COLUMNS_WAYS; w++) {
            const struct column_ops *const o = column_ops((enum columns)w);
            if (!o) continue;
            assert_int_equal(o->equal(column, a, b), plain->equal(column, a, b));
            assert_int_equal(o->within(column, shift, a, b), plain->within(column, shift, a, b));
            memcpy(got + 0, want, sizeof got);
            for (uint64_t left = lanes; left; left &= left - 1) got[__builtin_ctzll(left)] = 1;
            o->put(got, lanes, a);
            assert_memory_equal(got, want, sizeof got);
        }
    }
}

static struct insn draw_test(struct rng *r)
{
    struct insn n = {.op = (uint8_t)(OP_JEQ + rng_below(r, OP_JNMAP - OP_JEQ + 1)), .imm = draw_word(r)};
    if (n.op <= OP_JNONE) {
        n.a = (uint8_t)rng_below(r, 16);
    } else if (n.op <= OP_JNPFX) {
        n.a = (uint8_t)rng_below(r, 256);
    } else {
        const uint32_t x = draw_word(r) & 0xffff, y = draw_word(r) & 0xffff;
        n.a = (uint8_t)(KEY_HALF(src_port) + rng_below(r, 12));
        n.imm = n.op >= OP_JMAP ? 0 : x < y ? x << 16 | y : y << 16 | x;
    }
    return n;
}

/* Draw tests that jump anywhere forward, most of them over a decision, a count or a log; two ends. */
static uint32_t draw_code(struct rng *r, struct insn code[])
{
    const uint32_t count = 3 + rng_below(r, BODY - 3);
    for (uint32_t i = 0; i < count - 3; i++) {
        const bool after_test = i > 0 && op_jumps(code[i - 1].op) && code[i - 1].to == 1;
        code[i] = draw_test(r);
        code[i].to = rng_one_in(r, 2) || i + 4 >= count ? 1 : (uint16_t)rng_below(r, count - i - 3);
        if (!after_test) continue;
        const unsigned kind = rng_below(r, 8);
        if (kind < 3) code[i] = (struct insn){.op = OP_DECIDEK, .imm = 0};
        if (kind == 3) code[i] = (struct insn){.op = OP_DEFAULT};
        if (kind == 4) code[i] = (struct insn){.op = OP_COUNT, .imm = rng_below(r, 2)};
        if (kind == 5) code[i] = (struct insn){.op = OP_LOG, .imm = rng_below(r, 2)};
    }
    code[count - 3] = draw_test(r);
    code[count - 3].to = 1;
    code[count - 2] = (struct insn){.op = OP_ACCEPT};
    code[count - 1] = (struct insn){.op = OP_PASS};
    return count;
}

/* Make a program of the sample's tables, two rules that decide, and a map. */
static struct program *draw_program(struct rng *r)
{
    struct imgbuild b;
    struct insn code[BODY];
    char err[256] = "";
    struct pbc_map map = {0};
    img_sample(&b);
    b.funcs_count = b.code_count = 0;
    img_no_classifiers(&b);
    b.meta->services = b.services_count = b.endpoints_count = b.branches_count = b.shares_count = b.nats_count = 0;
    for (unsigned i = 0; i < sizeof map.bits / sizeof *map.bits; i++) map.bits[i] = (uint32_t)rng_next(r);
    b.maps_count = 0;
    img_add_maps(&b, map);
    img_function(&b, "main", code, draw_code(r, code));
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(&b);
    return p;
}

struct outcome {
    struct counter rules[64];
    struct event events[EVENTS];
    struct vm_tx tx;
    struct meters *meters; /* of the sample's logs */
    decided out[PACKETS];
};

static struct effects effects_of(struct outcome *o, const struct program *p)
{
    assert_in_range(p->rules_count, 2, sizeof o->rules / sizeof *o->rules);
    memset(o, 0, sizeof *o);
    o->tx = (struct vm_tx){.events = o->events, .event_cap = EVENTS};
    assert_non_null(o->meters = meters_new(p, 1));
    return (struct effects){.rules = o->rules, .tx = &o->tx, .meters = o->meters};
}

static void a_batch_is_its_packets(void **state)
{
    static struct outcome one, all;
    (void)state;
    struct rng r = {11};
    uint64_t logs = 0, left_behind = 0;
    for (unsigned round = 0; round < PROGRAMS; round++) {
        struct program *p = draw_program(&r);
        struct key keys[PACKETS];
        struct pkt pkt[PACKETS], *pkts[PACKETS];
        struct ahead ahead;
        const uint64_t todo = rng_one_in(&r, 2) ? UINT64_MAX : rng_next(&r) >> rng_below(&r, 60);
        for (unsigned i = 0; i < PACKETS; i++) {
            for (unsigned s = 0; s < 16; s++) keys[i].slot[s] = draw_word(&r);
            pkt[i] = (struct pkt){.wire_len = 60 + i};
            pkts[i] = &pkt[i];
        }
        const struct effects e1 = effects_of(&one, p), e2 = effects_of(&all, p);
        assert_true(columns_pay(p, UINT64_MAX) && !columns_pay(p, 1));
        run_code(p, 0, keys, pkts, todo, NULL, &e1, one.out);
        const uint64_t left = columns_run(p, keys, pkts, todo, &e2, &ahead, all.out);
        assert_int_equal(left & ~todo, 0);
        run_code(p, 0, keys, pkts, left, &ahead, &e2, all.out);
        for (unsigned i = 0; i < PACKETS; i++)
            if (todo >> i & 1) assert_int_equal(one.out[i], all.out[i]);
        assert_memory_equal(one.rules, all.rules, sizeof one.rules);
        assert_int_equal(one.tx.event_count, all.tx.event_count);
        assert_memory_equal(one.events, all.events, sizeof one.events);
        logs += one.tx.event_count;
        left_behind += (unsigned)__builtin_popcountll(left);
        meters_free(one.meters);
        meters_free(all.meters);
        program_put(p);
    }
    assert_true(logs > PROGRAMS && left_behind > PROGRAMS); /* both paths were taken */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_answers_as_the_plain_one),
        cmocka_unit_test(a_batch_is_its_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
