/* The limits of forwarding: what fits, whose address is the source, and packets when there is no room.
 * tests/packets/edges.t has the messages to senders. */
#include "tests/unit/vm/sender.h"

#include <errno.h>

#include "vm/packet/pool_priv.h"
#include "vm/forward/edges.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/reply/frame.h"

#define RULES "firewall f default accept { drop ttl 9 as DROPPED }\n"

static struct job job_of(struct sender *s) { return (struct job){.vm = s->vm, .in = &s->in, .tx = &s->tx}; }

static void fits(const char *notation, uint32_t mtu, enum tunnel_fit expected, uint32_t expected_told)
{
    uint32_t told = 0;
    const struct packet *p = packet_of(notation);
    assert_int_equal(edge_fit(&p->pkt, &p->key, mtu, &told), expected);
    assert_int_equal(told, expected_told);
}

static void what_fits(void **state)
{
    (void)state;
    fits("eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 1480", 1500, TUNNEL_FITS, 1500);
    fits("eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 1481", 1500, TUNNEL_TOO_BIG, 1500);
    fits("eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1481", 1500, TUNNEL_IN_FRAGMENTS, 1500);
    fits("eth / ip4 1.1.1.1 > 2.2.2.2 rf / zeros 1481", 1500, TUNNEL_IN_FRAGMENTS, 1500);
    fits("eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1480 / pad 40", 1500, TUNNEL_FITS, 1500);
    fits("ip4 1.1.1.1 > 2.2.2.2 df / zeros 556", 576, TUNNEL_FITS, 576);
    fits("ip4 1.1.1.1 > 2.2.2.2 df / zeros 557", 576, TUNNEL_TOO_BIG, 576);
    fits("eth / ip6 ::1 > ::2 / zeros 1460", 1500, TUNNEL_FITS, 1500);
    fits("eth / ip6 ::1 > ::2 / zeros 1461", 1500, TUNNEL_TOO_BIG, 1500);
    fits("eth / ip6 ::1 > ::2 / zeros 1240", 576, TUNNEL_FITS, 1280);
    fits("eth / ip6 ::1 > ::2 / zeros 1241", 576, TUNNEL_TOO_BIG, 1280);
    assert_int_equal(edge_mtu(NULL, 0), 1500);
    assert_int_equal(edge_mtu(&(struct facts){.mtu = 9000}, 0), 9000);
    const struct facts_iface ways[] = {{.mtu = 1280}, {0}};
    const struct facts facts = {.mtu = 9000, .ifaces = ways, .ifaces_count = 2};
    assert_int_equal(edge_mtu(&facts, 0), 1280);
    assert_int_equal(edge_mtu(&facts, 1), 9000);
    assert_int_equal(edge_mtu(&facts, IFACE_NONE), 9000);
}

static void whose_address(void **state)
{
    (void)state;
    uint32_t own[4];
    const struct facts none = {0}, both = {.addr4 = 7, .addr6 = {0, 0, 0, 9}};
    const struct key v4 = {.kind = KIND_IP4}, v6 = {.kind = KIND_IP6};
    assert_null(edge_own(NULL, 0, &v4, own));
    assert_null(edge_own(&none, 0, &v4, own));
    assert_null(edge_own(&none, 0, &v6, own));
    assert_ptr_equal(edge_own(&both, 0, &v4, own), own);
    assert_memory_equal(own, ((uint32_t[]){7, 0, 0, 0}), sizeof(own));
    assert_ptr_equal(edge_own(&both, 0, &v6, own), own);
    assert_memory_equal(own, ((uint32_t[]){0, 0, 0, 9}), sizeof(own));
    const struct facts_iface ways[] = {{.addr4 = 5, .mac = 0x020000000005}, {0}};
    const struct facts facts = {.addr4 = 7, .ifaces = ways, .ifaces_count = 2};
    assert_ptr_equal(edge_own(&facts, 0, &v4, own), own);
    assert_int_equal(own[0], 5);
    assert_ptr_equal(edge_own(&facts, 1, &v4, own), own);
    assert_int_equal(own[0], 7);
    assert_int_equal(edge_mac(&facts, 0, NULL), 0x020000000005);
    assert_int_equal(edge_mac(&facts, 1, NULL), (uint64_t)0x0200 << 32 | 7);
}

/* The way back leads to where the end was heard, unless that interface is down. */
static void way_back(void **state)
{
    (void)state;
    const struct facts_iface ways[] = {{.mtu = 1500}, {.down = 1}};
    const struct facts facts = {.ifaces = ways, .ifaces_count = 2};
    const struct way_back up = edge_back(&facts, 0, 5), down = edge_back(&facts, 1, 5), other = edge_back(&facts, 2, 5),
                          unknown = edge_back(NULL, 1, 5);
    assert_int_equal(up.iface, 0);
    assert_int_equal(up.mac, 5);
    assert_int_equal(down.iface, IFACE_NONE);
    assert_int_equal(down.mac, 0);
    assert_int_equal(other.iface, 2);
    assert_int_equal(other.mac, 5);
    assert_int_equal(unknown.iface, 1);
}

