/* The interpreter, one test per row of opcode.def. A branch is tested in the smallest program that distinguishes its
 * two ways: taken ends in `pass`, not taken in `accept`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/frame.h"
#include "tests/lib/imgbuild.h"
#include "vm/packet/wire.h"

/* tcp 10.1.2.3:50000 > 203.0.113.10:443, as frame_build makes it, and its key. */
struct subject {
    uint8_t frame[FRAME_LEN];
    struct pkt pkt;
    struct key key;
};

static void subject_init(struct subject *s)
{
    const struct header h = {.src = 0x0a010203, .dst = 0xcb00710a, .src_port = 50000, .dst_port = 443, .proto = 6};
    const struct facts facts = {0};
    frame_build(&h, s->frame);
    pkt_view(&s->pkt, s->frame, FRAME_LEN, FRAME_LEN, LINK_ETHER, 1);
    assert_int_equal(pkt_parse(&s->pkt, &facts, &s->key), REASON_NONE);
}

static struct program *load(struct imgbuild *b)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    return p;
}

/* Take the sample's tables and rules with other code; every function but 0 must be called. */
static void only_tables(struct imgbuild *b)
{
    img_sample(b);
    b->funcs_count = b->code_count = 0;
    img_no_classifiers(b);
    b->meta->services = b->services_count = b->endpoints_count = b->branches_count = b->shares_count = b->nats_count =
        0;
}

static bool jumps_on(const struct insn *insn, const struct subject *s)
{
    struct imgbuild b;
    struct insn code[] = {*insn, {.op = OP_ACCEPT}, {.op = OP_PASS}};
    code[0].to = 1;
    only_tables(&b);
    img_function(&b, "main", code, 3);
    struct program *p = load(&b);
    struct decision d = program_decide(p, &s->key, &s->pkt);
    assert_true(d.action == ACTION_PASS || d.action == ACTION_ACCEPT);
    assert_int_equal(d.rule, RULE_NONE);
    assert_int_equal(d.firewall, PBC_NONE);
    program_put(p);
    img_fini(&b);
    return d.action == ACTION_PASS;
}

static bool jumps(enum opcode op, unsigned a, uint32_t imm)
{
    struct subject s;
    subject_init(&s);
    return jumps_on(&(struct insn){.op = (uint8_t)op, .a = (uint8_t)a, .imm = imm}, &s);
}

/* Check a branch and its opposite: exactly one of them is taken. */
static void expect_branch(enum opcode yes, enum opcode no, unsigned a, uint32_t imm, bool holds)
{
    assert_int_equal(jumps(yes, a, imm), holds);
    assert_int_equal(jumps(no, a, imm), !holds);
}

static uint32_t halves(uint32_t lo, uint32_t hi) { return lo << 16 | hi; }

static void op_jeq_jne(void **state)
{
    (void)state;
    expect_branch(OP_JEQ, OP_JNE, KEY_SLOT(dst), 0xcb00710a, true);
    expect_branch(OP_JEQ, OP_JNE, KEY_SLOT(dst), 0xcb00710b, false);
    expect_branch(OP_JEQ, OP_JNE, KEY_SLOT(src) + 3, 0, true);
    expect_branch(OP_JEQ, OP_JNE, KEY_SLOT(iface), halves(46, 1), true); /* halves share a slot, the lower first */
}

static void op_jall_jnall(void **state)
{
    (void)state;
    expect_branch(OP_JALL, OP_JNALL, KEY_SLOT(kind), KIND_IP4 | KIND_TCP, true);
    expect_branch(OP_JALL, OP_JNALL, KEY_SLOT(kind), KIND_IP4 | KIND_UDP, false);
    expect_branch(OP_JALL, OP_JNALL, KEY_SLOT(kind), 0, true);
}

static void op_jany_jnone(void **state)
{
    (void)state;
    expect_branch(OP_JANY, OP_JNONE, KEY_SLOT(kind), KIND_IP6 | KIND_TCP, true);
    expect_branch(OP_JANY, OP_JNONE, KEY_SLOT(kind), KIND_IP6 | KIND_UDP, false);
    expect_branch(OP_JANY, OP_JNONE, KEY_SLOT(kind), 0, false);
}

