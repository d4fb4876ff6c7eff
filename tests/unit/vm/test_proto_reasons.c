/* Every malformation has its reason, one byte inside the limit has none, and the first fault in the documented order
 * wins. */
#include "tests/unit/vm/packet.h"

struct row {
    enum pkt_reason reason;
    const char *notation;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct packet *p = packet_of(rows[i].notation);
        if (p->reason != rows[i].reason)
            fail_msg("%s: %s, expected %s", rows[i].notation, reason_name(p->reason), reason_name(rows[i].reason));
    }
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))
#define GOOD        REASON_NONE
#define FOUR        "eth / ip4 1.1.1.1 > 2.2.2.2"
#define SIX         "eth / ip6 ::1 > ::2"

static void test_link(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REASON_SHORT_ETHERNET, "raw x\"\""},
        {REASON_SHORT_ETHERNET, "raw x\"00000000000000000000000088\""},
        {GOOD, "raw x\"0000000000000000000000008888\""},
        {REASON_SHORT_VLAN, "eth type 0x8100 / raw x\"000588\""},
        {GOOD, "eth type 0x8100 / raw x\"00058888\""},
        {REASON_SHORT_VLAN, "eth type 0x88a8 / raw x\"00058100\""},
        {REASON_SHORT_VLAN, "eth / vlan 1 type 0x9100 / raw x\"000588\""},
        {REASON_SHORT_IP, "eth type 0x0800 / raw x\"\""},
        {GOOD, "eth type 46 / raw x\"4242030000\""},
        {REASON_SHORT_ARP, "eth type 0x0806 / raw x\"00010800060400\""},
        {REASON_SHORT_ARP, "eth type 0x0806 / raw x\"0001080006040001\""},
        {REASON_SHORT_ARP, "eth type 0x0806 / raw x\"0001080006040001 020000000001 0a000001 000000000000 0a0000\""},
        {GOOD, "eth type 0x0806 / raw x\"0001080006040001 020000000001 0a000001 000000000000 0a000002\""},
        {GOOD, "eth type 0x0806 / raw x\"0001080000000001\""},
    };
    CHECK(rows);
}

static void test_vlan_depth(void **state)
{
    (void)state;
    char text[400];
    for (unsigned in_frame = 14; in_frame <= 17; in_frame++)
        for (unsigned taken = 0; taken <= 2; taken++) {
            strcpy(text, "eth");
            for (unsigned i = 0; i < in_frame; i++) strcat(text, " / vlan 5");
            strcat(text, " / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2");
            for (unsigned i = 0; i < taken; i++) strcat(text, " / taken 9");
            const struct packet *p = packet_of(text);
            assert_int_equal(p->reason, in_frame + taken > 16 ? REASON_VLAN_DEPTH : REASON_NONE);
            assert_int_equal(p->key.vlan_outer, taken ? 9 : 5);
            assert_int_equal(p->key.vlan_inner, taken == 2 ? 9 : 5);
        }
}

static void test_ip4(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GOOD, "eth / ip4 1.1.1.1 > 2.2.2.2"},
        {REASON_BAD_IP_VERSION, FOUR " ver 6"},
        {REASON_BAD_IP_VERSION, FOUR " ver 6 ihl 4 len 0"},
        {REASON_BAD_IP_HEADER_LENGTH, FOUR " ihl 4"},
        {REASON_BAD_IP_HEADER_LENGTH, FOUR " ihl 4 len 0"},
        {REASON_BAD_IP_HEADER_LENGTH, FOUR " ihl 6"},
        {REASON_BAD_IP_TOTAL_LENGTH, FOUR " ihl 6 len 20 / zeros 4"},
        {REASON_BAD_IP_TOTAL_LENGTH, FOUR " len 0 / udp 1 > 2"},
        {REASON_BAD_IP_TOTAL_LENGTH, FOUR " len 29 / udp 1 > 2"},
        {GOOD, FOUR " len 28 / udp 1 > 2 / pad 18"},
        {REASON_BAD_IP_OPTIONS, FOUR " opt x\"01010144\""},
        {REASON_BAD_IP_OPTIONS, FOUR " opt x\"44010000\""},
        {REASON_BAD_IP_OPTIONS, FOUR " opt x\"44050000\""},
        {GOOD, FOUR " opt x\"44040000\""},
        {GOOD, FOUR " opt x\"00440844\""},
        {REASON_BAD_IP_OPTIONS, FOUR " opt x\"44050000\" proto tcp / zeros 3"},
    };
    CHECK(rows);
}

