/* The inner packet of a tunnel: how it leaves, which counters it is in, and what happens without room; decapsulation
 * undoes encapsulation; damaged tunnels. tests/packets/decap.t shows which packets are opened, and what happens to
 * those. */
#include "tests/unit/vm/sender.h"

#include "tests/lib/rng.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/edit/edit.h"

#define RULES                                                                                                          \
    "firewall f default drop {\n"                                                                                      \
    "  decap ipip from 192.0.2.1, 2001:db8:1::1 as IPIP\n"                                                             \
    "  decap gue 6080 from 192.0.2.1, 2001:db8:1::1 as GUE\n"                                                          \
    "  accept udp as UDP\n"                                                                                            \
    "  accept tcp state new, established as TCP\n"                                                                     \
    "}\n"
#define STATELESS                                                                                                      \
    "firewall f default drop {\n"                                                                                      \
    "  decap ipip from 192.0.2.1, 2001:db8:1::1 as IPIP\n"                                                             \
    "  accept udp as UDP\n"                                                                                            \
    "}\n"
#define WRAPPED                                                                                                        \
    "eth / vlan 5 / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / udp 1000 > 53 / payload \"abc\""
#define INNER "eth / vlan 5 / ip4 198.51.100.7 > 10.0.0.9 / udp 1000 > 53 / payload \"abc\""

static uint32_t rule_of(const struct sender *s, const char *name)
{
    char buf[200];
    for (uint32_t i = 0; i < s->program->rules_count; i++)
        if (strcmp(rule_name(s->program, i, buf, sizeof(buf)), name) == 0) return i;
    fail_msg("no rule %s", name);
    return 0;
}

/* It leaves once to the host, and nothing else leaves; the outer packet is finished. */
static void leaves_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct sender s;
        sender_init(&s, i & 2 ? STATELESS : RULES, i & 1);
        JUDGES(&s, WRAPPED, "accept UDP -");
        assert_int_equal(s.v.done, 1);
        assert_int_equal(s.tx.count, 1);
        const struct tx_entry *e = &s.entries[0];
        assert_int_equal(e->kind, TX_HOST);
        assert_int_equal(e->cause, TX_CAUSE_INNER);
        assert_int_equal(e->input, 0);
        assert_int_equal(e->cookie, 4711);
        const struct note *inner = packet_note(INNER);
        assert_int_equal(e->pkt->wire_len, inner->wire_len);
        assert_memory_equal(e->pkt->data, inner->bytes, inner->cap_len);
        const struct vm_counters *c = vm_counters(s.vm);
        assert_int_equal(c->inner, 1);
        assert_int_equal(c->rules[rule_of(&s, "IPIP")].packets, 1);
        assert_int_equal(c->rules[rule_of(&s, "IPIP")].bytes, inner->wire_len + 20);
        assert_int_equal(c->rules[rule_of(&s, "UDP")].bytes, inner->wire_len + 20);
        sender_adds_up(&s);
        JUDGES(&s, INNER, "accept UDP -");
        assert_int_equal(s.v.done, 0);
        assert_int_equal(s.tx.count, 0);
        JUDGES(&s, "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / tcp 1 > 2 off 4",
               "drop - bad-tcp-offset");
        JUDGES(&s, "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / icmp", "drop default -");
        sender_adds_up(&s);
        sender_fini(&s);
    }
}

/* Without a pool, a slot or an entry the packet isn't let in unopened. */
static void no_room(void **state)
{
    (void)state;
    struct sender s;
    struct pkt *held[SENDER_SLOTS];
    unsigned count = 0;
    sender_init(&s, RULES, false);
    s.tx.cap = 0;
    JUDGES(&s, WRAPPED, "drop IPIP no-buffer");
    assert_int_equal(s.tx.cap, 0);
    s.tx.cap = 1;
    JUDGES(&s, WRAPPED, "accept UDP -");
    assert_int_equal(s.tx.cap, 1);
    sender_clear(&s);
    while (s.pool->free_count) held[count++] = pool_get(s.pool);
    JUDGES(&s, WRAPPED, "drop IPIP no-buffer");
    while (count) pool_put(held[--count]);
    JUDGES(&s, WRAPPED, "accept UDP -");
    sender_adds_up(&s);
    sender_fini(&s);

    struct vm *poor;
    sender_init(&s, RULES, false);
    poor = vm_new(s.program, &(struct vm_cfg){.seed = 7});
    struct verdict v;
    struct pkt *const pkts[] = {&packet_facts(WRAPPED, &s.facts)->pkt};
    vm_run(poor, &s.in, pkts, 1, &v, &s.tx);
    assert_int_equal(v.reason, REASON_NO_BUFFER);
    vm_free(poor);
    sender_fini(&s);
}