static void op_jpfx_jnpfx(void **state)
{
    (void)state;
    const unsigned src = KEY_SLOT(src) << 5, dst = KEY_SLOT(dst) << 5;
    expect_branch(OP_JPFX, OP_JNPFX, src | 24, 0x0a000000, true);  /* 10/8 */
    expect_branch(OP_JPFX, OP_JNPFX, src | 16, 0x0a000000, false); /* 10.0/16 */
    expect_branch(OP_JPFX, OP_JNPFX, src | 0, 0x0a010203, true);
    expect_branch(OP_JPFX, OP_JNPFX, src | 0, 0x0a010202, false);
    expect_branch(OP_JPFX, OP_JNPFX, dst | 31, 0xffffffff, true); /* only the top bit */
    expect_branch(OP_JPFX, OP_JNPFX, src | 31, 0xffffffff, false);
    expect_branch(OP_JPFX, OP_JNPFX, src | 24, 0x0affffff, true); /* lower bits of imm don't count */
}

static void op_jin_jnin(void **state)
{
    (void)state;
    const unsigned port = KEY_HALF(dst_port);
    expect_branch(OP_JIN, OP_JNIN, port, halves(443, 443), true);
    expect_branch(OP_JIN, OP_JNIN, port, halves(400, 443), true);
    expect_branch(OP_JIN, OP_JNIN, port, halves(443, 500), true);
    expect_branch(OP_JIN, OP_JNIN, port, halves(0, 442), false);
    expect_branch(OP_JIN, OP_JNIN, port, halves(444, 65535), false);
    expect_branch(OP_JIN, OP_JNIN, port, halves(0, 65535), true);
    expect_branch(OP_JIN, OP_JNIN, KEY_HALF(src_port), halves(50000, 50000), true);
    expect_branch(OP_JIN, OP_JNIN, KEY_HALF(proto), halves(6, 6), true);
}

static void op_jmap_jnmap(void **state)
{
    (void)state;
    expect_branch(OP_JMAP, OP_JNMAP, KEY_HALF(dst_port), 0, true);
    expect_branch(OP_JMAP, OP_JNMAP, KEY_HALF(src_port), 0, false);
}

static void op_jset_jnset(void **state)
{
    (void)state;
    expect_branch(OP_JSET, OP_JNSET, 0, 0, true); /* 10.1.2.3 is in 10/8 */
    expect_branch(OP_JSET, OP_JNSET, 1, 0, false);
    expect_branch(OP_JSET, OP_JNSET, 1, 1, true);
    struct subject s;
    subject_init(&s);
    s.key.kind &= ~(uint32_t)KIND_IP; /* frames without IP are in no set */
    assert_false(jumps_on(&(struct insn){.op = OP_JSET}, &s));
    assert_true(jumps_on(&(struct insn){.op = OP_JNSET}, &s));
}

static void op_jmac_jnmac(void **state)
{
    (void)state;
    expect_branch(OP_JMAC, OP_JNMAC, 0, 0, true);
    expect_branch(OP_JMAC, OP_JNMAC, 1, 0, true);
    struct subject s;
    subject_init(&s);
    s.frame[5] = 9;
    assert_false(jumps_on(&(struct insn){.op = OP_JMAC, .a = 1}, &s));
    s.frame[5] = 2;
    s.key.kind &= ~(uint32_t)KIND_ETHER;
    assert_false(jumps_on(&(struct insn){.op = OP_JMAC, .a = 1}, &s));
    assert_true(jumps_on(&(struct insn){.op = OP_JNMAC, .a = 1}, &s));
}

static void op_jmack_jnmack(void **state)
{
    (void)state;
    struct subject s;
    subject_init(&s);
    const struct insn group = {.op = OP_JMACK, .a = 1, .imm = MAC_MULTICAST},
                      all = {.op = OP_JMACK, .a = 1, .imm = MAC_BROADCAST};
    const struct insn both = {.op = OP_JMACK, .a = 1, .imm = MAC_MULTICAST | MAC_BROADCAST};
    const struct insn neither = {.op = OP_JNMACK, .a = 1, .imm = MAC_MULTICAST | MAC_BROADCAST};
    assert_false(jumps_on(&both, &s));
    assert_true(jumps_on(&neither, &s));
    s.frame[0] = 0x33;
    assert_true(jumps_on(&group, &s));
    assert_false(jumps_on(&all, &s));
    memset(s.frame, 0xff, 6);
    assert_true(jumps_on(&group, &s));
    assert_true(jumps_on(&all, &s));
    assert_true(jumps_on(&both, &s));
    assert_false(jumps_on(&neither, &s));
    s.key.kind &= ~(uint32_t)KIND_ETHER;
    assert_false(jumps_on(&both, &s));
    assert_true(jumps_on(&neither, &s));
}