static void test_checksum(void **state)
{
    (void)state;
    static const struct facts strict = {.drop_bad_checksum = true};
    static const char *const bad[] = {FOUR " csum 0x1234 / udp 1 > 2",
                                      FOUR " csum 0x1234 opt x\"01010101\" / udp 1 > 2",
                                      FOUR " csum 0x1234 more / udp 1 > 2"};
    for (unsigned i = 0; i < 3; i++) {
        const struct packet *p = packet_facts(bad[i], &no_facts);
        assert_int_equal(p->reason, REASON_NONE);
        assert_true(p->pkt.flags & PKT_BAD_CSUM);
        p = packet_facts(bad[i], NULL);
        assert_int_equal(p->reason, REASON_NONE);
        p = packet_facts(bad[i], &strict);
        assert_int_equal(p->reason, REASON_BAD_IP_CHECKSUM);
    }
    assert_int_equal(packet_facts(FOUR " / udp 1 > 2", &strict)->reason, REASON_NONE);
    assert_int_equal(packet.pkt.flags, 0);
    assert_int_equal(packet_facts(FOUR " csum 1 len 0", &strict)->reason, REASON_BAD_IP_TOTAL_LENGTH);
    assert_int_equal(packet_facts(FOUR " csum 1 opt x\"44050000\"", &strict)->reason, REASON_BAD_IP_CHECKSUM);
}

static void test_fragments(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REASON_BAD_FRAGMENT, FOUR " more / udp 1 > 2 len 100 / zeros 7"},
        {GOOD, FOUR " more / udp 1 > 2 len 100 / zeros 8"},
        {REASON_BAD_FRAGMENT, FOUR " frag 65528 proto udp / zeros 8"},
        {GOOD, FOUR " frag 65528 proto udp / zeros 7"},
        {REASON_TINY_FRAGMENT, FOUR " frag 8 proto tcp / zeros 16"},
        {REASON_TINY_FRAGMENT, FOUR " frag 8 more proto tcp / zeros 16"},
        {REASON_BAD_FRAGMENT, FOUR " frag 8 more proto tcp / zeros 15"},
        {GOOD, FOUR " frag 16 proto tcp / zeros 3"},
        {GOOD, FOUR " frag 8 proto udp / zeros 3"},
        {REASON_SHORT_TCP, FOUR " more proto tcp / zeros 16"},
        {REASON_SHORT_TCP, FOUR " more / tcp 1 > 2 off 7 / zeros 4"},
        {GOOD, FOUR " more / tcp 1 > 2 off 6 / zeros 4"},
        {REASON_BAD_TCP_OFFSET, FOUR " more / tcp 1 > 2 off 4 / zeros 4"},
        {REASON_SHORT_UDP, FOUR " more proto udp"},
        {REASON_BAD_UDP_LENGTH, FOUR " more / udp 1 > 2 len 7"},
        {GOOD, FOUR " more / udp 1 > 2 len 65535"},
        {REASON_SHORT_SCTP, FOUR " more proto sctp / zeros 8"},
        {REASON_SHORT_ICMP, FOUR " more proto icmp"},
        {REASON_BAD_FRAGMENT, SIX " / frag6 0 more / udp 1 > 2 len 100 / zeros 7"},
        {GOOD, SIX " / frag6 0 more / udp 1 > 2 len 100 / zeros 8"},
        {REASON_BAD_FRAGMENT, SIX " / frag6 65528 next 17 / zeros 8"},
        {GOOD, SIX " / frag6 65528 next 17 / zeros 7"},
        {REASON_TINY_FRAGMENT, SIX " / frag6 8 next 6 / zeros 8"},
        {GOOD, SIX " / frag6 8 next 60 / zeros 8"},
        {GOOD, SIX " / frag6 8 next 0 / zeros 8"},
        {REASON_SHORT_TCP, SIX " / frag6 0 more next 6 / zeros 16"},
        {REASON_IP6_EXTENSION_CHAIN, SIX " / frag6 0 more next 60 / zeros 0"},
        {GOOD, SIX " / frag6 0 / tcp 1 > 2"},
        {REASON_BAD_TCP_OFFSET, SIX " / frag6 0 / tcp 1 > 2 off 6"},
    };
    CHECK(rows);
}

