/* Views: the key of each kind of packet, directions, byte patterns in every layer, MAC addresses. */
#include "tests/unit/vm/packet.h"

#define ETHER (KIND_ETHER | KIND_ETHERTYPE | KIND_IN)
#define IP4   (ETHER | KIND_IP4 | KIND_PROTO | KIND_FRAG_NO)
#define IP6   (ETHER | KIND_IP6 | KIND_PROTO | KIND_FRAG_NO)

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *notation;
        uint32_t kind;
        uint16_t proto;
    } rows[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2", IP4 | KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS, 6},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", IP4 | KIND_UDP | KIND_PORTS, 17},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 1 > 2", IP4 | KIND_SCTP | KIND_PORTS, 132},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8", IP4 | KIND_ICMP | KIND_ICMP_HEADER, 1},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto 58 / zeros 20", IP4, 58},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto 51 / zeros 20", IP4 | KIND_AH, 51},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 opt x\"01010101\" proto 47", IP4 | KIND_OPTIONS, 47},
        {"eth / ip6 ::1 > ::2 / tcp 1 > 2", IP6 | KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS, 6},
        {"eth / ip6 ::1 > ::2 / icmp6 type 128", IP6 | KIND_ICMP6 | KIND_ICMP_HEADER, 58},
        {"eth / ip6 ::1 > ::2 hop 255 / icmp6 type 133", IP6 | KIND_ICMP6 | KIND_ICMP_HEADER | KIND_ND, 58},
        {"eth / ip6 ::1 > ::2 hop 255 / icmp6 type 136 target ::3", IP6 | KIND_ICMP6 | KIND_ICMP_HEADER | KIND_ND, 58},
        {"eth / ip6 ::1 > ::2 hop 254 / icmp6 type 135 target ::3", IP6 | KIND_ICMP6 | KIND_ICMP_HEADER, 58},
        {"eth / ip6 ::1 > ::2 hop 255 / icmp6 type 137", IP6 | KIND_ICMP6 | KIND_ICMP_HEADER, 58},
        {"eth / ip6 ::1 > ::2 hop 255 / hbh / icmp6 type 135 target ::3", IP6 | KIND_ICMP6 | KIND_ICMP_HEADER | KIND_ND,
         58},
        {"eth / ip6 ::1 > ::2 next 1 / zeros 20", IP6, 1},
        {"eth / ip6 ::1 > ::2 / hbh / esp", IP6, 50},
        {"eth / ip6 ::1 > ::2 / frag6 0 / udp 1 > 2", IP6 | KIND_UDP | KIND_PORTS, 17},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 2 len 99 / zeros 8",
         (IP4 & ~KIND_FRAG_NO) | KIND_FRAG_FIRST | KIND_UDP | KIND_PORTS, 17},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 frag 16 proto tcp / zeros 8", (IP4 & ~KIND_FRAG_NO) | KIND_FRAG_LATER | KIND_TCP,
         6},
        {"eth / ip6 ::1 > ::2 / frag6 16 next 6 / zeros 8", (IP6 & ~KIND_FRAG_NO) | KIND_FRAG_LATER | KIND_TCP, 6},
        {"eth / ip6 ::1 > ::2 / frag6 16 next 60 / zeros 8", (IP6 & ~KIND_FRAG_NO & ~KIND_PROTO) | KIND_FRAG_LATER, 0},
        {"eth / arp who-has 10.0.0.1 tell 10.0.0.2", ETHER | KIND_ARP, 0},
        {"eth type 0x88cc / zeros 20", ETHER, 0},
        {"eth type 38 / zeros 38", KIND_ETHER | KIND_IN, 0},
        {"eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 proto 47", IP4 | KIND_VLAN, 47},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto 47 / taken 5 / taken 6", IP4 | KIND_VLAN | KIND_VLAN2, 47},
        {"ip4 1.1.1.1 > 2.2.2.2 proto 47", IP4 & ~KIND_ETHER, 47},
        {"sll type 4 / zeros 30", KIND_IN, 0},
        {"null family 7 / zeros 30", KIND_IN, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct packet *p = packet_of(rows[i].notation);
        if (p->reason || p->key.kind != rows[i].kind || p->key.proto != rows[i].proto)
            fail_msg("%s: %s kind %08x, expected %08x, proto %u", rows[i].notation, reason_name(p->reason), p->key.kind,
                     rows[i].kind, p->key.proto);
        assert_int_equal(p->key.iface, 7);
    }
}

