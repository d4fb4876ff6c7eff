/* One hop: TTL, and the MSS of a SYN. */
#include "tests/unit/vm/act.h"

#include <stdio.h>

#include "vm/packet/edit/edit.h"

static void hop(const char *from, const char *to)
{
    struct pkt *pkt = slot_of(from);
    assert_int_equal(ttl_decrement(pkt, &packet.key), to != NULL);
    check_bytes(pkt, to ? to : from, from);
    pool_put(pkt);
}

static void test_ttl(void **state)
{
    (void)state;
    for (unsigned ttl = 0; ttl < 256; ttl++) {
        char from[200], to[200];
        snprintf(from, sizeof(from), "eth / ip4 1.1.1.1 > 2.2.2.2 ttl %u opt x\"01010101\" / udp 5 > 80", ttl);
        snprintf(to, sizeof(to), "eth / ip4 1.1.1.1 > 2.2.2.2 ttl %u opt x\"01010101\" / udp 5 > 80", ttl - 1);
        hop(from, ttl > 1 ? to : NULL);
        snprintf(from, sizeof(from), "ip6 ::1 > ::2 hop %u / udp 5 > 80", ttl);
        snprintf(to, sizeof(to), "ip6 ::1 > ::2 hop %u / udp 5 > 80", ttl - 1);
        hop(from, ttl > 1 ? to : NULL);
    }
    hop("eth / ip4 1.1.1.1 > 2.2.2.2 ttl 9 frag 64 proto tcp csum 0xffff / zeros 9",
        "eth / ip4 1.1.1.1 > 2.2.2.2 ttl 8 frag 64 proto tcp csum 0x0100 / zeros 9");
    hop("eth / arp who-has 1.1.1.1 tell 2.2.2.2", NULL);
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 ttl 9 / udp 5 > 80");
    assert_false(ttl_decrement(&packet.pkt, &packet.key));
}

static void clamp(const char *from, unsigned most, const char *to)
{
    struct pkt *pkt = slot_of(from);
    assert_int_equal(mss_clamp(pkt, &packet.key, (uint16_t)most), to != NULL);
    check_bytes(pkt, to ? to : from, from);
    pool_put(pkt);
}

static void test_mss(void **state)
{
    (void)state;
    /* 1460, at even and odd places, last, first and twice. */
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"020405b404020101\"", 1360,
          "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"0204055004020101\"");
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn ack opt x\"01020405b4010101\" / payload \"odd\"", 1360,
          "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn ack opt x\"0102040550010101\" / payload \"odd\"");
    clamp("ip6 ::1 > ::2 / hbh / tcp 5 > 80 syn opt x\"010101020405b400\"", 1220,
          "ip6 ::1 > ::2 / hbh / tcp 5 > 80 syn opt x\"010101020404c400\"");
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"020405b4020405b4\"", 1,
          "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"0204000102040001\"");
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn csum 0x1000 opt x\"020405b4\"", 1459,
          "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn csum 0x1001 opt x\"020405b3\"");
    /* Left unchanged: values not above, no SYN, no option, options that end early, another length. */
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"020405b4\"", 1460, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 ack opt x\"020405b4\"", 100, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn", 100, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"00020405b4010101\"", 100, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"0301020405b40101\"", 100, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"0300020405b40101\"", 100, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"0203050101010101\"", 1, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"01020405\" / payload x\"b4b4\"", 1, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn opt x\"01010102\" / payload x\"0405b4\"", 1, NULL);
    clamp("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80", 1, NULL);
}

static void test_mss_partial(void **state)
{
    (void)state;
    struct pkt *pkt = slot_of("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn csum 0x1000 opt x\"020405b4\"");
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_true(mss_clamp(pkt, &packet.key, 1360));
    check_bytes(pkt, "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 syn csum 0x1000 opt x\"02040550\"", "partial");
    pool_put(pkt);
}

static void test_mss_of_mtu(void **state)
{
    (void)state;
    assert_int_equal(mss_of_mtu(1500, false), 1460);
    assert_int_equal(mss_of_mtu(1500, true), 1440);
    assert_int_equal(mss_of_mtu(576, false), 536);
    assert_int_equal(mss_of_mtu(1280, true), 1220);
    assert_int_equal(mss_of_mtu(40, false), 0);
    assert_int_equal(mss_of_mtu(1 << 20, true), 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_mss),
        cmocka_unit_test(test_mss_partial),
        cmocka_unit_test(test_mss_of_mtu),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
