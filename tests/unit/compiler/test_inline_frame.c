/* The packets of tests as frames: each re-parses to what was written, every checksum is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/ruletest/ruletest.h"
#include "tests/unit/compiler/front.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

static uint8_t frame[FRAME_MOST];

struct built {
    struct pkt pkt;
    struct key key;
    uint32_t len;
};

/* Build the packet `text` of a test, and parse it again. */
static struct built build(const char *text)
{
    struct built b = {0};
    struct compile c;
    char rules[512];

    snprintf(rules, sizeof(rules), "const gw = 192.0.2.1\ninterface lan = \"eth1\"\ntest \"t\" { expect drop: %s }\n",
             text);
    front(&c, rules);
    resolve_tests(&c);
    if (diags_errors(c.diags)) fail_msg("%s: %s", text, front_said(&c));
    b.len = frame_write(c.tests->first->first->packet, frame);
    pkt_view(&b.pkt, frame, b.len, b.len, LINK_ETHER, c.tests->first->first->packet->iface);
    assert_int_equal(pkt_parse(&b.pkt, &(struct facts){0}, &b.key), REASON_NONE);
    assert_int_equal(b.pkt.flags & PKT_BAD_CSUM, 0);
    compile_fini(&c);
    return b;
}

/* Sum IP's payload with its pseudo header, if any: 0 if the checksum is right. */
static uint16_t upper_sum(const struct built *b, bool pseudo)
{
    const uint32_t len = b->len - b->pkt.l4;
    const uint64_t head = !pseudo ? 0
                          : b->key.kind & KIND_IP4
                              ? csum_pseudo4(b->key.src[0], b->key.dst[0], (uint8_t)b->key.proto, len)
                              : csum_pseudo6(b->key.src, b->key.dst, (uint8_t)b->key.proto, len);

    return csum_fold(csum_add(head, frame + b->pkt.l4, len));
}

static void test_tcp(void **state)
{
    (void)state;
    const struct built b = build("tcp 198.18.0.1:50000 -> self:22 syn ack psh");

    assert_int_equal(b.len, 54);
    assert_int_equal(b.key.src[0], 0xc6120001);
    assert_int_equal(b.key.dst[0], 0xc0000008);
    assert_int_equal(b.key.src_port, 50000);
    assert_int_equal(b.key.dst_port, 22);
    assert_int_equal(b.key.marks & 0xff, TCP_SYN | TCP_ACK | TCP_PSH);
    assert_int_equal(b.key.ttl, 64);
    assert_int_equal(upper_sum(&b, true), 0);
    assert_int_equal(pkt_mac(&b.pkt, false), 0x0200c6120001);
    assert_int_equal(pkt_mac(&b.pkt, true), 0x0200c0000008);
}

static void test_tcp6(void **state)
{
    (void)state;
    const struct built b = build("tcp [2001:db8::9]:1 -> self:22 syn payload x\"01 02 03\" ttl 3");

    assert_int_equal(b.len, 14 + 40 + 20 + 3);
    assert_int_equal(b.key.dst[0], 0x20010db8);
    assert_int_equal(b.key.dst[1], 0xffff0000);
    assert_int_equal(b.key.dst[3], 1);
    assert_int_equal(b.key.ttl, 3);
    assert_int_equal(b.key.length, 63);
    assert_int_equal(upper_sum(&b, true), 0);
}

static void test_udp(void **state)
{
    (void)state;
    struct built b = build("udp gw:5 -> self:53 payload x\"ff\"");

    assert_int_equal(b.key.src[0], 0xc0000201);
    assert_int_equal(wire_get16(frame + b.pkt.l4 + UDP_LENGTH), 9);
    assert_int_equal(upper_sum(&b, true), 0);
    b = build("udp [2001:db8::1]:5 -> [2001:db8::2]:53 length 1280");
    assert_int_equal(b.len, 14 + 1280);
    assert_int_equal(b.key.length, 1280);
    assert_int_equal(wire_get16(frame + b.pkt.l4 + UDP_LENGTH), 1240);
    assert_int_equal(upper_sum(&b, true), 0);
}

static void test_sctp(void **state)
{
    (void)state;
    const struct built b = build("sctp 198.18.0.1:7 -> self:9 payload x\"01 00 00 04\"");
    const uint32_t crc = csum_sctp(frame + b.pkt.l4, 16);

    assert_int_equal(b.key.dst_port, 9);
    assert_int_equal(frame[b.pkt.l4 + 8], crc & 0xff);
    assert_int_equal(frame[b.pkt.l4 + 11], crc >> 24);
}

static void test_icmp(void **state)
{
    (void)state;
    struct built b = build("icmp 198.18.0.1 -> self type destination-unreachable code 3 payload x\"45\"");

    assert_int_equal(b.key.icmp_type, 3);
    assert_int_equal(b.key.icmp_code, 3);
    assert_int_equal(upper_sum(&b, false), 0);
    b = build("icmp6 fe80::1 -> ff02::1 type nd-neighbor-solicit");
    assert_int_equal(b.key.icmp_type, 135);
    assert_int_equal(b.key.ttl, 255);
    assert_true(b.key.kind & KIND_ND);
    assert_int_equal(upper_sum(&b, true), 0);
    assert_int_equal(pkt_mac(&b.pkt, true), 0x333300000001);
    b = build("icmp6 fe80::1 -> self type 128");
    assert_int_equal(b.key.ttl, 64);
}

static void test_proto_and_groups(void **state)
{
    (void)state;
    struct built b = build("proto gre 198.18.0.1 -> 224.0.0.251 payload x\"00 00 08 00\"");

    assert_int_equal(b.key.proto, 47);
    assert_int_equal(b.len, 14 + 20 + 4);
    assert_int_equal(pkt_mac(&b.pkt, true), 0x01005e0000fb);
    b = build("proto ipip 198.18.0.1 -> 255.255.255.255");
    assert_int_equal(b.key.proto, 4);
    assert_int_equal(pkt_mac(&b.pkt, true), 0xffffffffffff);
}