static void test_fields(void **state)
{
    (void)state;
    const struct packet *p = packet_of("eth / vlan 5 / vlan 6 / ip4 198.18.0.1 > 203.0.113.10 ttl 9 tos 0xb8 / tcp "
                                       "50000 > 443 syn cwr opt x\"020405b4\" / zeros 7");
    assert_int_equal(p->key.src[0], 0xc6120001);
    assert_int_equal(p->key.dst[0], 0xcb00710a);
    assert_int_equal(p->key.src[1] | p->key.src[2] | p->key.src[3] | p->key.dst[1] | p->key.dst[2] | p->key.dst[3], 0);
    assert_int_equal(p->key.marks, TCP_SYN | TCP_CWR);
    assert_int_equal(p->key.src_port, 50000);
    assert_int_equal(p->key.dst_port, 443);
    assert_int_equal(p->key.ether_type, 0x0800);
    assert_int_equal(p->key.vlan_outer, 5);
    assert_int_equal(p->key.vlan_inner, 6);
    assert_int_equal(p->key.length, 51);
    assert_int_equal(p->key.ttl, 9);
    assert_int_equal(p->key.dscp, 46);
    assert_int_equal(p->pkt.l3, 22);
    assert_int_equal(p->pkt.l4, 42);
    assert_int_equal(p->pkt.payload, 66);
    assert_int_equal(p->pkt.l3_end, 73);
    assert_int_equal(p->pkt.tags_in_frame, 2);

    p = packet_of("eth / ip6 2001:db8::1 > 2001:db8:1:2:3:4:5:6 hop 3 tclass 0xb8 flow 0xfffff / dst / icmp6 type 1 "
                  "code 4 / zeros 3");
    assert_int_equal(p->key.src[0], 0x20010db8);
    assert_int_equal(p->key.src[3], 1);
    assert_int_equal(p->key.dst[1], 0x00010002);
    assert_int_equal(p->key.dst[3], 0x00050006);
    assert_int_equal(p->key.icmp_type, 1);
    assert_int_equal(p->key.icmp_code, 4);
    assert_int_equal(p->key.ttl, 3);
    assert_int_equal(p->key.dscp, 46);
    assert_int_equal(p->key.length, 59);
    assert_int_equal(p->pkt.ext_headers, 1);
    assert_int_equal(p->pkt.l4, 62);
    assert_int_equal(p->pkt.payload, 70);
}

/* Even a malformed frame has a deterministic key: packet.h fills it with noise before. */
static void test_key_determined(void **state)
{
    (void)state;
    const struct packet *p = packet_of("raw x\"00\"");
    struct key none = {.kind = KIND_IN, .iface = 7};
    assert_memory_equal(&p->key, &none, sizeof(none));
}

static void test_direction(void **state)
{
    (void)state;
    static const uint32_t self4[] = {0x0a000001, 0x0a000009, 0x0a0000ff};
    static const struct pbc_range6 self6[] = {
        {.lo_hi = 0xfd00000000000000, .lo_lo = 1, .hi_hi = 0xfd00000000000000, .hi_lo = 1},
        {.lo_hi = 0xfd00000000000000, .lo_lo = 9, .hi_hi = 0xfd00000000000000, .hi_lo = 9}};
    static const struct facts world = {.self4 = self4, .self4_count = 3, .self6 = self6, .self6_count = 2};
    static const struct {
        const char *notation;
        uint32_t want;
    } rows[] = {
        {"eth / ip4 10.0.0.2 > 10.0.0.9 / udp 1 > 2", KIND_IN | KIND_DST_SELF},
        {"eth / ip4 10.0.0.2 > 10.0.0.255 / udp 1 > 2", KIND_IN | KIND_DST_SELF},
        {"eth / ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 2", KIND_OUT | KIND_SRC_SELF},
        {"eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 2", KIND_OUT | KIND_SRC_SELF | KIND_DST_SELF},
        {"eth / ip4 10.0.0.2 > 10.0.0.3 / udp 1 > 2", KIND_FORWARD},
        {"eth / ip4 10.0.0.2 > 224.0.0.1 / udp 1 > 2", KIND_IN},
        {"eth / ip4 10.0.0.2 > 239.255.255.255 / udp 1 > 2", KIND_IN},
        {"eth / ip4 10.0.0.2 > 240.0.0.1 / udp 1 > 2", KIND_FORWARD},
        {"eth / ip4 10.0.0.2 > 255.255.255.255 / udp 1 > 2", KIND_IN},
        {"eth / ip4 10.0.0.1 > 224.0.0.1 / udp 1 > 2", KIND_OUT | KIND_SRC_SELF},
        {"eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.2 > 10.0.0.3 / udp 1 > 2", KIND_FORWARD},
        {"eth / ip6 fd00::2 > fd00::9 / udp 1 > 2", KIND_IN | KIND_DST_SELF},
        {"eth / ip6 fd00::1 > fd00::2 / udp 1 > 2", KIND_OUT | KIND_SRC_SELF},
        {"eth / ip6 fd00::2 > fd00::3 / hbh / udp 1 > 2", KIND_FORWARD},
        {"eth / ip6 fd00::2 > ff02::1 / udp 1 > 2", KIND_IN},
        {"eth type 0x88cc / zeros 20", KIND_FORWARD},
        {"eth 02:00:00:00:00:01 > 01:80:c2:00:00:0e type 0x88cc / zeros 20", KIND_IN},
        {"eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 10.0.0.1 tell 10.0.0.2", KIND_IN},
        {"sll type 0x88cc pkttype 1 / zeros 20", KIND_IN},
        {"sll type 0x88cc pkttype 0 / zeros 20", KIND_FORWARD},
        {"sll2 type 0x88cc pkttype 2 / zeros 20", KIND_IN},
    };
    const uint32_t bits = KIND_IN | KIND_OUT | KIND_FORWARD | KIND_SRC_SELF | KIND_DST_SELF;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct packet *p = packet_facts(rows[i].notation, &world);
        if ((p->key.kind & bits) != rows[i].want) fail_msg("%s: %08x", rows[i].notation, p->key.kind & bits);
        p = packet_facts(rows[i].notation, &no_facts);
        assert_int_equal(p->key.kind & bits, KIND_IN);
    }
}

