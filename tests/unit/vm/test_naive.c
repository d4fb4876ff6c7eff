/* The rule list: which firewall judges, which rules continue and which end, ARP, the trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "tests/lib/oracle.h"

static struct program *load(struct imgbuild *b)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(b);
    return p;
}

static void begin(struct imgbuild *b)
{
    img_init(b);
    img_function(b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    img_add_ifaces(b, (struct pbc_iface){.device = img_string(b, "eth0")});
    img_add_ifaces(b, (struct pbc_iface){.device = img_string(b, "eth1")});
}

static void firewall(struct imgbuild *b, uint32_t iface, enum pbc_direction direction, enum pbc_verdict verdict)
{
    img_add_firewalls(
        b, (struct pbc_firewall){.iface = iface, .direction = (uint8_t)direction, .default_verdict = (uint8_t)verdict});
}

static struct decision naive(const struct program *p, uint32_t kind, unsigned iface)
{
    const struct key key = {.kind = kind, .iface = (uint16_t)iface};
    return program_decide_naive(p, &key, &(struct pkt){0});
}

static void expect(struct decision d, enum action action, uint32_t rule, uint32_t fw)
{
    assert_int_equal(d.action, action);
    assert_int_equal(d.rule, rule);
    assert_int_equal(d.firewall, fw);
}

static void choice_of_firewall(void **state)
{
    (void)state;
    struct imgbuild b;
    begin(&b);
    firewall(&b, PBC_NONE, PBC_DIR_ANY, PBC_V_DROP);   /* 0 */
    firewall(&b, 0, PBC_DIR_IN, PBC_V_ACCEPT);         /* 1 */
    firewall(&b, 0, PBC_DIR_OUT, PBC_V_REJECT);        /* 2 */
    firewall(&b, 1, PBC_DIR_FORWARD, PBC_V_ACCEPT);    /* 3 */
    firewall(&b, PBC_NONE, PBC_DIR_ANY, PBC_V_ACCEPT); /* 4: follows 0 */
    firewall(&b, 0, PBC_DIR_IN, PBC_V_DROP);           /* 5: follows 1 */
    struct program *p = load(&b);
    const uint32_t in = KIND_IP4 | KIND_IN, out = KIND_IP4 | KIND_OUT, forward = KIND_IP4 | KIND_FORWARD;
    expect(naive(p, in, 0), ACTION_ACCEPT, RULE_DEFAULT, 1);
    expect(naive(p, forward, 0), ACTION_DROP, RULE_DEFAULT, 0); /* specific only for `in` */
    expect(naive(p, out, 0), ACTION_REJECT, RULE_DEFAULT, 2);
    expect(naive(p, in, 1), ACTION_DROP, RULE_DEFAULT, 0);
    expect(naive(p, forward, 1), ACTION_ACCEPT, RULE_DEFAULT, 3);
    expect(naive(p, out, 1), ACTION_ACCEPT, RULE_NONE, PBC_NONE); /* no `out` firewall judges it */
    expect(naive(p, in, IFACE_NONE), ACTION_DROP, RULE_DEFAULT, 0);
    expect(naive(p, out, IFACE_NONE), ACTION_ACCEPT, RULE_NONE, PBC_NONE);
    program_put(p);
}

static void no_firewall(void **state)
{
    (void)state;
    struct imgbuild b;
    begin(&b);
    firewall(&b, 1, PBC_DIR_ANY, PBC_V_DROP);
    struct program *p = load(&b);
    expect(naive(p, KIND_IP4 | KIND_IN, 0), ACTION_ACCEPT, RULE_NONE, PBC_NONE);
    expect(naive(p, KIND_ARP | KIND_IN, 0), ACTION_PASS, RULE_NONE, PBC_NONE);
    program_put(p);
}