static void op_jpat_jnpat(void **state)
{
    (void)state;
    struct subject s;
    subject_init(&s);
    assert_false(jumps_on(&(struct insn){.op = OP_JPAT, .imm = 1}, &s)); /* protocol 6 is not 0x1? */
    assert_true(jumps_on(&(struct insn){.op = OP_JNPAT, .imm = 1}, &s));
    s.frame[14 + 9] = 17;
    assert_true(jumps_on(&(struct insn){.op = OP_JPAT, .imm = 1}, &s));
    assert_false(jumps_on(&(struct insn){.op = OP_JNPAT, .imm = 1}, &s));
    assert_false(jumps_on(&(struct insn){.op = OP_JPAT, .imm = 0}, &s)); /* no payload */
}

/* The number is in the packet, not in the key. Packets other than IPv6 have none, whatever their bytes: then the
 * opposite is taken. */
static void op_jhdr_jnhdr(void **state)
{
    (void)state;
    const struct insn in = {.op = OP_JHDR, .a = COND_FLOWLABEL, .imm = 1},
                      out = {.op = OP_JNHDR, .a = COND_FLOWLABEL, .imm = 1};
    const struct pbc_range range = {443, 450};
    struct subject s;
    subject_init(&s);
    for (uint32_t label = range.lo - 1; label <= range.hi + 1; label++) {
        const bool inside = range.lo <= label && label <= range.hi;
        wire_put32(s.frame + 14, 0x6ff00000u | label);
        s.key.kind = KIND_IP6;
        assert_int_equal(jumps_on(&in, &s), inside);
        assert_int_equal(jumps_on(&out, &s), !inside);
        s.key.kind = KIND_IP4;
        assert_false(jumps_on(&in, &s));
        assert_true(jumps_on(&out, &s));
    }
}

static void op_jump(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    only_tables(&b);
    /* Nothing falls through to the instructions in the middle; a branch that is never taken reaches them. */
    img_function(
        &b, "main",
        (const struct insn[]){{OP_JANY, KEY_SLOT(kind), 1, 0}, {OP_JUMP, 0, 1, 0}, {.op = OP_ACCEPT}, {.op = OP_PASS}},
        4);
    struct program *p = load(&b);
    subject_init(&s);
    assert_int_equal(program_decide(p, &s.key, &s.pkt).action, ACTION_PASS);
    program_put(p);
    img_fini(&b);
}

static struct decision decide(struct imgbuild *b, const struct subject *s)
{
    struct program *p = load(b);
    struct decision d = program_decide(p, &s->key, &s->pkt);
    program_put(p);
    img_fini(b);
    return d;
}

static void expect_decision(struct decision d, enum action action, uint32_t rule, uint32_t firewall)
{
    assert_int_equal(d.action, action);
    assert_int_equal(d.rule, rule);
    assert_int_equal(d.firewall, firewall);
}

static void op_accept_pass(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
    expect_decision(decide(&b, &s), ACTION_ACCEPT, RULE_NONE, PBC_NONE);
    only_tables(&b);
    img_function(&b, "main", (const struct insn[]){{.op = OP_PASS}}, 1);
    expect_decision(decide(&b, &s), ACTION_PASS, RULE_NONE, PBC_NONE);
}

static void op_default(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    const struct insn code = {.op = OP_DEFAULT};
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main", &code, 1);
    expect_decision(decide(&b, &s), ACTION_DROP, RULE_DEFAULT, 0);
    s.key.kind = KIND_IN | KIND_ETHERTYPE; /* other frames pass */
    only_tables(&b);
    img_function(&b, "main", &code, 1);
    expect_decision(decide(&b, &s), ACTION_PASS, RULE_DEFAULT, 0);
    only_tables(&b);
    b.firewalls[0].other = PBC_OTHER_DROP, b.firewalls[0].default_verdict = PBC_V_ACCEPT;
    img_function(&b, "main", &code, 1);
    expect_decision(decide(&b, &s), ACTION_DROP, RULE_DEFAULT, 0);
    only_tables(&b);
    b.firewalls[0].other = PBC_OTHER_DEFAULT, b.firewalls[0].default_verdict = PBC_V_REJECT;
    img_function(&b, "main", &code, 1);
    expect_decision(decide(&b, &s), ACTION_REJECT, RULE_DEFAULT, 0);
}

static void op_decidek(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main", (const struct insn[]){{OP_DECIDEK, 0, 1, 3}}, 1);
    expect_decision(decide(&b, &s), ACTION_ACCEPT, 3, 1);
}

/* Call a function that returns by `last` into register 3, which then decides in firewall 1 or leaves it to 0's
 * default. */
