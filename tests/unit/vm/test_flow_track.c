/* Following flows: the `state` of every protocol, senders, packets that make a flow and others, VLAN stacks,
 * reported ends, pick-up, sources, remembered verdicts. */
#include "tests/unit/vm/world.h"

#define A_B_UDP   "ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53"
#define B_A_UDP   "ip4 10.0.0.2 > 10.0.0.1 / udp 53 > 1000"

#define INIT_REST "0000ffff0001000100000001" /* SCTP INIT after the tag */

static void udp_both_sides(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, A_B_UDP, "NEW");
    SAYS(&w, A_B_UDP, "NEW"); /* only its side has sent */
    SAYS(&w, B_A_UDP, "ESTABLISHED");
    SAYS(&w, A_B_UDP, "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / udp 53 > 1001", "NEW");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / sctp 53 > 1000 / payload x\"0100001400000015" INIT_REST "\"", "NEW");
    assert_int_equal(world_live(&w), 3);
    w.in.mono_ns += 119 * S;
    SAYS(&w, B_A_UDP, "ESTABLISHED");
    w.in.mono_ns += 120 * S;
    SAYS(&w, B_A_UDP, "NEW"); /* it was silent too long */
    world_fini(&w);
}

/* A packet that a rule drops has no effect. */
static void dropped_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 ttl 9 / udp 1000 > 53", "DROPPED");
    assert_int_equal(world_live(&w), 0);
    SAYS(&w, A_B_UDP, "NEW");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 ttl 9 / udp 53 > 1000", "DROPPED");
    SAYS(&w, A_B_UDP, "NEW");
    w.in.mono_ns += 100 * S;
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 ttl 9 / udp 1000 > 53", "DROPPED");
    w.in.mono_ns += 20 * S;
    SAYS(&w, B_A_UDP, "NEW"); /* the dropped packet didn't keep it alive */
    world_fini(&w);
}

static void tcp_handshake(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 ack seq 5 ack 7", "INVALID");
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 syn seq 100", "NEW");
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 ack seq 101 ack 1", "INVALID");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.9 / tcp 80 > 1000 syn ack seq 300 ack 101", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 ack seq 101 ack 301", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 psh ack seq 101 ack 301 / payload \"abc\"", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.9 / tcp 80 > 1000 rst seq 999", "INVALID");
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 syn seq 900", "NEW"); /* the host challenges it */
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.9 / tcp 80 > 1000 ack seq 301 ack 104", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.9 / tcp 80 > 1000 rst seq 301", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.9 / tcp 80 > 1000 ack seq 301 ack 104", "INVALID");
    assert_int_equal(world_live(&w), 1);
    assert_int_equal(w.tx.event_count, 0);
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.9 / tcp 80 > 1000 syn seq 7", "NEW"); /* the other side opens it again */
    assert_int_equal(world_live(&w), 1);
    assert_int_equal(w.tx.event_count, 1);
    assert_int_equal(w.events[0].kind, EVENT_FLOW);
    assert_int_equal(w.events[0].flow.end, FLOW_END_REOPENED);
    assert_int_equal(w.events[0].flow.state, FLOW_STATE_RESET);
    SAYS(&w, "ip4 10.0.0.9 > 10.0.0.2 / tcp 1000 > 80 syn ack seq 50 ack 8", "ESTABLISHED");
    struct flow_record f;
    uint32_t at = 0;
    assert_true(vm_flow_next(w.vm, &at, &f));
    assert_int_equal(f.src[0], 0x0a000002);
    assert_int_equal(f.src_port, 80);
    assert_int_equal(f.dst_port, 1000);
    assert_int_equal(f.state, FLOW_STATE_SYN_RECEIVED);
    assert_int_equal(f.end, FLOW_ENDS);
    assert_false(vm_flow_next(w.vm, &at, &f));
    world_fini(&w);
}

