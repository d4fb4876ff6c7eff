/* Messages that a router and a balancer send themselves: time exceeded, too big, a RST that ends a flow; and senders
 * that must not get any. The notation computes checksums in full. */
#include "tests/unit/vm/act.h"

#include <errno.h>

#include "vm/packet/reply/frame.h"

static const uint32_t from4[4] = {0x0a000001}, from6[4] = {0xfd000000, 0, 0, 1};

static void sent(int err, struct pkt **out, const char *request, const char *expected)
{
    static const struct facts strict = {.drop_bad_checksum = true};
    struct key key;
    assert_int_equal(err, 0);
    check_bytes(*out, expected, request);
    assert_int_equal(pkt_parse(*out, &strict, &key), REASON_NONE);
    pool_put(*out);
    check_no_slot_lost();
}

static void exceeded(const char *request, const uint32_t from[4], const char *expected)
{
    struct pkt *out = NULL;
    packet_of(request);
    sent(build_time_exceeded(&packet.pkt, &packet.key, from, pool, &out), &out, request, expected);
}

static void test_time_exceeded(void **state)
{
    (void)state;
    exceeded(
        "eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 ttl 1 opt x\"01010101\" / udp 5 > 80 / payload \"odd\"", from4,
        "eth back / vlan 5 / ip4 10.0.0.1 > 1.1.1.1 id 0 df tos 0xc0 / icmp type 11 / ip4 1.1.1.1 > 2.2.2.2 ttl 1 opt "
        "x\"01010101\" / udp 5 > 80 / payload \"odd\"");
    exceeded("ip6 ::1 > ::2 hop 0 / hbh / tcp 5 > 80 syn", from6,
             "ip6 fd00::1 > ::1 / icmp6 type 3 / ip6 ::1 > ::2 hop 0 / hbh / tcp 5 > 80 syn");
    exceeded("eth / ip4 1.1.1.1 > 2.2.2.2 ttl 1 / icmp type 8 id 1", NULL,
             "eth back / ip4 2.2.2.2 > 1.1.1.1 id 0 df tos 0xc0 / icmp type 11 / ip4 1.1.1.1 > 2.2.2.2 ttl 1 / icmp "
             "type 8 id 1");
}

static void too_big(const char *request, uint32_t mtu, const uint32_t from[4], const char *expected)
{
    struct pkt *out = NULL;
    packet_of(request);
    sent(build_too_big(&packet.pkt, &packet.key, mtu, from, pool, &out), &out, request, expected);
}

static void test_too_big(void **state)
{
    (void)state;
    too_big("eth / ip4 1.1.1.1 > 2.2.2.2 df len 1480 / tcp 5 > 80 ack csum 7 / zeros 1440", 1468, from4,
            "eth back / ip4 10.0.0.1 > 1.1.1.1 id 0 df tos 0xc0 / icmp type 3 code 4 mtu 1468 / ip4 1.1.1.1 > 2.2.2.2 "
            "df len "
            "1480 / tcp 5 > 80 ack csum 7 / zeros 508");
    too_big("eth / ip4 1.1.1.1 > 2.2.2.2 df / udp 5 > 80", 1 << 20, NULL,
            "eth back / ip4 2.2.2.2 > 1.1.1.1 id 0 df tos 0xc0 / icmp type 3 code 4 mtu 0xffff / ip4 1.1.1.1 > 2.2.2.2 "
            "df / udp 5 > 80");
    too_big("eth / ip6 ::1 > ::2 / udp 5 > 80", 1400, from6,
            "eth back / ip6 fd00::1 > ::1 / icmp6 type 2 mtu 1400 / ip6 ::1 > ::2 / udp 5 > 80");
    too_big("eth / ip6 ::1 > ::2 / udp 5 > 80", 1279, NULL,
            "eth back / ip6 ::2 > ::1 / icmp6 type 2 mtu 1280 / ip6 ::1 > ::2 / udp 5 > 80");
}

static void test_refused(void **state)
{
    (void)state;
    struct pkt *out = NULL;
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
    assert_int_equal(build_too_big(&packet.pkt, &packet.key, 1400, NULL, pool, &out), -EINVAL); /* no DF */
    packet_of("eth / arp who-has 1.1.1.1 tell 2.2.2.2");
    assert_int_equal(build_too_big(&packet.pkt, &packet.key, 1400, NULL, pool, &out), -EINVAL);
    assert_int_equal(build_time_exceeded(&packet.pkt, &packet.key, NULL, pool, &out), -EINVAL);
    assert_null(out);
    check_no_slot_lost();
}

static void test_flow_rst(void **state)
{
    (void)state;
    struct pkt *out = NULL;
    struct flow_segment rst = {.src = {0x02020202}, .dst = {0x01010101}, .src_port = 80, .dst_port = 5, .seq = 77};
    rst.flags = TCP_RST | TCP_ACK;
    rst.ack = 99;
    sent(build_flow_segment(&rst, pool, &out), &out, "a flow",
         "ip4 2.2.2.2 > 1.1.1.1 id 0 df / tcp 80 > 5 rst ack seq 77 ack 99 win 0");
    rst.flags = TCP_RST;
    rst.ack = 0;
    sent(build_flow_segment(&rst, pool, &out), &out, "a flow",
         "ip4 2.2.2.2 > 1.1.1.1 id 0 df / tcp 80 > 5 rst seq 77 win 0");
    rst = (struct flow_segment){
        .src = {0, 0, 0, 2}, .dst = {0, 0, 0, 1}, .src_port = 80, .dst_port = 5, .seq = UINT32_MAX, .flags = TCP_RST};
    rst.v6 = true;
    sent(build_flow_segment(&rst, pool, &out), &out, "a flow", "ip6 ::2 > ::1 / tcp 80 > 5 rst seq 0xffffffff win 0");
    assert_int_equal(build_flow_segment(&rst, NULL, &out), -ENOBUFS);
}

static void test_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool allowed;
    } rows[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 ttl 1 / udp 5 > 80", true},
        {"eth / ip6 2001:db8::1 > 2001:db8::2 hop 1 / icmp6 type 128", true},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 5 > 80 / zeros 16", true},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 frag 64 proto udp / zeros 8", false},
        {"eth / ip4 1.1.1.1 > 224.0.0.1 / udp 5 > 80", false},
        {"eth / ip6 2001:db8::1 > ff02::1 / udp 5 > 80", false},
        {"eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80", false},
        {"eth / ip4 0.0.0.0 > 2.2.2.2 / udp 5 > 80", false},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 11", false},
        {"eth / ip6 2001:db8::1 > 2001:db8::2 / icmp6 type 1", false},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 rst", false},
        {"eth / arp who-has 1.1.1.1 tell 2.2.2.2", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        packet_of(rows[i].text);
        if (answer_allowed(&packet.pkt, &packet.key) != rows[i].allowed) fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_exceeded), cmocka_unit_test(test_too_big), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_flow_rst),      cmocka_unit_test(test_allowed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