static void test_arp(void **state)
{
    (void)state;
    const struct built b = build("arp 192.0.2.9 -> gw vlan 5");
    char text[200];

    pkt_describe(&b.pkt, &b.key, text, sizeof(text));
    assert_string_equal(text, "arp who-has 192.0.2.1 tell 192.0.2.9 vlan 5");
    assert_int_equal(pkt_mac(&b.pkt, true), 0xffffffffffff);
}

static void test_tags_and_interface(void **state)
{
    (void)state;
    struct built b = build("udp 192.0.2.9:1 -> self:2 inner 7 vlan 5 on lan");

    assert_int_equal(b.key.vlan_outer, 5);
    assert_int_equal(b.key.vlan_inner, 7);
    assert_int_equal(b.key.iface, 0);
    assert_int_equal(wire_get16(frame + 12), ETHER_QINQ);
    b = build("udp 192.0.2.9:1 -> self:2 vlan 0 on \"eth7\"");
    assert_true(b.key.kind & KIND_VLAN);
    assert_int_equal(b.key.vlan_outer, 0);
    assert_int_equal(b.key.iface, IFACE_OTHER);
    assert_int_equal(wire_get16(frame + 12), ETHER_VLAN);
}

static void test_fragments(void **state)
{
    static const char *const sides[] = {"198.18.0.1:1 -> self:80", "[2001:db8::9]:1 -> self:80"};
    char text[200];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), "tcp %s syn fragment first payload x\"01\"", sides[i]);
        struct built b = build(text);
        assert_true(b.key.kind & KIND_FRAG_FIRST);
        assert_true(b.key.kind & KIND_PORTS);
        assert_int_equal((b.len - b.pkt.l4) % 8, 0);
        snprintf(text, sizeof(text), "tcp %s fragment later", sides[i]);
        b = build(text);
        assert_true(b.key.kind & KIND_FRAG_LATER);
        assert_true(b.key.kind & KIND_TCP);
        assert_false(b.key.kind & KIND_PORTS);
    }
}

/* Check that the packet `bare` follows complete behind `adds` bytes of headers of the last frame. */
static void check_inner(const char *bare, const char *tunnel, uint32_t adds)
{
    static uint8_t kept[FRAME_MOST];
    char text[256];

    snprintf(text, sizeof(text), "%s %s", bare, tunnel);
    const struct built outer = build(text);
    memcpy(kept, frame, outer.len);
    const struct built inner = build(bare);
    assert_int_equal(outer.len, inner.len + adds);
    assert_memory_equal(kept + outer.pkt.l3 + adds, frame + inner.pkt.l3, inner.len - inner.pkt.l3);
}

static void test_tunnels(void **state)
{
    (void)state;
    const struct built ipip = build("tcp 198.18.0.1:5 -> 203.0.113.10:80 syn in ipip 10.1.0.2 -> self");
    assert_int_equal(ipip.key.proto, 4);
    assert_int_equal(ipip.key.src[0], 0x0a010002);
    assert_int_equal(ipip.key.dst[0], 0xc0000008);
    assert_int_equal(ipip.key.ttl, 64);
    const struct built gue = build("udp [2001:db8::1]:5 -> [2001:db8::2]:80 in gue 6080 gw -> self vlan 7 ttl 3");
    assert_int_equal(gue.key.kind & (KIND_IP4 | KIND_UDP | KIND_VLAN), KIND_IP4 | KIND_UDP | KIND_VLAN);
    assert_int_equal(gue.key.src_port, 49152);
    assert_int_equal(gue.key.dst_port, 6080);
    assert_int_equal(gue.key.ttl, 64);
    assert_int_equal(wire_get32(frame + gue.pkt.payload), 41 << 16);
    assert_int_equal(wire_get16(frame + gue.pkt.l4 + 6), 0);

    check_inner("tcp 198.18.0.1:5 -> self:80 syn", "in ipip 10.1.0.2 -> self", IP4_LEN);
    check_inner("udp [2001:db8::1]:5 -> self:80 ttl 9", "in ipip 10.1.0.2 -> self", IP4_LEN);
    check_inner("icmp gw -> self type 8 vlan 3", "in ipip 2001:db8::1 -> self", IP6_LEN);
    check_inner("sctp gw:1 -> self:2 length 65483", "in gue 1 2001:db8::1 -> self", IP6_LEN + UDP_LEN + GUE_LEN);
    check_inner("udp gw -> self fragment later", "in gue 1 10.1.0.2 -> self", IP4_LEN + UDP_LEN + GUE_LEN);
}

static void test_largest(void **state)
{
    (void)state;
    const struct built b = build("tcp 198.18.0.1:1 -> self:80 length 65535 vlan 1 inner 2");

    assert_int_equal(b.len, FRAME_MOST);
    assert_int_equal(b.key.length, 65535);
    assert_int_equal(upper_sum(&b, true), 0);
    assert_int_equal(build("udp [2001:db8::1]:1 -> self:80 length 65535").key.length, 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),       cmocka_unit_test(test_tcp6),
        cmocka_unit_test(test_udp),       cmocka_unit_test(test_sctp),
        cmocka_unit_test(test_icmp),      cmocka_unit_test(test_proto_and_groups),
        cmocka_unit_test(test_arp),       cmocka_unit_test(test_tags_and_interface),
        cmocka_unit_test(test_fragments), cmocka_unit_test(test_largest),
        cmocka_unit_test(test_tunnels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
