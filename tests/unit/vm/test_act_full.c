/* Checksums computed in full are those of the notation. */
#include "tests/unit/vm/act.h"

#include <errno.h>

#include "vm/packet/edit/edit.h"

static void fills(const char *wrong, const char *right)
{
    struct pkt *pkt = slot_of(wrong);
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_int_equal(checksum_fill(pkt, &packet.key), 0);
    check_bytes(pkt, right, wrong);
    assert_false(pkt->flags & PKT_CSUM_PARTIAL);
    pool_put(pkt);
}

static void test_every_protocol(void **state)
{
    (void)state;
    fills("eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 csum 1 / payload \"odd\" / pad 9",
          "eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 / payload \"odd\" / pad 9");
    fills("ip6 ::1 > ::2 / hbh / tcp 5 > 80 csum 1", "ip6 ::1 > ::2 / hbh / tcp 5 > 80");
    fills("ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 1 / payload \"odd\"",
          "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / payload \"odd\"");
    fills("ip6 ::1 > ::2 / udp 5 > 80 csum 0 / payload \"odd\"", "ip6 ::1 > ::2 / udp 5 > 80 / payload \"odd\"");
    fills("ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 csum 1 / zeros 20", "ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 / zeros 20");
    fills("ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 csum 1 / payload \"odd\"",
          "ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / payload \"odd\"");
    fills("ip6 ::1 > ::2 / icmp6 type 128 csum 1 / payload \"odd\"",
          "ip6 ::1 > ::2 / icmp6 type 128 / payload \"odd\"");
    fills("ip4 1.1.1.1 > 2.2.2.2 / gre / zeros 20", "ip4 1.1.1.1 > 2.2.2.2 / gre / zeros 20");
    fills("ip6 ::1 > ::2 / frag6 0 / udp 5 > 80 csum 1", "ip6 ::1 > ::2 / frag6 0 / udp 5 > 80");
    /* Slack after the UDP datagram isn't part of it; a checksum of 0 is sent as 0xffff. */
    fills("ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 len 8 csum 1 / payload \"slack\"",
          "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 len 8 / payload \"slack\"");
    fills("ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 1 / payload x\"f97f\"",
          "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 0xffff / payload x\"f97f\"");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "ip4 1.1.1.1 > 2.2.2.2 more / udp 5 > 80 csum 1 / zeros 8",
        "ip4 1.1.1.1 > 2.2.2.2 frag 64 proto udp / zeros 8",
        "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 1 / zeros 80 / cut 60",
        "ip6 ::1 > ::2 / routing type 2 left 1 data 0 opt x\"fd000000000000000000000000000007\" / udp 5 > 80 csum 1",
        "eth / arp who-has 1.1.1.1 tell 2.2.2.2",
    };
    for (unsigned i = 0; i < 5; i++) {
        struct pkt *pkt = slot_of(rows[i]);
        assert_int_equal(checksum_fill(pkt, &packet.key), -EINVAL);
        check_bytes(pkt, rows[i], "refused");
        pool_put(pkt);
    }
    packet_of("ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
    assert_int_equal(checksum_fill(&packet.pkt, &packet.key), -EROFS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_protocol), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