/* A reply to the inner packet may take an entry, but never the last, which is for accepted packets. */
static void answers_leave_room(void **state)
{
    (void)state;
    struct sender s;
    sender_init(
        &s,
        "firewall f default drop { decap ipip from 192.0.2.1 as IPIP; reject udp port 53 as NO; accept udp as UDP }\n",
        false);
    s.tx.cap = 1;
    JUDGES(&s, WRAPPED, "reject NO -");
    assert_int_equal(s.tx.count, 0);
    assert_int_equal(vm_counters(s.vm)->answers_no_buffer, 1);
    s.tx.cap = 2;
    JUDGES(&s, WRAPPED, "reject NO -");
    assert_int_equal(s.tx.count, 1);
    assert_int_equal(s.entries[0].cause, TX_CAUSE_UNREACHABLE);
    assert_int_equal(s.v.done, 0);
    sender_adds_up(&s);
    sender_fini(&s);
}

#define LATER_INNER "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 id 1 frag 16 proto udp / zeros 8"

/* A held packet is in one counter, and after it left in another, each time with the bytes of its frame. */
static void held_inner(void **state)
{
    (void)state;
    struct sender s;
    sender_init(&s, RULES, false);
    JUDGES(&s, LATER_INNER, "held - -");
    assert_int_equal(s.v.done, 0);
    assert_int_equal(s.tx.count, 0);
    assert_int_equal(vm_counters(s.vm)->verdicts[ACTION_HELD].bytes, s.bytes);
    sender_adds_up(&s);
    JUDGES(&s,
           "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 id 1 more / udp 1 > 2 len 24 csum 1 / zeros 8",
           "accept UDP -");
    assert_int_equal(s.tx.count, 2);
    assert_int_equal(s.entries[0].cause, TX_CAUSE_INNER);
    assert_int_equal(s.entries[1].cause, TX_CAUSE_HELD);
    assert_int_equal(s.entries[1].kind, TX_HOST);
    sender_adds_up(&s);
    assert_int_equal(vm_counters(s.vm)->verdicts[ACTION_HELD].bytes, 0);
    assert_int_equal(vm_counters(s.vm)->rules[rule_of(&s, "UDP")].bytes, s.bytes);
    sender_fini(&s);
}

/* Without its first it is dropped with the bytes of its frame, or judged by the rules; one that the rules would open
 * is its frame's second tunnel. */
static void held_orphan(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *packet;
        enum pkt_reason reason;
    } cases[] = {{RULES, LATER_INNER, REASON_FRAGMENT_ORPHAN},
                 {"firewall f default drop {\n"
                  "  accept udp fragment later as LATER\n"
                  "  decap ipip from 192.0.2.1, 192.0.2.2 as IPIP\n"
                  "  accept state new as NEW\n"
                  "}\n",
                  "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 192.0.2.2 > 10.0.0.9 id 1 frag 16 proto 4 / zeros 8",
                  REASON_NESTED_TUNNEL}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sender s;
        sender_init(&s, cases[i].rules, false);
        JUDGES(&s, cases[i].packet, "held - -");
        sender_clear(&s);
        s.in.mono_ns += UINT64_C(200000000);
        vm_tick(s.vm, &s.in, &s.tx);
        const struct vm_counters *c = vm_counters(s.vm);
        assert_int_equal(s.tx.count, 1);
        assert_int_equal(c->verdicts[ACTION_HELD].bytes, 0);
        assert_int_equal(c->verdicts[ACTION_DROP].bytes, s.bytes);
        assert_int_equal(c->reasons[cases[i].reason].bytes, s.bytes);
        sender_adds_up(&s);
        sender_fini(&s);
    }
}