static struct decision call(const struct insn *body, uint32_t count)
{
    struct imgbuild b;
    struct subject s;
    const struct insn code[] = {{OP_CALL, 3, 0, 1}, {OP_DECIDE, 3, 0, 1}, {.op = OP_DEFAULT}};
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main", code, 3);
    img_function(&b, "list", body, count);
    return decide(&b, &s);
}

static void op_call_decide_retk_retz(void **state)
{
    (void)state;
    expect_decision(call((const struct insn[]){{OP_RETK, 0, 0, 2}}, 1), ACTION_REJECT, 2, 1);
    expect_decision(call((const struct insn[]){{OP_RETK, 0, 0, 0}}, 1), ACTION_DROP, 0, 1); /* rule 0 isn't "none" */
    expect_decision(call((const struct insn[]){{.op = OP_RETZ}}, 1), ACTION_DROP, RULE_DEFAULT, 0);
}

/* Five calls deep: every register set on the way down must be unchanged on the way up. */
static void op_retnz(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    subject_init(&s);
    for (unsigned found = 0; found < 2; found++) {
        only_tables(&b);
        img_function(&b, "main", (const struct insn[]){{OP_CALL, 7, 0, 1}, {OP_DECIDE, 7, 0, 0}, {.op = OP_ACCEPT}}, 3);
        for (uint32_t f = 1; f < PBC_CALL_DEPTH; f++)
            img_function(&b, "f",
                         (const struct insn[]){{OP_CALL, 2, 0, PBC_CALL_DEPTH + 1},
                                               {OP_CALL, 7, 0, f + 1},
                                               {OP_RETNZ, 2, 0, 0},
                                               {OP_RETNZ, 7, 0, 0},
                                               {.op = OP_RETZ}},
                         5);
        img_function(&b, "deep", &(const struct insn){found ? OP_RETK : OP_RETZ, 0, 0, found ? 2 : 0}, 1);
        img_function(&b, "nothing", &(const struct insn){.op = OP_RETZ}, 1);
        struct decision d = decide(&b, &s);
        if (found)
            expect_decision(d, ACTION_REJECT, 2, 0);
        else
            expect_decision(d, ACTION_ACCEPT, RULE_NONE, PBC_NONE);
    }
}

/* A callee's use of register 2 doesn't change its caller's. */
static void registers_of_a_call(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main",
                 (const struct insn[]){{OP_CALL, 2, 0, 1}, {OP_CALL, 7, 0, 2}, {OP_DECIDE, 2, 0, 0}, {.op = OP_ACCEPT}},
                 4);
    img_function(&b, "rule", &(const struct insn){OP_RETK, 0, 0, 2}, 1);
    img_function(&b, "other", (const struct insn[]){{OP_CALL, 2, 0, 3}, {OP_RETNZ, 2, 0, 0}, {.op = OP_RETZ}}, 3);
    img_function(&b, "nothing", &(const struct insn){.op = OP_RETZ}, 1);
    expect_decision(decide(&b, &s), ACTION_REJECT, 2, 0);
}

/* Effects leave through vm_run; program_decide has none. */
static void op_count_log(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    struct event events[2];
    struct vm_tx tx = {.events = events, .event_cap = 2};
    const struct vm_in in = {.facts = &(struct facts){0}};
    const struct insn code[] = {
        {OP_COUNT, 0, 0, 5}, {OP_LOG, 0, 0, 5}, {OP_LOG, 0, 0, 0}, {OP_LOG, 0, 0, 4}, {.op = OP_ACCEPT}};
    struct verdict v;
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main", code, 5);
    struct program *p = load(&b);
    struct vm *vm = vm_new(p, &(struct vm_cfg){0});
    struct pkt *pkts[] = {&s.pkt};
    vm_run(vm, &in, pkts, 1, &v, &tx);
    program_decide(p, &s.key, &s.pkt);
    assert_int_equal(vm_counters(vm)->rules[5].packets, 1);
    assert_int_equal(vm_counters(vm)->rules[5].bytes, FRAME_LEN);
    assert_int_equal(vm_counters(vm)->rules[0].packets, 0);
    assert_int_equal(tx.event_count, 2);
    assert_int_equal(tx.events_lost, 1);
    assert_int_equal(events[0].rule, 5);
    assert_int_equal(events[1].rule, 0);
    vm_free(vm);
    program_put(p);
    img_fini(&b);
}