static void test_ip6(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REASON_BAD_IP_VERSION, SIX " ver 4"},
        {REASON_BAD_IP_TOTAL_LENGTH, SIX " len 9 / udp 1 > 2"},
        {REASON_JUMBOGRAM, SIX " len 0 / hbh opt x\"c20400010000\" / udp 1 > 2"},
        {REASON_JUMBOGRAM, SIX " / hbh opt x\"c20400010000\" / udp 1 > 2"},
        {GOOD, SIX " / dst opt x\"c20400010000\" / udp 1 > 2"},
        {REASON_IP6_EXTENSION_CHAIN, SIX " len 0 / hbh opt x\"010400000000\" / udp 1 > 2"},
        {REASON_BAD_IP_OPTIONS, SIX " / hbh opt x\"010500000000\" / udp 1 > 2"},
        {REASON_BAD_IP_OPTIONS, SIX " / dst opt x\"000000000001\" / udp 1 > 2"},
        {GOOD, SIX " / dst opt x\"000000000000\" / udp 1 > 2"},
        {REASON_IP6_EXTENSION_CHAIN, SIX " / dst / hbh / udp 1 > 2"},
        {REASON_IP6_EXTENSION_CHAIN, SIX " next 60 / raw x\"11000104000000\""},
        {REASON_IP6_EXTENSION_CHAIN, SIX " / dst len 1 / payload x\"00000000000000\""},
        {GOOD, SIX " / dst len 1 next 59 / payload x\"0000000000000000\""},
        {REASON_IP6_ROUTING_0, SIX " / routing type 0 / udp 1 > 2"},
        {GOOD, SIX " / routing type 3 / udp 1 > 2"},
        {REASON_SHORT_AH, SIX " next 51 / raw x\"11010000000000\""},
        {REASON_SHORT_AH, SIX " next 51 / raw x\"1100000000000000\""},
        {REASON_SHORT_AH, SIX " next 51 / raw x\"11020000 00000000 00000000 000000\""},
        {GOOD, SIX " next 51 / raw x\"3b020000 00000000 00000000 00000000\""},
        {GOOD, SIX " next 51 / raw x\"3b010000 00000000 00000000\""},
        {GOOD, SIX " / esp"},
    };
    CHECK(rows);
}

static void test_ip6_chain_length(void **state)
{
    (void)state;
    char text[400];
    for (unsigned headers = 15; headers <= 17; headers++) {
        strcpy(text, SIX);
        for (unsigned i = 0; i < headers; i++) strcat(text, " / dst");
        strcat(text, " / udp 1 > 2");
        const struct packet *p = packet_of(text);
        assert_int_equal(p->reason, headers > 16 ? REASON_IP6_EXTENSION_CHAIN : REASON_NONE);
        assert_int_equal(p->pkt.ext_headers, headers > 16 ? 16 : headers);
    }
}

static void test_l4(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REASON_SHORT_TCP, FOUR " proto tcp / zeros 19"},
        {REASON_BAD_TCP_OFFSET, FOUR " proto tcp / zeros 20"},
        {GOOD, FOUR " / tcp 1 > 2"},
        {REASON_BAD_TCP_OFFSET, FOUR " / tcp 1 > 2 off 6 / zeros 3"},
        {GOOD, FOUR " / tcp 1 > 2 off 6 / zeros 4"},
        {REASON_SHORT_UDP, FOUR " proto udp / zeros 7"},
        {REASON_BAD_UDP_LENGTH, FOUR " / udp 1 > 2 len 0"},
        {REASON_BAD_UDP_LENGTH, FOUR " / udp 1 > 2 len 7"},
        {REASON_BAD_UDP_LENGTH, FOUR " / udp 1 > 2 len 9"},
        {GOOD, FOUR " / udp 1 > 2 len 9 / zeros 1"},
        {GOOD, FOUR " / udp 1 > 2 len 8 / zeros 1"},
        {REASON_BAD_UDP_LENGTH, SIX " / udp 1 > 2 len 0"},
        {REASON_SHORT_SCTP, FOUR " proto sctp / zeros 11"},
        {GOOD, FOUR " / sctp 1 > 2"},
        {REASON_SHORT_ICMP, FOUR " proto icmp / zeros 7"},
        {GOOD, FOUR " proto icmp / zeros 8"},
        {REASON_SHORT_ICMP, SIX " next icmp6 / zeros 7"},
        {GOOD, SIX " next icmp6 / zeros 8"},
        {GOOD, FOUR " proto 58 / zeros 1"},
        {GOOD, SIX " next 1 / zeros 1"},
        {GOOD, FOUR " / tcp 0 > 0 syn fin"},
        {GOOD, "eth / ip4 2.2.2.2 > 2.2.2.2 / tcp 9 > 9"},
    };
    CHECK(rows);
}