/* Draw an address in the form of struct key. */
static void draw_address(struct rng *r, bool v6, bool outer, uint32_t addr[4])
{
    memset(addr, 0, 4 * sizeof(*addr));
    if (!v6) {
        addr[0] = outer ? 0xc0000201 : 0x0b000000 + rng_below(r, 1 << 24);
        return;
    }
    addr[0] = 0x20010db8;
    addr[1] = outer ? 0x00010000 : rng_below(r, 1 << 16) << 8;
    addr[3] = outer ? 1 : 2 + rng_below(r, 1000);
}

/* Draw a packet of the family, with its length, headers and payload, as notation. */
static void draw_inner(struct rng *r, bool v6, char *text, size_t len)
{
    const char *const links[] = {"eth", "eth / vlan 5", "eth / vlan 7 / vlan 6"};
    const unsigned tos = rng_below(r, 256), ttl = 1 + rng_below(r, 255), data = rng_below(r, 1200);
    const char *link = links[rng_below(r, 3)];
    if (v6)
        snprintf(text, len, "%s / ip6 2001:db8:7::%x > 2001:db8:9::9 tclass %u hop %u%s / udp %u > %u / zeros %u", link,
                 2 + rng_below(r, 999), tos, ttl, rng_one_in(r, 3) ? " / dst" : "", rng_below(r, 65536),
                 rng_below(r, 65536), data);
    else
        snprintf(text, len, "%s / ip4 11.1.%u.%u > 10.0.0.9 tos %u ttl %u id %u%s%s / udp %u > %u / zeros %u", link,
                 rng_below(r, 256), rng_below(r, 256), tos, ttl, rng_below(r, 65536), rng_one_in(r, 2) ? " df" : "",
                 rng_one_in(r, 3) ? " opt x\"9404000001010101\"" : "", rng_below(r, 65536), rng_below(r, 65536), data);
}

static struct tunnel draw_tunnel(struct rng *r)
{
    struct tunnel t = {.kind = (uint8_t)rng_below(r, TUNNEL_KINDS), .port = 6080, .v6 = rng_one_in(r, 2), .mtu = 1500};
    draw_address(r, t.v6, true, t.src);
    draw_address(r, t.v6, false, t.dst);
    return t;
}

/* A packet that tunnel_encap wraps and the rules open is unchanged: TTL and ECN stay, too. */
static void opening_undoes_wrapping(void **state)
{
    (void)state;
    const unsigned rounds = getenv("LONG") && *getenv("LONG") ? 200000 : 5000;
    struct sender s;
    struct rng r = {20261120};
    sender_init(&s, RULES, false);
    for (unsigned i = 0; i < rounds; i++) {
        char text[300];
        draw_inner(&r, rng_one_in(&r, 2), text, sizeof(text));
        const struct tunnel t = draw_tunnel(&r);
        struct packet *p = packet_facts(text, &s.facts);
        if (p->reason) fail_msg("%s: %s", text, reason_name(p->reason));
        struct pkt *wrapped = pool_copy(s.pool, &p->pkt);
        assert_int_equal(tunnel_encap(wrapped, &p->key, &t, (uint32_t)rng_next(&r), (uint16_t)i), 0);
        struct pkt outer = *wrapped;
        outer.pool = NULL;
        sender_judge_pkt(&s, &outer);
        if (s.v.action != ACTION_ACCEPT || s.tx.count != 1) fail_msg("%u: %s: %s", i, text, sender_said(&s));
        assert_int_equal(s.entries[0].pkt->wire_len, p->pkt.wire_len);
        if (memcmp(s.entries[0].pkt->data, p->pkt.data, p->pkt.cap_len) != 0) fail_msg("%u: %s: changed", i, text);
        pool_put(wrapped);
    }
    sender_adds_up(&s);
    sender_fini(&s);
}

/* With a tunnel packet's bytes damaged, cut off, or encapsulated again: one verdict, nothing read outside, no slot
 * lost. */