/* A reply needs its query: the same pair of types, the same number, the other way. */
static void icmp_queries(void **state)
{
    (void)state;
    static const unsigned pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
    struct world w;
    char asks[128], answers[128], other[128], back[128];
    world_init(&w, RULES_STATES);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(asks, sizeof(asks), "eth / ip4 10.0.0.7 > 10.0.0.2 / icmp type %u id 77", pairs[i][0]);
        snprintf(answers, sizeof(answers), "eth / ip4 10.0.0.2 > 10.0.0.7 / icmp type %u id 77", pairs[i][1]);
        snprintf(other, sizeof(other), "eth / ip4 10.0.0.2 > 10.0.0.7 / icmp type %u id 78", pairs[i][1]);
        snprintf(back, sizeof(back), "eth / ip4 10.0.0.7 > 10.0.0.2 / icmp type %u id 77", pairs[i][1]);
        assert_string_equal(world_say(&w, answers), "INVALID");
        assert_string_equal(world_say(&w, asks), "NEW");
        assert_string_equal(world_say(&w, asks), "NEW");
        assert_string_equal(world_say(&w, other), "INVALID");
        assert_string_equal(world_say(&w, back), "INVALID");
        assert_string_equal(world_say(&w, answers), "ESTABLISHED");
        assert_string_equal(world_say(&w, asks), "ESTABLISHED");
        assert_int_equal(world_live(&w), i + 1);
    }
    SAYS(&w, "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 129 id 1", "INVALID");
    SAYS(&w, "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 128 id 1", "NEW");
    SAYS(&w, "ip6 2001:db8::2 > 2001:db8::1 / icmp6 type 129 id 1", "ESTABLISHED");
    SAYS(&w, "ip6 2001:db8::2 > 2001:db8::1 / icmp6 type 140 id 1", "INVALID");
    SAYS(&w, "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 139 id 1", "NEW");
    SAYS(&w, "ip6 2001:db8::2 > 2001:db8::1 / icmp6 type 140 id 1", "ESTABLISHED");
    world_fini(&w);
}

/* Both sides ping each other with one identifier: two flows; and a host that pings itself gets its reply. */
static void pings_both_ways(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 5", "NEW");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / icmp type 8 id 5", "NEW");
    assert_int_equal(world_live(&w), 2);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / icmp type 0 id 5", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 5", "NEW");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / icmp type 8 id 5", "ESTABLISHED");
    SAYS(&w, "ip4 127.0.0.1 > 127.0.0.1 / icmp type 8 id 5", "NEW");
    SAYS(&w, "ip4 127.0.0.1 > 127.0.0.1 / icmp type 0 id 5", "ESTABLISHED");
    world_fini(&w);
}

static void icmp_without_flows(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip6 fe80::1 > fe80::2 hop 255 / icmp6 type 135 target fe80::2", "NEW");
    SAYS(&w, "ip6 fe80::2 > fe80::1 hop 255 / icmp6 type 136 target fe80::2", "NEW");
    SAYS(&w, "ip6 fe80::1 > ff02::16 hop 1 / icmp6 type 143", "NEW");
    SAYS(&w, "ip6 fe80::1 > ff02::1 hop 255 / icmp6 type 134", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / icmp type 9", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / icmp type 42", "NEW");
    assert_int_equal(world_live(&w), 0);
    world_fini(&w);
}

static void what_has_no_state(void **state)
{
    (void)state;
    struct world w;
    world_init(
        &w,
        "firewall f default accept {\n  accept arp as ARP\n  accept state new, established, related, invalid as SOME\n"
        "  accept fragment later as LATER\n  drop as REST\n}\n");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 frag 64 id 9 / raw \"xxxxxxxx\""), "LATER");
    assert_string_equal(world_judge(&w, "eth type 0x88cc / raw \"lldp\""), "REST");
    assert_string_equal(world_judge(&w, "eth / arp who-has 10.0.0.1 tell 10.0.0.2"), "ARP");
    assert_int_equal(world_live(&w), 0);
    world_fini(&w);
}

