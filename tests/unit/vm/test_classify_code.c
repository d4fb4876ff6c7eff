/* Classifiers in code: the interpreter's use of a result, and which packets of a batch are searched in advance. The
 * same packets are judged alone and in batches, and all must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/frame.h"
#include "tests/lib/imgbuild.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/columns/columns.h"

/* A list of rules behind the sample's; all accept. */
enum { ANY = 0, PACKETS = 64, R0 = 8, RULES = 16, COUNTED = R0 + 15 };

/* Take the sample's tables and rules, with that list and other code. */
static void only_tables(struct imgbuild *b)
{
    img_sample(b);
    assert_int_equal(b->rules_count, R0);
    const uint32_t list = b->firewalls_count;
    img_add_firewalls(b, (struct pbc_firewall){.place = b->firewalls[0].place,
                                               .name = img_string(b, "searched"),
                                               .iface = PBC_NONE,
                                               .rules = R0,
                                               .rule_count = RULES});
    for (uint32_t i = 0; i < RULES; i++)
        img_add_rules(b, (struct pbc_rule){.place = b->rules[0].place, .list = list, .chain = PBC_NONE});
    b->funcs_count = b->code_count = 0;
    b->meta->services = b->services_count = b->endpoints_count = b->branches_count = b->shares_count = b->nats_count =
        0;
    img_no_classifiers(b);
}

struct entry {
    uint32_t rule; /* in the list */
    uint32_t code;
    uint32_t src; /* source that it tests; ANY */
};

/* Add a classifier of one leaf: its entries in order, each tests a source. */
static void classifier_add(struct imgbuild *b, const struct entry *entries, uint32_t count)
{
    struct pbc_classifier c = {.entries = b->entries_count,
                               .formats = b->formats_count,
                               .tree = b->tree_count,
                               .blocks = b->blocks_count,
                               .entry_count = count,
                               .format_count = 1,
                               .tree_count = 1,
                               .block_count = 2,
                               .words = 1,
                               .compared = 1};
    img_add_formats(b, (struct pbc_format){2, 0, {2 * KEY_SLOT(src), 2 * KEY_SLOT(src) + 1, 31}});
    const uint32_t block = img_block(b, 0);
    assert_in_range(count, 1, 8);
    for (uint32_t i = 0; i < count; i++) {
        img_add_entries(b, (struct pbc_entry){.rule = R0 + entries[i].rule, .code = entries[i].code});
        img_lane(b, block, i, i);
        for (unsigned half = 0; half < 2 && entries[i].src; half++) {
            const uint32_t value = entries[i].src >> 16 * half & 0xffff;
            img_column(b, block, 1 + half)[i] = img_range(value, value);
        }
        c.chain += entries[i].code > 0;
    }
    img_add_tree(b, img_leaf(b, 0, 0));
    img_add_classifiers(b, c);
}

static struct program *load(struct imgbuild *b)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(b);
    return p;
}

struct packets {
    uint8_t frames[PACKETS][FRAME_LEN];
    struct pkt pkts[PACKETS], *list[PACKETS];
    struct key keys[PACKETS];
    struct verdict verdicts[PACKETS];
};

/* Make packets: packet i comes from 10.0.0.1 + i % 4 to port i, on interface 0 or, from the thirty-second on, 1. */
static void packets_init(struct packets *x, const struct facts *facts)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        const struct header h = {
            .src = 0x0a000001 + i % 4, .dst = 0xcb00710a, .src_port = 1000, .dst_port = (uint16_t)i, .proto = 17};
        frame_build(&h, x->frames[i]);
        pkt_view(&x->pkts[i], x->frames[i], FRAME_LEN, FRAME_LEN, LINK_ETHER, (uint16_t)(i / 32));
        assert_int_equal(pkt_parse(&x->pkts[i], facts, &x->keys[i]), REASON_NONE);
        x->list[i] = &x->pkts[i];
    }
}

/* Find the deciding rules: alone, one by one in a worker, and all together. Returns the last worker. */
static struct vm *judge(struct program *p, struct packets *x, uint32_t rules[PACKETS])
{
    const struct facts facts = {0};
    const struct vm_in in = {.facts = &facts};
    struct vm_tx tx = {0};
    struct vm *singly = vm_new(p, &(struct vm_cfg){0}), *vm = vm_new(p, &(struct vm_cfg){0});
    packets_init(x, &facts);
    vm_run(vm, &in, x->list, PACKETS, x->verdicts, &tx);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct verdict v;
        rules[i] = program_decide(p, &x->keys[i], &x->pkts[i]).rule;
        vm_run(singly, &in, &x->list[i], 1, &v, &tx);
        assert_int_equal(v.rule, rules[i]);
        assert_int_equal(x->verdicts[i].rule, rules[i]);
        assert_int_equal(x->verdicts[i].action, v.action);
    }
    for (uint32_t r = 0; r < p->rules_count; r++)
        assert_int_equal(vm_counters(vm)->rules[r].packets, vm_counters(singly)->rules[r].packets);
    vm_free(singly);
    return vm;
}