/* The sample's meters: 2 packets per source at once, then 7 an hour; 64 KiB at once. */
static void op_jnover_jnwithin(void **state)
{
    (void)state;
    struct imgbuild b;
    struct subject s;
    struct vm_tx tx = {0};
    const struct vm_in in = {.facts = &(struct facts){0}};
    const struct insn code[] = {
        {OP_JNOVER, 0, 1, 0}, {.op = OP_PASS}, {OP_JNWITHIN, 0, 1, 1}, {.op = OP_ACCEPT}, {.op = OP_PASS}};
    struct verdict v;
    subject_init(&s);
    only_tables(&b);
    img_function(&b, "main", code, 5);
    struct program *p = load(&b);
    struct vm *vm = vm_new(p, &(struct vm_cfg){0});
    struct pkt *pkts[] = {&s.pkt};
    for (unsigned i = 0; i < 3; i++) {
        vm_run(vm, &in, pkts, 1, &v, &tx);
        assert_int_equal(v.action, i < 2 ? ACTION_ACCEPT : ACTION_PASS);
    }
    assert_int_equal(vm_counters(vm)->meters[0].within, 2);
    assert_int_equal(vm_counters(vm)->meters[0].over, 1);
    assert_int_equal(vm_counters(vm)->meters[1].within, 2);
    assert_int_equal(program_decide(p, &s.key, &s.pkt).action, ACTION_ACCEPT); /* no worker: unused meters */
    s.key.kind = KIND_ARP | KIND_IN;                                           /* neither over nor within */
    assert_int_equal(program_decide(p, &s.key, &s.pkt).action, ACTION_PASS);
    vm_free(vm);
    program_put(p);
    img_fini(&b);
}

/* A source's flows: one that a packet would open counts, an open one counts once. */
static void op_jnflows(void **state)
{
    (void)state;
    static const struct {
        uint32_t src;
        uint16_t port;
        enum action action;
    } packets[] = {
        {1, 1000, ACTION_ACCEPT}, {1, 1001, ACTION_ACCEPT}, {1, 1002, ACTION_PASS}, {1, 1002, ACTION_PASS},
        {2, 1000, ACTION_ACCEPT}, {1, 1001, ACTION_ACCEPT}, {1, 1003, ACTION_PASS},
    };
    const struct insn code[] = {{OP_JNFLOWS, 0, 1, 2}, {.op = OP_PASS}, {.op = OP_ACCEPT}};
    const struct vm_in in = {.facts = &(struct facts){0}};
    struct imgbuild b;
    struct subject s;
    struct vm_tx tx = {0};
    only_tables(&b);
    img_function(&b, "main", code, 3);
    struct program *p = load(&b);
    struct vm *vm = vm_new(p, &(struct vm_cfg){0});
    for (unsigned i = 0; i < sizeof packets / sizeof *packets; i++) {
        const struct header h = {
            .src = packets[i].src, .dst = 0xcb00710a, .src_port = packets[i].port, .dst_port = 53, .proto = 17};
        struct pkt *pkts[] = {&s.pkt};
        struct verdict v;
        frame_build(&h, s.frame);
        pkt_view(&s.pkt, s.frame, FRAME_LEN, FRAME_LEN, LINK_ETHER, 1);
        vm_run(vm, &in, pkts, 1, &v, &tx);
        assert_int_equal(v.action, packets[i].action);
    }
    subject_init(&s); /* no worker: nobody has flows */
    assert_int_equal(program_decide(p, &s.key, &s.pkt).action, ACTION_ACCEPT);
    vm_free(vm);
    program_put(p);
    img_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(op_jhdr_jnhdr),
        cmocka_unit_test(op_jump),
        cmocka_unit_test(op_jeq_jne),
        cmocka_unit_test(op_jall_jnall),
        cmocka_unit_test(op_jany_jnone),
        cmocka_unit_test(op_jpfx_jnpfx),
        cmocka_unit_test(op_jin_jnin),
        cmocka_unit_test(op_jmap_jnmap),
        cmocka_unit_test(op_jset_jnset),
        cmocka_unit_test(op_jmac_jnmac),
        cmocka_unit_test(op_jmack_jnmack),
        cmocka_unit_test(op_jpat_jnpat),
        cmocka_unit_test(op_jnover_jnwithin),
        cmocka_unit_test(op_count_log),
        cmocka_unit_test(op_call_decide_retk_retz),
        cmocka_unit_test(op_retnz),
        cmocka_unit_test(registers_of_a_call),
        cmocka_unit_test(op_default),
        cmocka_unit_test(op_decidek),
        cmocka_unit_test(op_accept_pass),
        cmocka_unit_test(op_jnflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