static void groups_make_no_flow(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip4 10.0.0.1 > 224.0.0.251 / udp 5353 > 5353", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 255.255.255.255 / udp 68 > 67", "NEW");
    SAYS(&w, "ip6 fe80::1 > ff02::fb / udp 5353 > 5353", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 224.0.0.1 / tcp 1 > 2 syn", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 224.0.0.1 / tcp 1 > 2 ack", "INVALID");
    SAYS(&w, "ip4 10.0.0.1 > 224.0.0.1 / icmp type 8 id 1", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 224.0.0.1 / icmp type 0 id 1", "INVALID");
    assert_int_equal(world_live(&w), 0);
    world_fini(&w);
}

/* Equal ends: the packet counts for the opener's side, and never as its own reply. */
static void land(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    for (unsigned i = 0; i < 3; i++) {
        SAYS(&w, "ip4 10.0.0.1 > 10.0.0.1 / udp 7 > 7", "NEW");
        SAYS(&w, "ip6 ::1 > ::1 / udp 7 > 7", "NEW");
        SAYS(&w, "ip4 10.0.0.1 > 10.0.0.1 / tcp 7 > 7 syn seq 1", "NEW");
    }
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.1 / tcp 7 > 7 syn ack seq 1 ack 2", "INVALID");
    assert_int_equal(world_live(&w), 3);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.1 / udp 7 > 8", "NEW");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.1 / udp 8 > 7", "ESTABLISHED");
    world_fini(&w);
}

#define TO   "ip4 10.0.0.1 > 10.0.0.2 / sctp 9 > 10 "
#define FROM "ip4 10.0.0.2 > 10.0.0.1 / sctp 10 > 9 "

static void sctp_ends(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, TO "tag 0 / payload x\"0100001400000015" INIT_REST "\"", "NEW");
    SAYS(&w, FROM "tag 21 / payload x\"0200001400000016" INIT_REST "\"", "ESTABLISHED");
    SAYS(&w, TO "tag 22 / payload x\"06000004\"", "ESTABLISHED"); /* ABORT */
    struct flow_record f;
    uint32_t at = 0;
    assert_true(vm_flow_next(w.vm, &at, &f));
    assert_int_equal(f.state, FLOW_STATE_SCTP_RESET);
    w.in.mono_ns += 5 * S;
    SAYS(&w, FROM "tag 21 / payload x\"06000004\"", "ESTABLISHED"); /* keeps nothing alive */
    w.in.mono_ns += 4 * S;
    SAYS(&w, FROM "tag 0 / payload x\"0100001400000021" INIT_REST "\"", "NEW"); /* another association */
    assert_int_equal(w.events[0].flow.end, FLOW_END_REOPENED);
    SAYS(&w, TO "tag 33 / payload x\"0200001400000022" INIT_REST "\"", "ESTABLISHED");
    SAYS(&w, TO "tag 33 / payload x\"0e000004\"", "ESTABLISHED"); /* SHUTDOWN COMPLETE */
    w.in.mono_ns += 10 * S;
    SAYS(&w, TO "tag 33 / pad x\"01000014\"", "INVALID"); /* no chunk: only padding */
    assert_int_equal(w.tx.event_count, 2);
    assert_int_equal(w.events[1].flow.end, FLOW_END_CLOSED);
    world_fini(&w);
}