static bool has(unsigned layer, unsigned at, const char *value, unsigned len)
{
    static uint8_t ones[64];
    memset(ones, 0xff, sizeof(ones));
    return pkt_match(&packet.pkt, &packet.key, layer, at, (const uint8_t *)value, ones, len);
}

static void test_match_layers(void **state)
{
    (void)state;
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 258 > 772 syn / payload \"GET /\" / pad 8");
    assert_true(has(PBC_L2, 12, "\x08\x00\x45", 3));
    assert_true(has(PBC_L3, 12, "\1\1\1\1\2\2\2\2", 8));
    assert_true(has(PBC_L4, 0, "\1\2\3\4", 4));
    assert_true(has(PBC_PAYLOAD, 0, "GET /", 5));
    assert_true(has(PBC_PAYLOAD, 4, "/", 1));
    assert_false(has(PBC_PAYLOAD, 0, "GET ?", 5));
    assert_false(has(PBC_PAYLOAD, 5, "\0", 1)); /* padding */
    assert_false(has(PBC_L3, 45, "\0", 1));
    assert_true(has(PBC_L2, 59, "\0", 1)); /* in the frame */
    assert_true(has(PBC_L2, 66, "\0", 1));
    assert_false(has(PBC_L2, 67, "\0", 1));
    assert_false(has(PBC_L2, UINT32_MAX, "\0", 1));
    uint8_t mask[5] = {0xff, 0, 0xff, 0, 0};
    assert_true(pkt_match(&packet.pkt, &packet.key, PBC_PAYLOAD, 0, (const uint8_t *)"G\0T\0\0", mask, 5));
    assert_false(pkt_match(&packet.pkt, &packet.key, PBC_PAYLOAD, 0, (const uint8_t *)"G\0X\0\0", mask, 5));
}

static void test_match_long(void **state)
{
    (void)state;
    char text[300] = "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / payload \"", data[65] = "";
    for (unsigned i = 0; i < 64; i++) data[i] = (char)('A' + i % 26);
    strcat(strcat(text, data), "\"");
    packet_of(text);
    for (unsigned len = 1; len <= 64; len++) {
        char wrong[64];
        assert_true(has(PBC_PAYLOAD, 64 - len, data + 64 - len, len));
        for (unsigned i = 0; i < len; i++) {
            memcpy(wrong, data, 64);
            wrong[i] ^= 1;
            assert_false(has(PBC_PAYLOAD, 0, wrong, len));
        }
    }
}

static void test_match_where_nowhere(void **state)
{
    (void)state;
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 proto 47 / payload \"abc\"");
    assert_true(has(PBC_L4, 0, "abc", 3));
    assert_false(has(PBC_PAYLOAD, 0, "a", 1));
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / payload \"abc\"");
    assert_true(has(PBC_PAYLOAD, 0, "abc", 3));
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 frag 16 proto udp / payload \"abcdefghijk\"");
    assert_true(has(PBC_L3, 20, "abc", 3));
    assert_false(has(PBC_L4, 0, "abc", 3));
    assert_false(has(PBC_PAYLOAD, 0, "i", 1));
    packet_of("eth / arp who-has 10.0.0.1 tell 10.0.0.2");
    assert_false(has(PBC_L3, 0, "\0", 1));
    assert_true(has(PBC_L2, 12, "\x08\x06", 2));
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 len 8 / payload \"slack\"");
    assert_true(has(PBC_PAYLOAD, 0, "slack", 5)); /* beyond a shorter UDP length */
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / payload \"abc\" / cut 44");
    assert_true(has(PBC_PAYLOAD, 0, "ab", 2));
    assert_false(has(PBC_PAYLOAD, 0, "abc", 3)); /* beyond the capture */
}