static void other_frames(void **state)
{
    (void)state;
    static const struct {
        uint8_t other, action;
    } rows[] = {
        {PBC_OTHER_DEFAULT, ACTION_REJECT},
        {PBC_OTHER_PASS, ACTION_PASS},
        {PBC_OTHER_DROP, ACTION_DROP},
    };
    for (unsigned i = 0; i < 3; i++) {
        struct imgbuild b;
        begin(&b);
        firewall(&b, PBC_NONE, PBC_DIR_ANY, PBC_V_REJECT);
        b.firewalls[0].other = rows[i].other;
        struct program *p = load(&b);
        expect(naive(p, KIND_IN, 0), rows[i].action, RULE_DEFAULT, 0);
        expect(naive(p, KIND_IN | KIND_IP6, 0), ACTION_REJECT, RULE_DEFAULT, 0);
        expect(naive(p, KIND_IN | KIND_ARP, 0), ACTION_PASS, RULE_NONE, PBC_NONE);
        program_put(p);
    }
}

/* ARP is tested only against rules marked for it, and rules only for ARP match nothing else. */
static void arp(void **state)
{
    (void)state;
    struct imgbuild b;
    begin(&b);
    firewall(&b, PBC_NONE, PBC_DIR_ANY, PBC_V_DROP);
    b.firewalls[0].rule_count = 3;
    img_add_conds(&b, (struct pbc_cond){.kind = COND_ON, .count = 1});
    img_add_ranges(&b, (struct pbc_range){0, 0});
    img_add_rules(&b, (struct pbc_rule){.verdict = PBC_V_REJECT,
                                        .chain = PBC_NONE,
                                        .flags = PBC_RULE_ARP | PBC_RULE_NOT_FRAMES,
                                        .cond_count = 1});
    img_add_rules(&b, (struct pbc_rule){.verdict = PBC_V_DO, .flags = PBC_RULE_ARP});
    img_add_rules(&b, (struct pbc_rule){.verdict = PBC_V_ACCEPT, .chain = PBC_NONE});
    img_add_rules(&b, (struct pbc_rule){
                          .list = PBC_LIST_CHAIN, .verdict = PBC_V_COUNT, .chain = PBC_NONE, .flags = PBC_RULE_ARP});
    img_add_chains(&b, (struct pbc_chain){.rules = 3, .rule_count = 1});
    struct program *p = load(&b);
    expect(naive(p, KIND_ARP | KIND_IN, 0), ACTION_REJECT, 0, 0);
    expect(naive(p, KIND_ARP | KIND_IN, 1), ACTION_PASS, RULE_NONE, PBC_NONE);
    expect(naive(p, KIND_IP4 | KIND_IN, 0), ACTION_ACCEPT, 2, 0);
    program_put(p);
}

struct trace {
    struct trace_step steps[16];
    unsigned count;
};

static void note(void *arg, const struct trace_step *step)
{
    struct trace *t = arg;
    assert_true(t->count < 16);
    t->steps[t->count++] = *step;
}

static void expect_trace(const struct trace *t, const struct trace_step *steps, unsigned count)
{
    assert_int_equal(t->count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(t->steps[i].rule, steps[i].rule);
        assert_int_equal(t->steps[i].matched, steps[i].matched);
        assert_int_equal(t->steps[i].failed_cond, steps[i].failed_cond);
        assert_int_equal(t->steps[i].depth, steps[i].depth);
    }
}

/* firewall: count | do A | accept;  A: drop proto tcp | do B | drop;  B: log | return proto udp | reject */
static struct program *chained(void)
{
    struct imgbuild b;
    begin(&b);
    firewall(&b, PBC_NONE, PBC_DIR_ANY, PBC_V_DROP);
    b.firewalls[0].rule_count = 3;
    img_add_conds(&b, (struct pbc_cond){.kind = COND_PROTO, .arg = KIND_TCP});
    img_add_conds(&b, (struct pbc_cond){.kind = COND_FAMILY, .arg = KIND_IP});
    img_add_conds(&b, (struct pbc_cond){.kind = COND_PROTO, .arg = KIND_UDP});
    const uint32_t in_a = PBC_LIST_CHAIN, in_b = 1 | PBC_LIST_CHAIN;
    const struct pbc_rule rules[] = {
        {.verdict = PBC_V_COUNT, .chain = PBC_NONE, .flags = PBC_RULE_LOG},
        {.verdict = PBC_V_DO, .chain = 0},
        {.verdict = PBC_V_ACCEPT, .chain = PBC_NONE, .flags = PBC_RULE_LOG},
        {.list = in_a, .verdict = PBC_V_DROP, .chain = PBC_NONE, .cond_count = 1},
        {.list = in_a, .verdict = PBC_V_DO, .chain = 1},
        {.list = in_a, .verdict = PBC_V_COUNT, .chain = PBC_NONE},
        {.list = in_b, .verdict = PBC_V_LOG, .chain = PBC_NONE},
        {.list = in_b, .verdict = PBC_V_RETURN, .chain = PBC_NONE, .conds = 1, .cond_count = 2},
        {.list = in_b, .verdict = PBC_V_REJECT, .chain = PBC_NONE},
    };
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) img_add_rules(&b, rules[i]);
    img_add_chains(&b, (struct pbc_chain){.rules = 3, .rule_count = 3});
    img_add_chains(&b, (struct pbc_chain){.rules = 6, .rule_count = 3});
    return load(&b);
}