static const struct insn main_code[] = {{OP_CALL, 3, 0, 1}, {OP_DECIDE, 3, 0, 0}, {.op = OP_DEFAULT}};

/* OP_CLASSIFY without code behind an entry: its rule decides; without a result: continue. */
static void op_classify(void **state)
{
    (void)state;
    struct imgbuild b;
    struct packets x;
    uint32_t rules[PACKETS];
    only_tables(&b);
    img_function(&b, "main", main_code, 3);
    img_function(&b, "list", (const struct insn[]){{OP_CLASSIFY, 0, 0, 0}, {OP_RETK, 0, 0, R0 + 9}}, 2);
    classifier_add(&b, (const struct entry[]){{4, 0, 0x0a000002}, {5, 0, 0x0a000003}}, 2);
    struct program *p = load(&b);
    vm_free(judge(p, &x, rules));
    for (unsigned i = 0; i < PACKETS; i++) {
        static const uint32_t want[4] = {9, 4, 5, 9};
        assert_int_equal(rules[i], R0 + want[i % 4]);
    }
    program_put(p);
}

/* OP_AGAIN continues after the entry that led to it, and finally after the OP_CLASSIFY. */
static void op_again(void **state)
{
    (void)state;
    struct imgbuild b;
    struct packets x;
    uint32_t rules[PACKETS];
    const struct insn list[] = {
        {OP_CLASSIFY, 0, 0, 0},    {OP_RETK, 0, 0, R0 + 9},
        {OP_COUNT, 0, 0, COUNTED},                                                 /* 2: counts and continues */
        {OP_AGAIN, 0, 0, 0},       {OP_JNIN, KEY_HALF(dst_port), 1, 0 << 16 | 15}, /* 4: rejects low ports */
        {OP_RETK, 0, 0, R0 + 2},   {OP_AGAIN, 0, 0, 0}};
    only_tables(&b);
    img_function(&b, "main", main_code, 3);
    img_function(&b, "list", list, 7);
    classifier_add(&b,
                   (const struct entry[]){
                       {1, 2, 0x0a000001}, {2, 4, ANY}, {3, 2, 0x0a000002}, {4, 2, 0x0a000001}, {5, 0, 0x0a000003}},
                   5);
    struct program *p = load(&b);
    struct vm *vm = judge(p, &x, rules);
    uint64_t counted = 0;
    for (unsigned i = 0; i < PACKETS; i++) {
        assert_int_equal(rules[i], R0 + (i < 16 ? 2u : i % 4 == 2 ? 5u : 9u));
        counted += i % 4 == 0 ? (i < 16 ? 1 : 2) : (i % 4 == 1 && i >= 16);
    }
    assert_int_equal(vm_counters(vm)->rules[COUNTED].packets, counted);
    vm_free(vm);
    program_put(p);
}

/* A classifier that is called behind another's entry has a separate place. */
static void classifiers_call_each_other(void **state)
{
    (void)state;
    struct imgbuild b;
    struct packets x;
    uint32_t rules[PACKETS];
    const struct insn list[] = {{OP_CLASSIFY, 0, 0, 0},
                                {.op = OP_RETZ},
                                {OP_CALL, 2, 0, 2}, /* 2 */
                                {OP_RETNZ, 2, 0, 0},
                                {.op = OP_AGAIN}};
    const struct insn inner[] = {{OP_CLASSIFY, 0, 0, 1},
                                 {.op = OP_RETZ},
                                 {OP_COUNT, 0, 0, COUNTED}, /* 2 */
                                 {.op = OP_AGAIN}};
    only_tables(&b);
    img_function(&b, "main", main_code, 3);
    img_function(&b, "list", list, 5);
    img_function(&b, "inner", inner, 4);
    classifier_add(&b, (const struct entry[]){{0, 2, ANY}, {1, 2, ANY}, {2, 0, 0x0a000002}}, 3);
    classifier_add(
        &b, (const struct entry[]){{4, 2, 0x0a000001}, {5, 2, 0x0a000002}, {6, 0, 0x0a000003}, {7, 2, 0x0a000002}}, 4);
    struct program *p = load(&b);
    struct vm *vm = judge(p, &x, rules);
    for (unsigned i = 0; i < PACKETS; i++) {
        static const uint32_t want[4] = {RULE_DEFAULT, R0 + 2, R0 + 6, RULE_DEFAULT};
        assert_int_equal(rules[i], want[i % 4]);
    }
    /* Each of two entries called it: once for a packet of the first source, twice for one of the second. */
    assert_int_equal(vm_counters(vm)->rules[COUNTED].packets, PACKETS / 4 * (2 + 4));
    vm_free(vm);
    program_put(p);
}