/* The same packet cut byte by byte: by the capture it is snapped until its headers are complete, on the wire it is
 * short. */
static void test_cuts(void **state)
{
    (void)state;
    static const struct {
        const char *notation;
        uint32_t headers; /* number of required bytes */
    } rows[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn opt x\"020405b4\" / zeros 9", 58},
        {"eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 20", 46},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 opt x\"01010101\" / icmp type 8 / zeros 9", 46},
        {"eth / ip6 ::1 > ::2 / hbh / dst / frag6 0 / tcp 1 > 2 / zeros 20", 98},
        {"eth / ip6 ::1 > ::2 / ah / sctp 1 > 2 / zeros 20", 90},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto 47 / zeros 20", 34},
        {"eth / arp who-has 10.0.0.1 tell 10.0.0.2", 42},
        {"sll / ip6 ::1 > ::2 / udp 1 > 2 / zeros 20", 64},
        {"sll2 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 20", 48},
        {"null / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 20", 32},
        {"loop / ip6 ::1 > ::2 / tcp 1 > 2 / zeros 20", 64},
        {"ip6 ::1 > ::2 / icmp6 type 128 / zeros 20", 48},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct note *n = packet_note(rows[i].notation);
        for (uint32_t cut = 0; cut <= n->wire_len; cut++) {
            packet_view(&packet, n->bytes, cut, n->wire_len, n->link);
            packet_parse(&packet, &no_facts);
            assert_int_equal(packet.reason, cut < rows[i].headers ? REASON_SNAPPED : REASON_NONE);
            assert_int_equal(packet.pkt.flags, cut >= rows[i].headers && cut < n->wire_len ? PKT_SNAPPED : 0);
            packet_view(&packet, n->bytes, cut, cut, n->link);
            packet_parse(&packet, &no_facts);
            assert_int_not_equal(packet.reason, REASON_SNAPPED);
            if (cut < n->wire_len) assert_int_not_equal(packet.reason, REASON_NONE);
        }
    }
}

static void test_faults_before_cuts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REASON_BAD_IP_TOTAL_LENGTH, FOUR " len 9999 / tcp 1 > 2 / cut 40"},
        {REASON_SHORT_TCP, FOUR " proto tcp / zeros 10 / cut 40"},
        {REASON_SNAPPED, FOUR " csum 1 opt x\"44050000\" / tcp 1 > 2 / cut 36"},
        {REASON_BAD_UDP_LENGTH, FOUR " / udp 1 > 2 len 100 / zeros 4 / cut 42"},
        {REASON_SNAPPED, FOUR " / udp 1 > 2 len 100 / zeros 4 / cut 41"},
    };
    CHECK(rows);
}

/* Bytes in a segment are captured but not in the head: reported separately from bytes that the capture cut. */
static void test_not_linear(void **state)
{
    (void)state;
    const struct note *n = packet_note("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn opt x\"020405b4\" / zeros 40");
    for (uint32_t head = 0; head <= n->wire_len; head++) {
        packet_view(&packet, n->bytes, head, n->wire_len, n->link);
        struct pkt_seg seg = {n->bytes + head, n->wire_len - head};
        packet.pkt.segs = &seg;
        packet.pkt.seg_count = 1;
        packet.pkt.cap_len = n->wire_len;
        packet_parse(&packet, &no_facts);
        assert_int_equal(packet.reason, head < 58 ? REASON_SNAPPED : REASON_NONE);
        assert_int_equal(packet.pkt.flags, head < 58 ? PKT_NOT_LINEAR : 0);
    }
    /* Captured up to the headers' last byte, or one less. */
    for (uint32_t cap = 57; cap <= 58; cap++) {
        struct pkt_seg seg = {n->bytes + 54, cap - 54};
        packet_view(&packet, n->bytes, 54, n->wire_len, n->link);
        packet.pkt.segs = &seg;
        packet.pkt.seg_count = 1;
        packet.pkt.cap_len = cap;
        packet_parse(&packet, &no_facts);
        assert_int_equal(packet.reason, REASON_SNAPPED);
        assert_int_equal(packet.pkt.flags, cap == 58 ? PKT_NOT_LINEAR : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link),       cmocka_unit_test(test_vlan_depth),
        cmocka_unit_test(test_ip4),        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_fragments),  cmocka_unit_test(test_ip6),
        cmocka_unit_test(test_l4),         cmocka_unit_test(test_ip6_chain_length),
        cmocka_unit_test(test_cuts),       cmocka_unit_test(test_faults_before_cuts),
        cmocka_unit_test(test_not_linear),
    };
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