/* Every fragment has the entry's fields, or nothing leaves and no slot is lost. */
static void in_pieces(void **state)
{
    (void)state;
    static const char *const text = "eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1400";
    struct sender s;
    sender_init(&s, RULES, false);
    const struct job j = job_of(&s);
    const struct tx_entry as = {.kind = TX_SEND, .out_if = 3, .cookie = 9, .family = 4, .next_hop = {5}};
    struct pkt *pkt = pool_copy(s.pool, &packet_of(text)->pkt);
    assert_int_equal(edge_send(&j, pkt, 576, TUNNEL_IN_FRAGMENTS, 1, &as), 0);
    assert_int_equal(s.tx.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(s.entries[i].out_if, 3);
        assert_int_equal(s.entries[i].cookie, 9);
        assert_int_equal(s.entries[i].next_hop[0], 5);
        assert_true(s.entries[i].pkt->wire_len <= 14 + 576);
    }
    sender_clear(&s);
    assert_int_equal(s.pool->free_count, SENDER_SLOTS);

    pkt = pool_copy(s.pool, &packet.pkt);
    assert_int_equal(edge_send(&j, pkt, 576, TUNNEL_FITS, 1, &as), 0);
    assert_int_equal(s.tx.count, 1);
    assert_ptr_equal(s.entries[0].pkt, pkt);
    sender_clear(&s);

    s.tx.cap = 3;
    pkt = pool_copy(s.pool, &packet.pkt);
    assert_int_equal(edge_send(&j, pkt, 576, TUNNEL_IN_FRAGMENTS, 1, &as), 0);
    sender_clear(&s);
    s.tx.cap = 2;
    pkt = pool_copy(s.pool, &packet.pkt);
    assert_int_equal(edge_send(&j, pkt, 576, TUNNEL_IN_FRAGMENTS, 1, &as), -ENOBUFS);
    s.tx.cap = 0;
    pkt = pool_copy(s.pool, &packet.pkt);
    assert_int_equal(edge_send(&j, pkt, 576, TUNNEL_FITS, 1, &as), -ENOBUFS);
    s.tx.cap = SENDER_ENTRIES;
    pkt = pool_copy(s.pool, &packet.pkt);
    assert_int_equal(edge_send(&j, pkt, 100, TUNNEL_IN_FRAGMENTS, 1, &as), -EMSGSIZE);
    assert_int_equal(s.tx.count, 0);
    assert_int_equal(s.pool->free_count, SENDER_SLOTS);
    sender_fini(&s);
}

static const struct packet_ctx *ctx_of(const struct packet *p, unsigned at)
{
    static struct packet copy;
    static struct packet_ctx c;
    copy = *p;
    ctx_begin(&c, at, &copy.pkt, &copy.key, NULL);
    return &c;
}

/* An ICMP error fails without a pool and with a full one; a token is used only for packets that may get a reply. */
static void told_or_not(void **state)
{
    (void)state;
    struct sender s;
    sender_init(&s, "limits { rejects 3/s }\n" RULES, false);
    const struct job j = job_of(&s);
    const struct packet *p = packet_of("eth / ip4 224.0.0.1 > 2.2.2.2 ttl 1");
    for (unsigned i = 0; i < 10; i++) edge_expired(&j, ctx_of(p, 0));
    p = packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 ttl 1 / icmp type time-exceeded");
    for (unsigned i = 0; i < 10; i++) edge_too_big(&j, ctx_of(p, 0), 1400, NULL);
    assert_int_equal(s.tx.count, 0);
    p = packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 ttl 1 df");
    edge_expired(&j, ctx_of(p, 5));
    edge_too_big(&j, ctx_of(p, 6), 1400, NULL);
    assert_int_equal(s.tx.count, 2);
    assert_int_equal(s.entries[0].cause, TX_CAUSE_TIME_EXCEEDED);
    assert_int_equal(s.entries[0].input, 5);
    assert_int_equal(s.entries[1].cause, TX_CAUSE_TOO_BIG);
    s.tx.cap = 2;
    edge_expired(&j, ctx_of(p, 0));
    s.tx.cap = SENDER_ENTRIES;
    edge_expired(&j, ctx_of(p, 0));
    assert_int_equal(s.tx.count, 2);
    const struct vm_counters *c = vm_counters(s.vm);
    assert_int_equal(c->answers, 2);
    assert_int_equal(c->answers_no_buffer, 1);
    assert_int_equal(c->answers_limited, 1);
    sender_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits), cmocka_unit_test(whose_address), cmocka_unit_test(way_back),
        cmocka_unit_test(in_pieces), cmocka_unit_test(told_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
