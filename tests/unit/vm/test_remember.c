/* Remembered verdicts: which packets use them, when they become stale, and that they are right after epochs wrap
 * around. Explanations show the state as it would be now. */
#include "tests/unit/vm/world.h"

#define ASKS    "eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53"
#define ANSWERS "eth / ip4 10.0.0.2 > 10.0.0.1 / udp 53 > 1000"

#define OLD     "eth / ip4 10.0.0.2 > 10.0.0.1 / udp 53 > 2000"

static const char rules[] = "limits { flows 100; half_open 10 }\nfirewall f default drop {\n"
                            "  accept state established as ON\n  accept state new as NEW\n}\n";

static uint64_t remembered(const struct world *w) { return vm_counters(w->vm)->remembered; }

static uint64_t matched(const struct world *w, const char *name)
{
    char buf[64];
    for (uint32_t i = 0; i < w->program->rules_count; i++)
        if (strcmp(rule_name(w->program, i, buf, sizeof(buf)), name) == 0) return vm_counters(w->vm)->rules[i].packets;
    fail();
    return 0;
}

static void both_open(struct world *w)
{
    world_init(w, rules);
    assert_true(w->program->memos_count > 0);
    assert_string_equal(world_judge(w, ASKS), "NEW");
    assert_string_equal(world_judge(w, ANSWERS), "ON");
    assert_string_equal(world_judge(w, ASKS), "ON");
    assert_int_equal(remembered(w), 0);
}

static void told_and_counted(void **state)
{
    (void)state;
    struct world w;
    both_open(&w);
    for (unsigned i = 1; i <= 5; i++) {
        assert_string_equal(world_judge(&w, i & 1 ? ASKS : ANSWERS), "ON");
        assert_int_equal(remembered(&w), i);
        assert_int_equal(matched(&w, "ON"), 2 + i);
    }
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_ACCEPT].packets, 8);
    world_fini(&w);
}

static void not_all_are_told(void **state)
{
    (void)state;
    struct world w;
    both_open(&w);
    world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 csum 1 / udp 1000 > 53");
    world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 more id 1 / udp 1000 > 53 len 30 / payload \"12345678\"");
    world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53 / payload \"1234\" / cut 44");
    world_judge(&w, "eth / vlan 3 / ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53");
    assert_int_equal(remembered(&w), 0);
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 1);
    world_fini(&w);
}

static void facts_make_it_stale(void **state)
{
    (void)state;
    struct world w;
    struct facts other;
    both_open(&w);
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 1);
    w.facts.generation++;
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 1);
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 2);
    w.facts.schedules = 1;
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 2);
    other = w.facts; /* another snapshot, whatever its number */
    w.in.facts = &other;
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 2);
    world_judge(&w, ANSWERS);
    assert_int_equal(remembered(&w), 2); /* the other side's is also stale */
    world_judge(&w, ANSWERS);
    assert_int_equal(remembered(&w), 3);
    world_fini(&w);
}

/* After 65,535 epochs nothing is remembered until a timer has cleared all slots, so that verdicts of an old epoch
 * with the same number aren't found. */
static void epochs_come_round(void **state)
{
    (void)state;
    struct world w;
    uint64_t before;
    both_open(&w);
    world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / udp 2000 > 53"); /* not seen again until the end */
    world_judge(&w, OLD);
    struct packet *p = packet_facts(ASKS, &w.facts);
    struct pkt *const pkts[] = {&p->pkt};
    struct verdict v;
    p->pkt.iface = IFACE_NONE;
    for (unsigned i = 0; i < 65533; i++) {
        w.facts.generation++;
        vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    }
    assert_int_equal(remembered(&w), 0); /* each was judged again */
    vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    before = remembered(&w);
    assert_int_equal(before, 1);
    w.facts.generation++;
    for (unsigned i = 0; i < 10; i++, w.facts.generation++) vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    assert_int_equal(remembered(&w), before);
    vm_tick(w.vm, &w.in, &w.tx);
    vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    assert_int_equal(remembered(&w), before);
    vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    assert_int_equal(remembered(&w), before + 1);
    w.facts.generation++; /* again the number of the first epoch */
    assert_string_equal(world_judge(&w, OLD), "ON");
    assert_int_equal(remembered(&w), before + 1);
    assert_string_equal(world_judge(&w, OLD), "ON");
    assert_int_equal(remembered(&w), before + 2);
    world_fini(&w);
}