/* Patterns in segments, or across tags that were taken off. */
static void test_match_gathered(void **state)
{
    (void)state;
    const struct note *n = packet_note("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / payload \"abcdefghij\"");
    packet_view(&packet, n->bytes, 44, n->wire_len, n->link);
    const struct pkt_seg segs[] = {{n->bytes + 44, 3}, {n->bytes + 47, 0}, {n->bytes + 47, n->wire_len - 47}};
    packet.pkt.segs = segs;
    packet.pkt.seg_count = 3;
    packet.pkt.cap_len = n->wire_len;
    packet_parse(&packet, &no_facts);
    for (unsigned at = 0; at < 10; at++)
        for (unsigned len = 1; len <= 10; len++)
            assert_int_equal(has(PBC_PAYLOAD, at, &"abcdefghij\0\0\0\0\0\0\0\0\0"[at], len), at + len <= 10);

    packet.pkt.cap_len = 50; /* regardless of further bytes in the segments */
    assert_true(has(PBC_PAYLOAD, 0, "abcdefgh", 8));
    assert_false(has(PBC_PAYLOAD, 0, "abcdefghi", 9));

    packet_of("eth 02:00:00:00:00:01 > 02:00:00:00:00:02 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / taken 5 tpid 0x88a8 / "
              "taken 6");
    assert_true(has(PBC_L2, 6, "\2\0\0\0\0\1\x88\xa8\0\5\x81\0\0\6\x08\0\x45", 17));
    assert_true(has(PBC_L2, 20, "\x08\0\x45", 3));
    assert_true(has(PBC_L3, 0, "\x45", 1));
    assert_true(has(PBC_L2, 49, (const char *)packet.bytes + 41, 1));
    assert_false(has(PBC_L2, 50, "\0", 1));
}

static void test_mac(void **state)
{
    (void)state;
    packet_of("eth 02:00:00:00:00:01 > 03:04:05:06:07:08 / ip4 1.1.1.1 > 2.2.2.2");
    assert_true(pkt_mac(&packet.pkt, false) == 0x020000000001);
    assert_true(pkt_mac(&packet.pkt, true) == 0x030405060708);
    packet_of("ip4 1.1.1.1 > 2.2.2.2");
    assert_true(pkt_mac(&packet.pkt, true) == 0);
    packet_of("raw x\"00112233445566778899aabb08\"");
    assert_true(pkt_mac(&packet.pkt, true) == 0);
}

static void test_view_wire(void **state)
{
    (void)state;
    struct pkt p;
    pkt_view(&p, (const uint8_t *)"abcd", 4, 2, LINK_RAW, 3);
    assert_int_equal(p.wire_len, 4);
    assert_int_equal(p.cap_len, 4);
}

/* Kinds of devices: packets of WireGuard and PPP are bare, those of GRE only with a single peer, and a CAN bus has
 * none. */
static void test_link_of(void **state)
{
    (void)state;
    static const struct {
        unsigned arphrd;
        bool point, known;
        enum pkt_link link;
    } kinds[] = {{1, false, true, LINK_ETHER},   {772, false, true, LINK_ETHER},  {65534, true, true, LINK_RAW},
                 {65534, false, true, LINK_RAW}, {512, true, true, LINK_RAW},     {519, true, true, LINK_RAW},
                 {768, false, true, LINK_RAW},   {769, false, true, LINK_RAW},    {776, false, true, LINK_RAW},
                 {778, true, true, LINK_RAW},    {778, false, false, LINK_RAW},   {823, true, true, LINK_RAW},
                 {823, false, false, LINK_RAW},  {280, true, false, LINK_ETHER},  {801, false, false, LINK_ETHER},
                 {0, false, false, LINK_ETHER},  {65535, true, false, LINK_ETHER}};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        enum pkt_link link = LINK_COUNT;
        assert_int_equal(pkt_link_of(kinds[i].arphrd, kinds[i].point, &link), kinds[i].known);
        if (kinds[i].known) assert_int_equal(link, kinds[i].link);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_key_determined),
        cmocka_unit_test(test_direction),
        cmocka_unit_test(test_match_layers),
        cmocka_unit_test(test_match_long),
        cmocka_unit_test(test_match_where_nowhere),
        cmocka_unit_test(test_match_gathered),
        cmocka_unit_test(test_mac),
        cmocka_unit_test(test_view_wire),
        cmocka_unit_test(test_link_of),
    };
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
