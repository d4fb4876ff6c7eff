/* ICMP and ICMPv6 errors: related by their quotes, even if lengths are wrong. */
#include "tests/unit/vm/world.h"

#include "vm/packet/parse/read.h"

/* 10.0.0.1:1000 has sent to 10.0.0.2:53 and got a reply; the rest quotes that from a router. */
#define OUTER  "ip4 192.0.2.1 > 10.0.0.1 / icmp type 3 code 3 / "
#define OUTER6 "ip6 2001:db8::99 > 2001:db8::1 / icmp6 type 1 code 4 / "
#define Q_UDP  "ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53"
#define Q_UDP6 "ip6 2001:db8::1 > 2001:db8::2 / udp 1000 > 53"

static void open_udp(struct world *w)
{
    world_init(w, RULES_STATES);
    SAYS(w, "ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53", "NEW");
    SAYS(w, "ip6 2001:db8::1 > 2001:db8::2 / udp 1000 > 53", "NEW");
}

static void every_type(void **state)
{
    (void)state;
    static const unsigned errors4[] = {3, 4, 5, 11, 12}, errors6[] = {1, 2, 3, 4, 100, 127};
    struct world w;
    char notation[256];
    open_udp(&w);
    for (unsigned type = 0; type < 256; type++) {
        bool error = false;
        for (unsigned i = 0; i < 5; i++) error |= type == errors4[i];
        snprintf(notation, sizeof(notation), "eth / ip4 192.0.2.1 > 10.0.0.1 / icmp type %u / " Q_UDP, type);
        assert_int_equal(strcmp(world_state(&w, notation), "RELATED") == 0, error);
        snprintf(notation, sizeof(notation), "eth / ip6 2001:db8::99 > 2001:db8::1 / icmp6 type %u / " Q_UDP6, type);
        assert_int_equal(strcmp(world_state(&w, notation), "RELATED") == 0, type < 128);
    }
    for (unsigned i = 0; i < 6; i++) {
        snprintf(notation, sizeof(notation), "eth / ip6 2001:db8::99 > 2001:db8::1 / icmp6 type %u / " Q_UDP6,
                 errors6[i]);
        assert_string_equal(world_say(&w, notation), "RELATED");
    }
    world_fini(&w);
}

static void only_to_the_sender(void **state)
{
    (void)state;
    struct world w;
    open_udp(&w);
    SAYS(&w, OUTER Q_UDP, "RELATED");
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.2 / icmp type 3 code 3 / " Q_UDP, "INVALID");
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.2 / icmp type 3 / ip4 10.0.0.2 > 10.0.0.1 / udp 53 > 1000", "RELATED");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / icmp type 3 / " Q_UDP, "RELATED"); /* from the host itself */
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / udp 1001 > 53", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / sctp 1000 > 53", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 224.0.0.1 / udp 1000 > 53", "INVALID");
    SAYS(&w, "vlan 5 / " OUTER Q_UDP, "INVALID");
    SAYS(&w, OUTER6 Q_UDP6, "RELATED");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::3 / udp 1000 > 53", "INVALID");
    SAYS(&w, OUTER Q_UDP6, "INVALID"); /* another family */
    SAYS(&w, OUTER6 Q_UDP, "INVALID");
    world_fini(&w);
}

static void changes_nothing(void **state)
{
    (void)state;
    struct world w;
    open_udp(&w);
    w.in.mono_ns += 100 * S;
    SAYS(&w, OUTER Q_UDP, "RELATED");
    w.in.mono_ns += 19 * S;
    SAYS(&w, OUTER Q_UDP, "RELATED");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / udp 1000 > 53", "NEW"); /* the other side has not sent by it */
    w.in.mono_ns += 120 * S;
    SAYS(&w, OUTER Q_UDP, "INVALID");
    assert_int_equal(vm_counters(w.vm)->flows->added, 2);
    world_fini(&w);
}

static void every_protocol(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / sctp 7 > 8 / payload x\"01000014000000150000ffff0001000100000001\"", "NEW");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / sctp 7 > 8", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 3", "INVALID");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 3", "NEW");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 3", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / icmp type 8 id 4", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / icmp type 13 id 3", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / icmp type 0 id 3", "INVALID"); /* it has sent a query, not a reply */
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.2 / icmp type 3 / ip4 10.0.0.2 > 10.0.0.1 / icmp type 0 id 3", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / icmp type 3 id 3", "INVALID"); /* an error about an error */
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / gre / raw \"x\"", "NEW");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / gre", "RELATED");
    SAYS(&w, "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 128 id 3", "NEW");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 128 id 3", "RELATED");
    world_fini(&w);
}