/* Equal addresses in two stacks are two flows; ids that come and go in one batch are distinguished. */
static void stacks(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, A_B_UDP, "NEW");
    SAYS(&w, "vlan 5 / " B_A_UDP, "NEW");
    SAYS(&w, "vlan 5 / " A_B_UDP, "ESTABLISHED");
    SAYS(&w, "vlan 5 pcp 3 / " A_B_UDP, "ESTABLISHED"); /* the priority belongs to the packet */
    SAYS(&w, "vlan 6 / " A_B_UDP, "NEW");
    SAYS(&w, "vlan 6 tpid 0x88a8 / " B_A_UDP, "NEW");
    SAYS(&w, "vlan 6 tpid 0x88a8 / vlan 5 / " B_A_UDP, "NEW");
    SAYS(&w, "vlan 6 tpid 0x88a8 / vlan 5 / " A_B_UDP, "ESTABLISHED");
    SAYS(&w, "vlan 6 tpid 0x88a8 / vlan 6 / " A_B_UDP, "NEW");
    SAYS(&w, B_A_UDP, "ESTABLISHED");
    assert_int_equal(world_live(&w), 6);
    struct flow_record f;
    unsigned both = 0;
    for (uint32_t at = 0; vm_flow_next(w.vm, &at, &f);) both += f.vlan[0] == 6 && f.vlan[1] == 5;
    assert_int_equal(both, 1);
    w.in.mono_ns += 1000 * S;
    for (unsigned i = 0; i < 12; i++, w.in.mono_ns += S) vm_tick(w.vm, &w.in, &w.tx);
    assert_int_equal(world_live(&w), 0);
    SAYS(&w, "vlan 7 tpid 0x88a8 / vlan 6 / " A_B_UDP, "NEW");
    SAYS(&w, "vlan 6 tpid 0x88a8 / vlan 5 / " B_A_UDP, "NEW");
    SAYS(&w, "vlan 7 tpid 0x88a8 / vlan 6 / " B_A_UDP, "ESTABLISHED");
    world_fini(&w);
}

/* With more stacks than ids no flow is made, and that is counted. */
static void stacks_run_out(void **state)
{
    (void)state;
    static uint8_t frames[VM_BATCH][64];
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    struct verdict v[VM_BATCH];
    struct world w;
    const struct note *n = packet_note("eth / vlan 1 tpid 0x88a8 / vlan 1 / " A_B_UDP);
    world_init(&w, RULES_STATES);
    for (unsigned i = 0; i < 17000; i += VM_BATCH) {
        for (unsigned k = 0; k < VM_BATCH; k++) {
            memcpy(frames[k], n->bytes, n->cap_len);
            frames[k][14] = (uint8_t)((i + k) >> 12);
            frames[k][15] = (uint8_t)(i + k);
            frames[k][18] = (uint8_t)((i + k) >> 8 & 15);
            pkt_view(&pkts[k], frames[k], n->cap_len, n->cap_len, LINK_ETHER, IFACE_NONE);
            views[k] = &pkts[k];
        }
        vm_run(w.vm, &w.in, views, VM_BATCH, v, &w.tx);
    }
    assert_int_equal(world_live(&w), 1 << 14);
    assert_int_equal(vm_counters(w.vm)->stacks_full, 17024 - (1 << 14));
    w.in.mono_ns += 500 * S;
    for (unsigned i = 0; i < 12; i++, w.in.mono_ns += S) vm_tick(w.vm, &w.in, &w.tx);
    assert_int_equal(world_live(&w), 0); /* with the flows their stacks are free again */
    vm_run(w.vm, &w.in, views, VM_BATCH, v, &w.tx);
    assert_int_equal(world_live(&w), VM_BATCH);
    world_fini(&w);
}