static void chains_and_trace(void **state)
{
    (void)state;
    struct program *p = chained();
    const uint32_t ip = KIND_IP4 | KIND_IN | KIND_PROTO;
    struct trace t = {.count = 0};
    struct key key = {.kind = ip | KIND_TCP};
    expect(oracle_explain(p, &key, &(struct pkt){0}, note, &t), ACTION_DROP, 3, 0);
    expect_trace(
        &t,
        (const struct trace_step[]){{0, true, PBC_NONE, 0, 0}, {1, true, PBC_NONE, 0, 0}, {3, true, PBC_NONE, 1, 0}},
        3);
    t.count = 0;
    key.kind = ip | KIND_UDP; /* `return` leaves B for the rest of A; A's end returns to the firewall */
    expect(oracle_explain(p, &key, &(struct pkt){0}, note, &t), ACTION_ACCEPT, 2, 0);
    expect_trace(&t,
                 (const struct trace_step[]){{0, true, PBC_NONE, 0, 0},
                                             {1, true, PBC_NONE, 0, 0},
                                             {3, false, 0, 1, 0},
                                             {4, true, PBC_NONE, 1, 0},
                                             {6, true, PBC_NONE, 2, 0},
                                             {7, true, PBC_NONE, 2, 0},
                                             {5, true, PBC_NONE, 1, 0},
                                             {2, true, PBC_NONE, 0, 0}},
                 8);
    t.count = 0;
    key.kind = ip; /* neither: B rejects; the trace names the first of two failed conditions */
    expect(oracle_explain(p, &key, &(struct pkt){0}, note, &t), ACTION_REJECT, 8, 0);
    assert_int_equal(t.steps[5].rule, 7);
    assert_int_equal(t.steps[5].failed_cond, 2);
    expect(program_decide_naive(p, &key, &(struct pkt){0}), ACTION_REJECT, 8, 0);
    program_put(p);
}

/* The same through vm_run: rules that continue count, rules that log do so, in order. */
static void effects(void **state)
{
    (void)state;
    static const uint8_t udp[] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
                                  0,    1, 10, 0,  0, 2, 0, 1, 0,  2,  0, 8, 0,  0};
    struct program *p = chained();
    struct vm *vm = vm_new(p, &(struct vm_cfg){.naive = true});
    struct event events[8];
    struct vm_tx tx = {.events = events, .event_cap = 8};
    struct pkt pkt, *pkts[] = {&pkt};
    struct verdict v;
    pkt_view(&pkt, udp, sizeof udp, sizeof udp, LINK_RAW, IFACE_NONE);
    vm_run(vm, &(struct vm_in){.facts = &(struct facts){0}}, pkts, 1, &v, &tx);
    assert_int_equal(v.rule, 2);
    static const unsigned times[] = {1, 1, 1, 0, 1, 1, 1, 1, 0};
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(vm_counters(vm)->rules[i].packets, times[i]);
        assert_int_equal(vm_counters(vm)->rules[i].bytes, times[i] * sizeof udp);
    }
    assert_int_equal(tx.event_count, 3);
    assert_int_equal(events[0].rule, 0);
    assert_int_equal(events[1].rule, 6);
    assert_int_equal(events[2].rule, 2);
    vm_free(vm);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice_of_firewall), cmocka_unit_test(no_firewall),
        cmocka_unit_test(other_frames),       cmocka_unit_test(arp),
        cmocka_unit_test(chains_and_trace),   cmocka_unit_test(effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