/* Function 0 leads packets of interface 0 to one classifier, low ports of the others to a second; some to none, and
 * some to one behind a COUNT. If no result has code, no packet is left. */
static void what_is_searched_ahead(void **state)
{
    (void)state;
    struct imgbuild b;
    struct packets x;
    struct ahead ahead;
    decided out[PACKETS];
    uint32_t rules[PACKETS];
    const struct insn code[] = {{OP_JNIN, KEY_HALF(dst_port), 2, 0 << 16 | 31},
                                {OP_CALL, 3, 0, 1},
                                {OP_DECIDE, 3, 0, 0},
                                {OP_JNIN, KEY_HALF(dst_port), 2, 32 << 16 | 39},
                                {OP_CALL, 3, 0, 2},
                                {OP_DECIDE, 3, 0, 0},
                                {OP_JIN, KEY_HALF(dst_port), 3, 0 << 16 | 47},
                                {OP_COUNT, 0, 0, COUNTED},
                                {OP_CALL, 3, 0, 3},
                                {OP_DECIDE, 3, 0, 0},
                                {.op = OP_DEFAULT}};
    only_tables(&b);
    img_function(&b, "main", code, sizeof code / sizeof *code);
    for (uint32_t f = 0; f < 3; f++) {
        img_function(&b, "list", (const struct insn[]){{OP_CLASSIFY, 0, 0, f}, {.op = OP_RETZ}}, 2);
        classifier_add(&b, (const struct entry[]){{f, 0, 0x0a000001 + f}, {f + 4, 0, 0x0a000002 + f}}, 2);
    }
    struct program *p = load(&b);
    vm_free(judge(p, &x, rules));
    for (unsigned i = 0; i < PACKETS; i++) ahead.classifier[i] = ahead.entry[i] = 12345, out[i] = 54321;
    assert_int_equal(columns_run(p, x.keys, x.list, ~3ull, NULL, &ahead, out), 0);
    assert_int_equal(ahead.classifier[0], 12345);
    for (unsigned i = 0; i < 2; i++) assert_int_equal(out[i], 54321);
    for (unsigned i = 2; i < PACKETS; i++) {
        const uint32_t want = i < 32 ? 0 : i < 40 ? 1 : i < 48 ? PBC_NONE : 2;
        if (want != PBC_NONE) assert_int_equal(ahead.classifier[i], want);
        const uint32_t first = i % 4 - want; /* which of the two sources, if any */
        if (want != PBC_NONE) assert_int_equal(ahead.entry[i], first < 2 ? first : ENTRY_NONE);
        assert_int_equal(decided_rule(out[i]), rules[i]);
    }
    program_put(p);
}

/* A result decides if the list ends the judging: an entry without code, or none. The code of others still runs, and
 * so does that of lists called from elsewhere. */
static void what_is_found_decides(void **state)
{
    const struct insn list[] = {{OP_CLASSIFY, 0, 0, 0}, {.op = OP_RETZ}, {OP_RETK, 0, 0, R0 + 2}};
    const struct insn relay[] = {{OP_CALL, 2, 0, 2}, {OP_RETNZ, 2, 0, 0}, {.op = OP_RETZ}};
    for (unsigned called_by_list = 0; called_by_list < 2; called_by_list++) {
        struct imgbuild b;
        struct packets x;
        struct ahead ahead;
        decided out[PACKETS];
        uint32_t rules[PACKETS];
        only_tables(&b);
        img_function(&b, "main", main_code, 3);
        if (called_by_list) img_function(&b, "relay", relay, 3);
        img_function(&b, "list", list, 3);
        classifier_add(&b, (const struct entry[]){{4, 0, 0x0a000001}, {5, 2, 0x0a000002}, {6, 0, 0x0a000003}}, 3);
        struct program *p = load(&b);
        vm_free(judge(p, &x, rules));
        const uint64_t coded = 0x2222222222222222, left = called_by_list ? UINT64_MAX : coded;
        assert_int_equal(columns_run(p, x.keys, x.list, UINT64_MAX, NULL, &ahead, out), left);
        for (unsigned i = 0; i < PACKETS; i++) {
            static const uint32_t want[4] = {R0 + 4, R0 + 2, R0 + 6, RULE_DEFAULT};
            assert_int_equal(rules[i], want[i % 4]);
            if (!(left >> i & 1)) {
                assert_int_equal(decided_rule(out[i]), want[i % 4]);
                continue;
            }
            assert_int_equal(ahead.from[i], 0);
            assert_int_equal(ahead.classifier[i], 0);
            assert_int_equal(ahead.entry[i], i % 4 < 3 ? i % 4 : ENTRY_NONE);
        }
        program_put(p);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(op_classify),
        cmocka_unit_test(op_again),
        cmocka_unit_test(classifiers_call_each_other),
        cmocka_unit_test(what_is_searched_ahead),
        cmocka_unit_test(what_is_found_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