static void damaged(void **state)
{
    (void)state;
    const unsigned rounds = getenv("LONG") && *getenv("LONG") ? 500000 : 20000;
    struct sender ways[2];
    struct rng r = {4};
    for (unsigned w = 0; w < 2; w++) sender_init(&ways[w], RULES, w);
    for (unsigned i = 0; i < rounds; i++) {
        char text[300];
        draw_inner(&r, rng_one_in(&r, 2), text, sizeof(text));
        struct packet *p = packet_facts(text, &ways[0].facts);
        struct pkt *wrapped = pool_copy(ways[0].pool, &p->pkt);
        for (unsigned depth = 1 + rng_one_in(&r, 3); depth; depth--) {
            const struct tunnel t = draw_tunnel(&r);
            struct key key;
            pkt_parse(wrapped, &ways[0].facts, &key);
            tunnel_encap(wrapped, &key, &t, (uint32_t)rng_next(&r), 1);
        }
        const unsigned headers = wrapped->head_len < 160 ? wrapped->head_len : 160;
        for (unsigned n = rng_below(&r, 4); n; n--)
            wrapped->data[14 + rng_below(&r, headers - 14)] = (uint8_t)rng_next(&r);
        const uint32_t wire = wrapped->head_len, cap = rng_one_in(&r, 4) ? 14 + rng_below(&r, wire - 13) : wire;
        packet_view(&packet, wrapped->data, cap, rng_one_in(&r, 2) ? cap : wire, LINK_ETHER);
        pool_put(wrapped);
        for (unsigned w = 0; w < 2; w++) sender_judge_pkt(&ways[w], &packet.pkt);
        assert_int_equal(ways[0].v.action, ways[1].v.action);
        assert_int_equal(ways[0].v.reason, ways[1].v.reason);
        assert_int_equal(ways[0].v.rule, ways[1].v.rule);
        assert_int_equal(ways[0].v.done, ways[1].v.done);
        assert_int_equal(ways[0].tx.count, ways[1].tx.count);
        ways[0].in.mono_ns = ways[1].in.mono_ns += 1000000;
    }
    for (unsigned w = 0; w < 2; w++) sender_fini(&ways[w]);
}

/* However packets are cut into batches, with tunnels among them: the same verdicts and counters. */
static void batches_do_not_matter(void **state)
{
    (void)state;
    enum { COUNT = 150 };
    static const char *const texts[] = {
        WRAPPED,
        INNER,
        "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 80 syn",
        "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 80 ack ack 1",
        "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1001 > 80 syn",
        "eth / ip4 192.0.2.1 > 10.0.0.9 proto 4"};
    static struct pkt pkts[COUNT];
    struct pkt *at[COUNT];
    struct verdict verdicts[2][COUNT];
    uint8_t *bytes[COUNT];
    struct rng r = {8};
    struct sender s;
    static struct tx_entry entries[COUNT * VM_TX_PER_PACKET];
    for (unsigned i = 0; i < COUNT; i++) {
        const struct note *n = packet_note(texts[rng_below(&r, 6)]);
        bytes[i] = malloc(n->cap_len);
        assert_non_null(bytes[i]);
        memcpy(bytes[i], n->bytes, n->cap_len);
        pkt_view(&pkts[i], bytes[i], n->cap_len, n->wire_len, LINK_ETHER, IFACE_NONE);
        at[i] = &pkts[i];
    }
    for (unsigned way = 0; way < 2; way++) {
        sender_init(&s, RULES, false);
        s.tx.entries = entries;
        s.tx.cap = COUNT * VM_TX_PER_PACKET;
        for (unsigned i = 0; i < COUNT;) {
            const unsigned n = way && i + 13 <= COUNT ? 13 : 1; /* at most as many slots as packets that leave */
            vm_run(s.vm, &s.in, at + i, n, verdicts[way] + i, &s.tx);
            for (unsigned k = 0; k < s.tx.count; k++) pool_put(entries[k].pkt);
            s.tx.count = 0;
            i += n;
        }
        s.tx.entries = s.entries;
        sender_fini(&s);
    }
    assert_memory_equal(verdicts[0], verdicts[1], sizeof(verdicts[0]));
    for (unsigned i = 0; i < COUNT; i++) free(bytes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_once),
        cmocka_unit_test(no_room),
        cmocka_unit_test(answers_leave_room),
        cmocka_unit_test(held_inner),
        cmocka_unit_test(held_orphan),
        cmocka_unit_test(opening_undoes_wrapping),
        cmocka_unit_test(damaged),
        cmocka_unit_test(batches_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