/* A quoted number must be in flight, as far as the middlebox knows. */
static void tcp_numbers(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, RULES_STATES);
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 syn seq 1000", "NEW");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 syn seq 1000", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 syn seq 4000000", "INVALID");
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.2 / icmp type 3 / ip4 10.0.0.2 > 10.0.0.1 / tcp 80 > 1 seq 5", "INVALID");
    SAYS(&w, "ip4 10.0.0.2 > 10.0.0.1 / tcp 80 > 1 syn ack seq 5000 ack 1001 win 8192", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 ack seq 1001 ack 5001", "ESTABLISHED");
    SAYS(&w, "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 ack seq 1001 ack 5001 / zeros 1000", "ESTABLISHED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 len 1040 / tcp 1 > 80 ack seq 1001 ack 5001", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 ack seq 2002", "INVALID");
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.2 / icmp type 3 / ip4 10.0.0.2 > 10.0.0.1 / tcp 80 > 1 seq 5000", "RELATED");
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.2 / icmp type 3 / ip4 10.0.0.2 > 10.0.0.1 / tcp 80 > 1 seq 90000", "INVALID");
    /* only eight bytes of the header must be quoted */
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 len 1040 proto 6 / raw x\"00010050000003e9\"", "RELATED");
    world_fini(&w);
}

/* Quotes that are partial, in fragments, or behind options and extension headers. */
static void quotes_in_pieces(void **state)
{
    (void)state;
    struct world w;
    open_udp(&w);
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 len 28 / raw x\"03e80035000801\"", "INVALID"); /* seven bytes */
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 len 28 / raw x\"03e8003500080100\"", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 len 27 / raw x\"03e8003500080100\"", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 len 65535 / raw x\"03e8003500080100\"", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 len 19 / raw x\"03e8003500080100\"", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 ihl 4 / raw x\"03e8003500080100\"", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 ihl 15 / raw x\"03e8003500080100\"", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 proto 17 ver 6 / raw x\"03e8003500080100\"", "INVALID");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 opt x\"01010101\" / udp 1000 > 53", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 more id 4 / udp 1000 > 53", "RELATED");
    SAYS(&w, OUTER "ip4 10.0.0.1 > 10.0.0.2 frag 8 id 4 proto 17 / raw x\"03e8003500080100\"", "INVALID");
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.1 / icmp type 3", "INVALID"); /* it quotes nothing */
    SAYS(&w, "ip4 192.0.2.1 > 10.0.0.1 / icmp type 3 / raw x\"45\"", "INVALID");
    SAYS(&w,
         "ip4 192.0.2.1 > 10.0.0.1 / icmp type 3 / pad x\"4500001c0000000040110000"
         "0a0000010a00000203e8003500080000\"",
         "INVALID"); /* padding isn't a quote */
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / hbh / dst / udp 1000 > 53", "RELATED");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / ah / udp 1000 > 53", "RELATED");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / frag6 0 more id 1 / udp 1000 > 53", "RELATED");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / frag6 8 id 1 next 17 / raw x\"03e8003500080000\"", "INVALID");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / dst len 31 / udp 1000 > 53", "INVALID");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 len 7 / udp 1000 > 53", "INVALID");
    SAYS(&w, OUTER6 "ip6 2001:db8::1 > 2001:db8::2 len 1400 / udp 1000 > 53", "RELATED");
    world_fini(&w);
}

/* Seventeen headers are one too many, even short ones. */
static void long_chains(void **state)
{
    (void)state;
    struct world w;
    char notation[512];
    open_udp(&w);
    for (unsigned n = 15; n <= 17; n++) {
        size_t len = (size_t)snprintf(notation, sizeof(notation), "eth / " OUTER6 "ip6 2001:db8::1 > 2001:db8::2");
        for (unsigned i = 0; i < n; i++) len += (size_t)snprintf(notation + len, sizeof(notation) - len, " / dst");
        snprintf(notation + len, sizeof(notation) - len, " / udp 1000 > 53");
        assert_string_equal(world_say(&w, notation), n <= 16 ? "RELATED" : "INVALID");
    }
    world_fini(&w);
}