static void events_are_bounded(void **state)
{
    (void)state;
    struct world w;
    char notation[128];
    world_init(&w, RULES_STATES);
    for (unsigned i = 0; i < WORLD_EVENTS + 10; i++) {
        snprintf(notation, sizeof(notation), "eth / vlan 9 / ip6 2001:db8::%x > 2001:db8::aaaa / udp 5 > 6", i + 1);
        assert_string_equal(world_say(&w, notation), "NEW");
    }
    const uint64_t began = w.in.mono_ns;
    w.in.mono_ns += 500 * S;
    for (unsigned i = 0; i < 11; i++, w.in.mono_ns += S) {
        const uint64_t next = vm_tick(w.vm, &w.in, &w.tx);
        assert_int_equal(next, world_live(&w) ? w.in.mono_ns + S : UINT64_MAX);
    }
    assert_int_equal(w.tx.event_count, WORLD_EVENTS);
    assert_int_equal(w.tx.events_lost, 10);
    const struct flow_record *f = &w.events[3].flow;
    assert_int_equal(f->family, 6);
    assert_int_equal(f->vlan[0], 9);
    assert_int_equal(f->vlan[1], VLAN_UNTAGGED);
    assert_int_equal(f->end, FLOW_END_UNANSWERED);
    assert_int_equal(f->began_ns, began);
    assert_int_equal(f->seen_ns, began);
    assert_int_equal(f->ended_ns, began + 120 * S); /* at its deadline, not at the look-up */
    assert_int_equal(f->dst[3], 0xaaaa);
    world_fini(&w);
}

static void pick_up(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "timeouts { pickup 10s }\n" RULES_STATES);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ack seq 10 ack 20", "NEW");
    w.in.mono_ns += 10 * S - 1;
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / tcp 2 > 1 ack seq 20 ack 10", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 3 > 2 rst seq 10", "INVALID");
    w.in.mono_ns++;
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 5 > 2 ack seq 10 ack 20", "INVALID");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ack seq 10 ack 20", "ESTABLISHED");
    world_fini(&w);
}

/* A clock that goes back counts as the latest time seen. */
static void clock_goes_back(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, A_B_UDP, "NEW");
    w.in.mono_ns += 100 * S;
    SAYS(&w, B_A_UDP, "ESTABLISHED");
    w.in.mono_ns -= 1000 * S;
    SAYS(&w, A_B_UDP, "ESTABLISHED");
    w.in.mono_ns += 1119 * S;
    SAYS(&w, A_B_UDP, "ESTABLISHED");
    world_fini(&w);
}

/* At the maximum time nothing is due any more: a deadline that wrapped around would always be due. */
static void the_last_moment(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "meter m = 1/s per source\nfirewall f default accept {\n  drop state new over m\n}\n");
    w.in.mono_ns = UINT64_MAX - 5;
    assert_string_equal(world_judge(&w, "eth / " A_B_UDP), "default");
    assert_int_equal(vm_tick(w.vm, &w.in, &w.tx), UINT64_MAX);
    assert_int_equal(world_live(&w), 1);
    world_fini(&w);
}

/* Both hosts have forgotten a flow: the one that sends again opens the next. */
static void forgotten(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "firewall f default accept {\n  drop flows over 1 per source as MANY\n}\n");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 syn seq 10"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.0.0.1 / tcp 2 > 1 syn ack seq 50 ack 11"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ack seq 11 ack 51"), "default");
    w.in.mono_ns += 3600 * S;
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.0.0.1 / tcp 2 > 1 syn seq 7000000"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 syn ack seq 8000000 ack 7000001"),
                        "default");
    assert_int_equal(w.tx.event_count, 1);
    assert_int_equal(w.events[0].flow.src[0], 0x0a000001);
    assert_int_equal(w.events[0].flow.end, FLOW_END_REOPENED);
    struct flow_record f;
    uint32_t at = 0;
    assert_true(vm_flow_next(w.vm, &at, &f));
    assert_int_equal(f.src[0], 0x0a000002);
    assert_int_equal(f.src_port, 2);
    assert_int_equal(f.state, FLOW_STATE_SYN_RECEIVED);
    assert_int_equal(world_live(&w), 1);
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.0.0.1 / tcp 2 > 1 ack seq 7000001 ack 8000001"),
                        "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.0.0.1 / tcp 3 > 1 syn seq 1"), "MANY");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 3 > 1 syn seq 1"), "default");
    world_fini(&w);
}