static void can_be_turned_off(void **state)
{
    (void)state;
    for (unsigned naive = 0; naive < 2; naive++) {
        struct world w;
        world_init_cfg(&w, rules, &(struct vm_cfg){.forget = !naive, .naive = naive});
        for (unsigned i = 0; i < 6; i++) world_judge(&w, i & 1 ? ANSWERS : ASKS);
        assert_int_equal(remembered(&w), 0);
        assert_int_equal(matched(&w, "ON"), 5);
        world_fini(&w);
    }
}

/* A flow that begins again keeps nothing of the one before. */
static void another_flow(void **state)
{
    (void)state;
    struct world w;
    both_open(&w);
    world_judge(&w, ASKS);
    assert_int_equal(remembered(&w), 1);
    w.in.mono_ns += 200 * S;
    assert_string_equal(world_judge(&w, ASKS), "NEW");
    assert_string_equal(world_judge(&w, ANSWERS), "ON");
    assert_int_equal(remembered(&w), 1);
    world_fini(&w);
}

/* Explain computes the state as it would be, and the number of flows that the source has, and changes nothing. */
static void explained(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "firewall f default drop {\n  accept state established as ON\n"
                   "  drop state new flows over 1 per source as MANY\n  accept state new as NEW\n}\n");
    for (unsigned i = 0; i < 3; i++) {
        struct packet *p = packet_facts(ASKS, &w.facts);
        const struct decision d = vm_explain(w.vm, &w.in, &p->key, &p->pkt, NULL, NULL);
        char name[64];
        assert_string_equal(rule_name(w.program, d.rule, name, sizeof(name)), "NEW");
        assert_int_equal(world_live(&w), 0);
    }
    assert_string_equal(world_judge(&w, ASKS), "NEW");
    struct packet *p = packet_facts(ANSWERS, &w.facts);
    const struct decision on = vm_explain(w.vm, &w.in, &p->key, &p->pkt, NULL, NULL);
    assert_int_equal(on.rule, 0);
    p = packet_facts("eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1001 > 53", &w.facts);
    const struct decision many = vm_explain(w.vm, &w.in, &p->key, &p->pkt, NULL, NULL);
    assert_int_equal(many.rule, 1);
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1001 > 53"), "MANY");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.0.0.1 / udp 1001 > 53"), "NEW");
    world_fini(&w);
}

/* A frame whose headers are in a segment is joined, judged and tracked like any other. */
static void joined_frames(void **state)
{
    (void)state;
    struct world w;
    const size_t bytes = (pool_bytes(4, 2048) + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    struct pool *pool = pool_init(memory, bytes, 4, 2048);
    world_init_cfg(&w, rules, &(struct vm_cfg){.pool = pool});
    for (unsigned i = 0; i < 4; i++) {
        const struct note *n = packet_note(i & 1 ? ANSWERS : ASKS);
        const struct pkt_seg seg = {.data = n->bytes + 20, .len = n->cap_len - 20};
        struct pkt pkt, *const pkts[] = {&pkt};
        struct verdict v;
        pkt_view(&pkt, n->bytes, n->cap_len, n->cap_len, LINK_ETHER, IFACE_NONE);
        pkt.head_len = 20;
        pkt.segs = &seg;
        pkt.seg_count = 1;
        vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
        assert_int_equal(v.rule, i == 0 ? 1 : 0);
    }
    assert_int_equal(vm_counters(w.vm)->linearised, 4);
    assert_int_equal(remembered(&w), 1);
    assert_int_equal(world_live(&w), 1);
    world_fini(&w);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_and_counted),  cmocka_unit_test(not_all_are_told),  cmocka_unit_test(facts_make_it_stale),
        cmocka_unit_test(epochs_come_round), cmocka_unit_test(can_be_turned_off), cmocka_unit_test(another_flow),
        cmocka_unit_test(explained),         cmocka_unit_test(joined_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