/* The capture, or the frame, ends within the quote at every byte. */
static void cut_everywhere(void **state)
{
    (void)state;
    struct world w;
    open_udp(&w);
    struct note n = *packet_note("eth / " OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / dst / frag6 0 more / udp 1000 > 53");
    const uint32_t headers = 14 + 40 + 8, whole = headers + 40 + 8 + 8 + 8;
    assert_int_equal(n.cap_len, whole);
    for (uint32_t cap = headers; cap <= whole; cap++) {
        packet_view(&packet, n.bytes, cap, n.wire_len, LINK_ETHER);
        packet_parse(&packet, &w.facts);
        assert_int_equal(packet.reason, REASON_NONE);
        vm_state(w.vm, &w.in, &packet.key, &packet.pkt);
        assert_string_equal(mark_name(packet.key.marks), cap == whole ? "RELATED" : "INVALID");
        n.bytes[14 + 4] = (uint8_t)((cap - 54) >> 8); /* the error gives the length itself */
        n.bytes[14 + 5] = (uint8_t)(cap - 54);
        packet_view(&packet, n.bytes, cap, cap, LINK_ETHER);
        packet_parse(&packet, &w.facts);
        vm_state(w.vm, &w.in, &packet.key, &packet.pkt);
        assert_string_equal(mark_name(packet.key.marks), cap == whole ? "RELATED" : "INVALID");
        n.bytes[14 + 4] = 0;
        n.bytes[14 + 5] = (uint8_t)(whole - 54);
    }
    world_fini(&w);
}

/* Arbitrary bytes as quotes, in a block of exactly their size, so that a sanitizer finds reads outside. A quote that
 * is found must be in the bytes. */
static void hostile_quotes(void **state)
{
    (void)state;
    static const char *const models[] = {
        "eth / " OUTER Q_UDP " / raw \"01234567\"",
        "eth / " OUTER "ip4 10.0.0.1 > 10.0.0.2 opt x\"0102030401010101\" / tcp 1 > 2 ack",
        "eth / " OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / hbh / routing / frag6 0 / ah / dst / udp 1000 > 53",
        "eth / " OUTER6 "ip6 2001:db8::1 > 2001:db8::2 / dst / dst / dst / dst / icmp6 type 128 id 3",
    };
    struct world w;
    static struct note m;
    const struct note *n = NULL;
    uint64_t seed = 5;
    unsigned found = 0, whole = 0;
    open_udp(&w);
    for (unsigned i = 0; i < 200000; i++) {
        if (i % 50000 == 0) n = packet_note(models[i / 50000]);
        m.cap_len = n->cap_len;
        memcpy(m.bytes, n->bytes, n->cap_len);
        const uint32_t from = m.bytes[12] == 8 ? 42 : 62;
        for (unsigned k = draw(&seed, 4) + 1; k; k--)
            m.bytes[from + draw(&seed, m.cap_len - from)] =
                (uint8_t)(draw(&seed, 2) ? draw(&seed, 256) : draw(&seed, 9));
        packet_view(&packet, m.bytes, m.cap_len, m.cap_len, LINK_ETHER);
        packet_parse(&packet, &w.facts);
        if (packet.reason) continue;
        struct quoted q;
        whole++;
        vm_state(w.vm, &w.in, &packet.key, &packet.pkt);
        if (!icmp_is_error(&packet.key) || !quoted_read(&packet.pkt, &packet.key, &q)) continue;
        found++;
        assert_false(q.key.kind & KIND_FRAG_LATER);
        assert_int_equal(!!(q.key.kind & KIND_IP6), !!(packet.key.kind & KIND_IP6));
    }
    assert_true(found > 20000 && whole > found);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type),     cmocka_unit_test(only_to_the_sender), cmocka_unit_test(changes_nothing),
        cmocka_unit_test(every_protocol), cmocka_unit_test(tcp_numbers),        cmocka_unit_test(quotes_in_pieces),
        cmocka_unit_test(long_chains),    cmocka_unit_test(cut_everywhere),     cmocka_unit_test(hostile_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