/* By networks: a flow that ends is subtracted from each; one that replaces another inside a network counts for it
 * instead. */
static void by_networks(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "firewall f default accept {\n  drop flows over 2 per source as ONE\n"
                   "  drop flows over 3 per source/24,/64 as NET\n}\n");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.9.0.1 / udp 2 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.9.0.1 / udp 3 > 2"), "ONE");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 1 > 2"), "NET");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.1.3 > 10.9.0.1 / udp 1 > 2"), "default");
    for (unsigned i = 0; i < 3600 && world_live(&w); i++) {
        w.in.mono_ns += S;
        vm_tick(w.vm, &w.in, &w.tx);
    }
    assert_int_equal(world_live(&w), 0);
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 2 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.4 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.4 > 10.9.0.1 / udp 2 > 2"), "NET");
    world_fini(&w);
}

/* Another program counts by other networks: open flows count for them, and are subtracted from them. */
static void by_other_networks(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "firewall f default accept {\n  drop flows over 9 per source as ONE\n}\n");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.9.0.1 / udp 2 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip6 2001:db8::1 > 2001:db8::2 / udp 2 > 2"), "default");
    struct program *next =
        world_compile("firewall f default accept {\n  drop flows over 2 per source/24,/64 as NET\n}\n");
    struct remap *r = remap_new(w.program, next, NULL, 0, NULL, w.in.mono_ns);
    struct vm *fresh = vm_new(r->program, &(struct vm_cfg){.seed = 7, .flow_events = true});
    assert_int_equal(vm_swap(w.vm, fresh, r), 0);
    vm_free(fresh);
    program_put(w.program);
    w.program = next;
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 1 > 2"), "NET");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.1.3 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip6 2001:db8::3 > 2001:db8::2 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip6 2001:db8::3 > 2001:db8::2 / udp 2 > 2"), "NET");
    for (unsigned i = 0; i < 3600 && world_live(&w); i++) {
        w.in.mono_ns += S;
        vm_tick(w.vm, &w.in, &w.tx);
    }
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 1 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 2 > 2"), "default");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.3 > 10.9.0.1 / udp 3 > 2"), "NET");
    world_fini(&w);
    remap_free(r);
}

/* Packets that the host sends and no firewall judges are accepted and make flows, but not from mid-stream. */
static void unjudged_opens(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "firewall f in default drop {\n  accept state established as BACK\n}\n");
    w.self4[0] = 0x0a000001;
    w.facts.self4 = w.self4;
    w.facts.self4_count = 1;
    assert_string_equal(world_judge(&w, "eth / " B_A_UDP), "default");
    assert_string_equal(world_judge(&w, "eth / " A_B_UDP), "-");
    assert_string_equal(world_judge(&w, "eth / " B_A_UDP), "BACK");
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ack seq 3 ack 4"), "-");
    assert_int_equal(world_live(&w), 1);
    assert_string_equal(world_judge(&w, "eth / ip4 10.0.0.2 > 10.0.0.1 / tcp 2 > 1 ack seq 4 ack 3"), "default");
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_both_sides),
        cmocka_unit_test(dropped_changes_nothing),
        cmocka_unit_test(tcp_handshake),
        cmocka_unit_test(icmp_queries),
        cmocka_unit_test(pings_both_ways),
        cmocka_unit_test(icmp_without_flows),
        cmocka_unit_test(what_has_no_state),
        cmocka_unit_test(groups_make_no_flow),
        cmocka_unit_test(land),
        cmocka_unit_test(sctp_ends),
        cmocka_unit_test(stacks),
        cmocka_unit_test(stacks_run_out),
        cmocka_unit_test(events_are_bounded),
        cmocka_unit_test(pick_up),
        cmocka_unit_test(clock_goes_back),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(by_networks),
        cmocka_unit_test(by_other_networks),
        cmocka_unit_test(the_last_moment),
        cmocka_unit_test(unjudged_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
